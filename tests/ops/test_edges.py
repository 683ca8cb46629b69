"""Edges in windows, against SciPy and NumPy."""

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from tf_glimpse.ops.edges import edge_magnitude, window_mean, window_variance

IMAGES = np.random.default_rng(0).integers(0, 256, [2, 13, 17, 3]).astype("uint8")
GREY = IMAGES @ np.array([0.2989, 0.587, 0.114]) / 255


def magnitude(image):
    """SciPy's Sobel gradient; TensorFlow mirrors the border without its edge pixel."""
    return np.hypot(*(scipy.ndimage.sobel(image, axis=axis, mode="mirror") for axis in range(2)))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_sobel_gradient(jit_compile):
    found = tf.function(edge_magnitude, jit_compile=jit_compile)(IMAGES)
    np.testing.assert_allclose(found[..., 0], [magnitude(image) for image in GREY], atol=1e-4)
    grey = edge_magnitude(GREY[..., None].astype("float32"))
    np.testing.assert_allclose(grey, found, atol=1e-4)


@pytest.mark.parametrize(("side", "pitch"), [(5, (4, 4)), (3, (2, 3))])
def test_windows(side, pitch):
    values = np.random.default_rng(1).random([2, 13, 17, 1]).astype("float32")
    starts = [(row, column) for row in range(0, 13 - side + 1, pitch[0]) for column in range(0, 17 - side + 1, pitch[1])]
    windows = np.stack([values[:, row : row + side, column : column + side].reshape(2, -1) for row, column in starts], axis=1)
    np.testing.assert_allclose(window_mean(values, side, pitch), windows.mean(axis=-1), rtol=1e-5)
    np.testing.assert_allclose(window_variance(values, side, pitch), windows.var(axis=-1, ddof=1), rtol=1e-4)
