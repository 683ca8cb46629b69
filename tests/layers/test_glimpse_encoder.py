"""Glimpse encoders against matrix products in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.layers import ConvGlimpseEncoder, GlimpseEncoder
from tf_glimpse.layers.conv_glimpse_encoder import standardised
from tf_glimpse.types import UserError

RANDOM = np.random.default_rng(0)
PATCHES = RANDOM.random([5, 6, 6, 2]).astype("float32")
LOCATIONS = RANDOM.uniform(-1, 1, [5, 2]).astype("float32")
INPUTS = (tf.constant(PATCHES), tf.constant(LOCATIONS))


def relu_dense(values, layer):
    return np.maximum(values @ layer.kernel.numpy() + layer.bias.numpy(), 0)


def give_biases(layer):
    """Weights that are not zero where Keras starts with zeros, so that they show."""
    layer.set_weights([weight + RANDOM.normal(scale=0.1, size=weight.shape) for weight in layer.get_weights()])


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
    kernel, bias = layer.kernel.numpy().reshape(3, 3, images.shape[-1], -1), layer.bias.numpy()
    side = images.shape[1] - 2
    out = np.zeros([len(images), side, side, len(bias)])
    for row, column in np.ndindex(side, side):
        out[:, row, column] = np.tensordot(images[:, row : row + 3, column : column + 3], kernel, axes=3) + bias
    return np.maximum(out, 0)


def slow_pool(maps, side):
    """The largest of each block, block by block."""
    count = maps.shape[1] // side
    blocks = [maps[:, row * side : (row + 1) * side, column * side : (column + 1) * side] for row, column in np.ndindex(count, count)]
    return np.stack([block.max(axis=(1, 2)) for block in blocks], axis=1).reshape(len(maps), count, count, -1)


@pytest.mark.parametrize("pools", [(1, 1), (2, 1), (1, 3)])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_convolutional_numbers(jit_compile, pools):
    patches = RANDOM.random([5, 9, 9, 2]).astype("float32")
    encoder = ConvGlimpseEncoder(filters=(3, 4), pools=pools, where_units=5, units=9)
    encoder(patches, LOCATIONS)
    give_biases(encoder)
    seen = patches
    for convolution, pool in zip(encoder.convolutions, pools, strict=True):
        seen = slow_pool(slow_convolution(seen, convolution), pool)
    both = np.concatenate([relu_dense(seen.reshape(5, -1), encoder.what), relu_dense(LOCATIONS, encoder.where)], axis=1)
    expected = relu_dense(both, encoder.join)
    found = tf.function(encoder, jit_compile=jit_compile)(patches, LOCATIONS)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_convolutions_want_room_and_as_many_pools():
    with pytest.raises(UserError, match="one pool a convolution"):
        ConvGlimpseEncoder(filters=(3, 4), pools=(2,))
    with pytest.raises(UserError, match="too small"):
        ConvGlimpseEncoder(filters=(3, 4), pools=(2, 1))(*INPUTS)


@pytest.mark.parametrize("kind", [GlimpseEncoder, ConvGlimpseEncoder])
def test_place_matters_as_well_as_pixels(kind):
    encoder = kind(units=32)  # enough that no draw of weights leaves every unit dead
    encoder(*INPUTS)
    give_biases(encoder)
    here, there = encoder(INPUTS[0], INPUTS[1]), encoder(INPUTS[0], -INPUTS[1])
    darker = encoder(INPUTS[0] * 0.5, INPUTS[1])
    assert not np.allclose(here, there)
    assert not np.allclose(here, darker)


def test_normalised_channels_have_mean_0_and_variance_1():
    """However faint; so the encoder answers alike to faint and to bright patches, and an even one says nothing."""
    faint = PATCHES * np.array([1.0, 0.002], "float32")
    plain = standardised(tf.constant(faint)).numpy()
    np.testing.assert_allclose(
        plain, (PATCHES - PATCHES.mean((1, 2), keepdims=True)) / PATCHES.std((1, 2), keepdims=True), rtol=0.05, atol=0.05
    )
    np.testing.assert_array_equal(standardised(tf.fill([1, 6, 6, 2], 0.25)), np.zeros([1, 6, 6, 2]))
    encoder = ConvGlimpseEncoder(filters=(3,), units=9, normalise=True)
    np.testing.assert_allclose(encoder(faint, LOCATIONS), encoder(*INPUTS), rtol=0.1, atol=0.02)
