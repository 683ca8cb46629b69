"""Figures of several seeds as people write them."""

from tf_glimpse.statistics import mean, standard_deviation


def spread(numbers, digits, counted=True):
    """ "1.23"; over several seeds "1.23 +- 0.04 (3)": mean, standard deviation, and how many, unless not `counted`; nothing of none."""
    if not numbers:
        return ""
    count = f" ({len(numbers)})" if counted else ""
    several = f" +- {standard_deviation(numbers):.{digits}f}{count}" if len(numbers) > 1 else ""
    return f"{mean(numbers):.{digits}f}{several}"
