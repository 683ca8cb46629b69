"""Accuracy against operations: small networks searched, shorter trials, images of 1024 px."""
