"""Figures over several runs: their mean, how much they differ, and how far the mean may be off."""

import numpy as np
import scipy.stats


def mean(numbers):
    """The mean, a float.

    Example:
        >>> mean([1.0, 2.0, 6.0])
        3.0
    """
    return float(np.mean(numbers))


def variance(numbers):
    """The variance of what the numbers are drawn from (divided by n - 1), a float.

    Args:
        numbers: at least two.

    Example:
        >>> variance([1.0, 3.0, 5.0])
        4.0
    """
    return float(np.var(numbers, ddof=1))


def standard_deviation(numbers):
    """How much the runs differ: the root of `variance`, a float.

    Args:
        numbers: at least two.

    Example:
        >>> standard_deviation([1.0, 2.0, 3.0])
        1.0
    """
    return variance(numbers) ** 0.5


def half_interval(numbers):
    """Half the width of the 95 % interval of the mean (Student's t), a float: `mean +- half_interval` holds the true mean.

    Args:
        numbers: at least two.

    Example:
        >>> round(half_interval([1.0, 3.0]), 2)
        12.71
    """
    return float(scipy.stats.t.ppf(0.975, len(numbers) - 1) * standard_deviation(numbers) / len(numbers) ** 0.5)
