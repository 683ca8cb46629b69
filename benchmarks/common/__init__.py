"""What several rooms share: timing, rows of results, comparing steps."""
