"""A picture is written where and as large as it is told, and nothing else is touched."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.layers import PlacedPicture


@pytest.fixture
def layer():
    """Features: place y, place x, stretch y, stretch x, brightness of a picture that is even."""
    layer = PlacedPicture((9, 13, 2))
    layer.build((None, 5))
    layer.where.set_weights([np.eye(5, 4), np.zeros(4)])
    layer.what.set_weights([np.r_[np.zeros([4, 5 * 7 * 2]), np.ones([1, 5 * 7 * 2])], np.full(5 * 7 * 2, -8.0)])
    return layer


@pytest.mark.parametrize(("place", "first"), [((0.0, 0.0), (2, 3)), ((-0.5, 0.5), (0, 6)), ((0.25, -0.5), (3, 0))])
def test_the_picture_stands_where_it_is_told(layer, place, first):
    made = layer(tf.constant([[*place, 0.0, 0.0, 3.0]])).numpy()[0] + 8
    expected = np.zeros([9, 13, 2])
    expected[first[0] : first[0] + 5, first[1] : first[1] + 7] = 3
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_a_stretch_enlarges(layer):
    small, large = layer(tf.constant([[0.0, 0, -0.7, -0.7, 1], [0, 0, 0.4, 0.4, 1]])).numpy().sum(axis=(1, 2, 3)) + 8 * 9 * 13 * 2
    assert 0 < small < 35 * 2 * 0.5
    assert large > 35 * 2 * 1.5


def test_places_stay_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = PlacedPicture((9, 13, 2))
        assert layer(tf.ones([3, 5], tf.bfloat16)).dtype == tf.float32
        assert {str(weight.dtype) for weight in layer.weights} == {"float32"}
    finally:
        keras.config.set_dtype_policy("float32")


def test_every_feature_gets_a_gradient_and_the_layer_is_saved(layer, tmp_path):
    features = tf.constant([[0.1, -0.2, 0.1, 0.05, 1.0]])
    with tf.GradientTape() as tape:
        tape.watch(features)
        total = tf.reduce_sum(tf.square(layer(features) - 1.0))
    assert np.abs(tape.gradient(total, features)).min() > 0
    model = keras.Sequential([keras.layers.Input([5]), layer])
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(keras.saving.load_model(tmp_path / "model.keras")(features), layer(features), atol=1e-6)
