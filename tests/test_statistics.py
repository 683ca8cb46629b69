"""The interval is Student's, as its tables have it."""

import pytest

from tf_glimpse.statistics import half_interval, mean, standard_deviation, variance

NUMBERS = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]


def test_mean_and_deviation_are_those_by_hand():
    assert mean(NUMBERS) == 5.0
    assert variance(NUMBERS) == pytest.approx(32 / 7)
    assert standard_deviation(NUMBERS) == pytest.approx((32 / 7) ** 0.5)


@pytest.mark.parametrize(("count", "quantile"), [(2, 12.706), (3, 4.303), (5, 2.776), (8, 2.365)])
def test_the_interval_has_the_quantile_of_students_table(count, quantile):
    numbers = NUMBERS[-count:]
    assert half_interval(numbers) == pytest.approx(quantile * standard_deviation(numbers) / count**0.5, rel=1e-3)
