"""Patches by flat gather against patches cut one pixel at a time."""

import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.ops.patches import box_means, extract_patches, gather_grid, to_float

RANDOM = np.random.default_rng(0)


def pixel(image, row, column):
    """One pixel, or zeros outside of the image."""
    height, width, channels = image.shape
    return image[row, column] if 0 <= row < height and 0 <= column < width else np.zeros(channels, image.dtype)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("stride", [1, 3])
def test_gathered_grid_is_the_images_pixels(dtype, stride, jit_compile):
    images = RANDOM.integers(1, 255, [4, 5, 9, 3]).astype(dtype)
    corners = np.array([[0, 0], [-2, 7], [4, -3], [50, -50]], "int32")
    grid = tf.function(lambda: gather_grid(tf.constant(images), tf.constant(corners), 4, stride), jit_compile=jit_compile)()
    assert grid.dtype == dtype
    for image, (top, left), found in zip(images, corners, grid.numpy(), strict=True):
        for row, column in np.ndindex(4, 4):
            np.testing.assert_array_equal(found[row, column], pixel(image, top + row * stride, left + column * stride))


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_box_means_are_means_over_every_box(scale):
    images = RANDOM.random([2, 5, 6, 2]).astype("float32")
    means = box_means(tf.constant(images), scale).numpy()
    assert means.shape == (2, 5 + scale - 1, 6 + scale - 1, 2)
    padded = np.pad(images, [(0, 0), (scale - 1, scale - 1), (scale - 1, scale - 1), (0, 0)])
    for row, column in np.ndindex(means.shape[1:3]):
        box = padded[:, row : row + scale, column : column + scale]
        np.testing.assert_allclose(means[:, row, column], box.mean(axis=(1, 2)), rtol=1e-5, atol=1e-6)


def test_uint8_and_float_pixels_mean_the_same():
    images = RANDOM.integers(0, 256, [3, 8, 8, 1]).astype("uint8")
    places = tf.constant(RANDOM.uniform(-1, 1, [3, 2]), tf.float32)
    whole, parts = (extract_patches(tf.constant(pixels), places, 4, 2) for pixels in (images, (images / 255).astype("float32")))
    np.testing.assert_allclose(whole, parts, atol=1e-6)
    assert to_float(tf.constant([0, 255], tf.uint8)).numpy().tolist() == [0.0, 1.0]


def test_patches_pass_gradients_to_the_pixels_they_show():
    images = tf.Variable(tf.zeros([1, 8, 8, 1]))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(extract_patches(images, tf.zeros([1, 2]), 4))
    gradient = tf.convert_to_tensor(tape.gradient(total, images))[0, :, :, 0].numpy()
    np.testing.assert_array_equal(gradient, np.pad(np.ones([4, 4]), 2))
