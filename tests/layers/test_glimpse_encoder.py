"""Glimpse encoders against matrix products in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from checks import run_layer_check

from tf_glimpse.layers import ConvGlimpseEncoder, GlimpseEncoder

RANDOM = np.random.default_rng(0)
PATCHES = RANDOM.random([5, 6, 6, 2]).astype("float32")
LOCATIONS = RANDOM.uniform(-1, 1, [5, 2]).astype("float32")
INPUTS = (tf.constant(PATCHES), tf.constant(LOCATIONS))


def relu_dense(values, layer):
    return np.maximum(values @ layer.kernel.numpy() + layer.bias.numpy(), 0)


def give_biases(layer):
    """Weights that are not zero where Keras starts with zeros, so that they show."""
    layer.set_weights([weight + RANDOM.normal(scale=0.1, size=weight.shape) for weight in layer.get_weights()])


def test_dense_layer(tmp_path):
    settings = {"what_units": 7, "where_units": 5, "units": 9}
    run_layer_check(GlimpseEncoder, settings, INPUTS, (5, 9), expected_weights=6, folder=tmp_path)


@pytest.mark.parametrize("settings", [{}, {"strides": 2, "padding": "same"}, {"strides": [1, 2]}], ids=str)
def test_convolutional_layer(settings, tmp_path):
    run_layer_check(ConvGlimpseEncoder, {"filters": (3, 4), "units": 9, **settings}, INPUTS, (5, 9), expected_weights=8, folder=tmp_path)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_dense_numbers(jit_compile):
    encoder = GlimpseEncoder(what_units=7, where_units=5, units=9)
    encoder(*INPUTS)
    give_biases(encoder)
    both = np.concatenate([relu_dense(PATCHES.reshape(5, -1), encoder.what), relu_dense(LOCATIONS, encoder.where)], axis=1)
    found = tf.function(encoder, jit_compile=jit_compile)(*INPUTS)
    np.testing.assert_allclose(found, relu_dense(both, encoder.join), rtol=1e-4, atol=1e-5)


def slow_convolution(images, layer):
    """A valid 3x3 relu convolution, place by place."""
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
    side = images.shape[1] - 2
    out = np.zeros([len(images), side, side, len(bias)])
    for row, column in np.ndindex(side, side):
        out[:, row, column] = np.tensordot(images[:, row : row + 3, column : column + 3], kernel, axes=3) + bias
    return np.maximum(out, 0)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_convolutional_numbers(jit_compile):
    encoder = ConvGlimpseEncoder(filters=(3, 4), units=9)
    encoder(*INPUTS)
    give_biases(encoder)
    seen = PATCHES
    for convolution in encoder.convolutions:
        seen = slow_convolution(seen, convolution)
    expected = relu_dense(seen.reshape(5, -1), encoder.what) * relu_dense(LOCATIONS, encoder.where)
    found = tf.function(encoder, jit_compile=jit_compile)(*INPUTS)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [GlimpseEncoder, ConvGlimpseEncoder])
def test_place_matters_as_well_as_pixels(kind):
    encoder = kind(units=32)  # enough that no draw of weights leaves every unit dead
    encoder(*INPUTS)
    give_biases(encoder)
    here, there = encoder(INPUTS[0], INPUTS[1]), encoder(INPUTS[0], -INPUTS[1])
    darker = encoder(INPUTS[0] * 0.5, INPUTS[1])
    assert not np.allclose(here, there)
    assert not np.allclose(here, darker)
