import numpy as np
import tensorflow as tf

from tf_glimpse.boed import calibration
from tf_glimpse.boed.posterior import expected_calibration_error, random_masks


def test_it_is_calibrated_and_knows_more_with_more_glimpses(posterior, digits):
    rows = calibration(posterior, digits.validation, patch_size=2, num_glimpses=3)
    assert [row["glimpses"] for row in rows] == [0, 1, 2, 3]
    accuracies, entropies = ([row[name] for row in rows] for name in ("accuracy", "entropy"))
    assert accuracies == sorted(accuracies)
    assert entropies == sorted(entropies, reverse=True)
    assert accuracies[-1] > 0.3
    assert max(row["ece"] for row in rows) < 0.15


def test_numbers_and_places_of_training_glimpses_are_uniform():
    images = tf.fill([4000, 8, 8, 1], 1.0)
    seen = random_masks(images, 1, 3, (0, 5)).numpy()[..., 0]
    assert np.bincount(seen.sum(axis=(1, 2)).astype(int), minlength=4)[0] > 900  # a quarter sees nothing
    shares = seen.mean(axis=0)[1:-1, 1:-1]
    assert shares.min() > 0.7 * shares.mean()
    again = random_masks(images, 1, 3, (0, 5)).numpy()[..., 0]
    np.testing.assert_array_equal(seen, again)


def test_the_calibration_error_is_its_definition():
    assert expected_calibration_error(np.array([0.95, 0.95, 0.5, 0.5]), np.array([True, True, False, False])) == 0.275
    assert expected_calibration_error(np.full(10, 0.7), np.arange(10) < 7) < 1e-6
