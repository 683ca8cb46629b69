"""Pure tensor functions: no variables, no randomness."""
