"""Saccader on photos: every policy and stage, ablations, other classifiers at its places."""
