"""Convolution, batch norm, relu: shapes, numbers, statistics."""

import numpy as np
import tensorflow as tf

from tf_glimpse.layers.conv_norm import ConvNorm

INPUTS = np.random.default_rng(0).normal(size=[4, 9, 8, 3]).astype("float32")


def test_numbers():
    layer = ConvNorm(5, kernel_size=3)
    layer(INPUTS)
    layer.norm.gamma.assign(np.linspace(0.5, 1.5, 5))
    layer.norm.beta.assign(np.linspace(-1, 1, 5))
    maps = tf.nn.conv2d(INPUTS, layer.conv.kernel, 1, "VALID").numpy()
    mean, variance = maps.mean(axis=(0, 1, 2)), maps.var(axis=(0, 1, 2))
    expected = (maps - mean) / np.sqrt(variance + 1e-5) * np.linspace(0.5, 1.5, 5) + np.linspace(-1, 1, 5)
    np.testing.assert_allclose(layer(INPUTS, training=True), np.maximum(expected, 0), atol=1e-4)
    np.testing.assert_allclose(layer.norm.moving_mean, 0.1 * mean, atol=1e-6)
    np.testing.assert_allclose(layer.norm.moving_variance, 0.9 + 0.1 * variance, rtol=1e-5)


def test_a_frozen_layer_keeps_its_statistics():
    layer = ConvNorm(5)
    expected, before = layer(INPUTS), [variable.numpy() for variable in layer.variables]
    layer.trainable = False
    np.testing.assert_array_equal(layer(INPUTS, training=True), expected)
    for variable, value in zip(layer.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_a_zero_gain():
    assert not np.any(ConvNorm(5, zero_gamma=True)(INPUTS))


def test_strides_of_a_single_pixel_kernel():
    """The same as a strided convolution; its gradient, taken through one, would break TensorFlow's memory."""
    layer = ConvNorm(5, strides=2)
    layer(INPUTS)
    maps = tf.nn.conv2d(INPUTS, layer.conv.kernel, 2, "VALID")
    np.testing.assert_allclose(layer(INPUTS), np.maximum(maps / np.sqrt(1 + 1e-5), 0), atol=1e-5)
    assert layer.compute_output_shape((4, 9, 8, 3)) == maps.shape
