"""Which pixels were seen, against painting squares by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.ops.coordinates import patch_corners
from tf_glimpse.ops.coverage import seen_pixels


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("side", [1, 4, 7])
def test_seen_pixels(side, jit_compile):
    locations = np.random.default_rng(0).uniform(-1, 1, [3, 4, 2]).astype("float32")
    expected = np.zeros([3, 12, 15], bool)
    for row, corners in zip(expected, patch_corners(locations, (12, 15), side).numpy(), strict=True):
        for top, left in corners:
            row[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = True
    found = tf.function(lambda places: seen_pixels(places, (12, 15), side), jit_compile=jit_compile)(locations)
    np.testing.assert_array_equal(found, expected)
