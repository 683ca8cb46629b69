"""The batch norm against Keras' own, eager and compiled."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.layers.batch_norm import BatchNorm

OPTIONS = {"momentum": 0.9, "epsilon": 1e-5}
SHAPE = (4, 5, 6, 3)


def trained_once(layer, jit_compile, dtype="float32"):
    """Outputs, moving statistics and gradients of one call in training."""
    random = np.random.default_rng(0)
    inputs = tf.constant(3 + 2 * random.normal(size=SHAPE), dtype)
    layer.build(SHAPE)
    layer.gamma.assign(random.normal(size=3))
    layer.beta.assign(random.normal(size=3))
    weights = tf.constant(random.normal(size=SHAPE), dtype)

    @tf.function(jit_compile=jit_compile)
    def step(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True)
            loss = tf.reduce_sum(tf.cast(outputs * weights, tf.float32))
        return outputs, *tape.gradient(loss, [inputs, layer.gamma.value, layer.beta.value])

    found = step(inputs)
    return [np.asarray(tf.cast(tensor, tf.float32)) for tensor in (*found, layer.moving_mean.value, layer.moving_variance.value)]


@pytest.mark.parametrize("jit_compile", [False, True])
def test_trains_as_keras_own(jit_compile):
    wanted = trained_once(keras.layers.BatchNormalization(**OPTIONS), jit_compile)
    for found, right in zip(trained_once(BatchNorm(**OPTIONS), jit_compile), wanted, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-5)


def test_half_precision_is_normalised_in_full():
    policy = keras.DTypePolicy("mixed_float16")
    wanted = trained_once(keras.layers.BatchNormalization(dtype=policy, **OPTIONS), False, "float16")
    for found, right in zip(trained_once(BatchNorm(dtype=policy, **OPTIONS), False, "float16"), wanted, strict=True):
        np.testing.assert_allclose(found, right, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize(("training", "trainable"), [(False, True), (True, False), (None, True)])
def test_frozen_or_asked_it_uses_what_it_remembers(training, trainable):
    layer = BatchNorm(**OPTIONS)
    layer.build(SHAPE)
    layer.moving_mean.assign([1.0, 2.0, 3.0])
    layer.trainable = trainable
    outputs = layer(tf.ones(SHAPE) * [1.0, 2.0, 3.0], training=training)
    np.testing.assert_allclose(outputs, np.zeros(SHAPE), atol=1e-6)
    np.testing.assert_allclose(layer.moving_mean, [1.0, 2.0, 3.0])


@pytest.mark.parametrize(("training", "trainable"), [(True, True), (False, True), (True, False)])
def test_in_the_kernel_or_after_the_product_is_the_same(training, trainable):
    random = np.random.default_rng(0)
    kernel = tf.constant(random.normal(size=(5, 3)), tf.float32)
    inputs = tf.constant(random.normal(size=(*SHAPE[:-1], 5)), tf.float32)

    def found(call):
        layer = BatchNorm(**OPTIONS)
        layer.build(SHAPE)
        for weight, shift in zip(layer.weights, (1.0, 2.0, 3.0, 4.0), strict=True):
            weight.assign(shift + np.arange(3.0))
        layer.trainable = trainable
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            outputs = call(layer)
            loss = tf.reduce_sum(outputs**2)
        return outputs, tape.gradient(loss, kernel), layer.moving_mean, layer.moving_variance

    inside = found(lambda layer: layer.of_product(lambda kernel: inputs @ kernel, kernel, training))
    after = found(lambda layer: layer(inputs @ kernel, training=training))
    for mine, wanted in zip(inside, after, strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-4, atol=1e-4)
