"""Training that near-optimal glimpse sequences teach, against training without, and what the sequences cost."""
