"""Whether confidence is accuracy."""

import numpy as np

BINS = 15


def expected_calibration_error(confidence, right, bins=BINS):
    """Mean gap between confidence and accuracy over equal bins of confidence, weighted by how many fall into each.

    Args:
        confidence: `[N]`, the probability of each answer.
        right: `[N]` bool, whether the answer was right.
        bins: how many the confidence from 0 to 1 is divided into.

    Example:
        >>> round(expected_calibration_error(np.array([0.9, 0.9, 0.6, 0.6]), np.array([True, True, True, False])), 6)
        0.1

    Reference: Guo et al. 2017, On Calibration of Modern Neural Networks, equation 3.
    """
    places = np.minimum((np.asarray(confidence) * bins).astype(int), bins - 1)
    gaps = np.bincount(places, weights=np.asarray(right, float) - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(places))
