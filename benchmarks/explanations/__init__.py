"""What each look tells, how faithful that is, and what the states keep of the image."""
