"""The paper's core, alone and under Keras' own loop."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.layers import RectifiedCore

RANDOM = np.random.default_rng(0)
GLIMPSES = RANDOM.normal(size=[4, 3, 5]).astype("float32")
HIDDEN = RANDOM.random([4, 6]).astype("float32")


def slow_step(glimpse, hidden, core):
    kernel, bias = core.get_weights()
    return np.maximum(hidden @ kernel[:6] + glimpse @ kernel[6:] + bias, 0)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_numbers(jit_compile):
    core = RectifiedCore(units=6)
    step = tf.function(lambda glimpse, hidden: core(glimpse, [hidden]), jit_compile=jit_compile)
    hidden, (state,) = step(GLIMPSES[:, 0], HIDDEN)
    np.testing.assert_allclose(hidden, slow_step(GLIMPSES[:, 0], HIDDEN, core), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(hidden, state)


def test_it_is_a_keras_cell():
    core = RectifiedCore(units=6)
    last = keras.layers.RNN(core)(GLIMPSES)
    hidden = np.zeros([4, 6])
    for step in range(3):
        hidden = slow_step(GLIMPSES[:, step], hidden, core)
    np.testing.assert_allclose(last, hidden, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_it_starts_from_zeros_in_its_own_precision(dtype):
    (state,) = RectifiedCore(units=6, dtype=dtype).get_initial_state(3)
    assert state.dtype.name == dtype.removeprefix("mixed_")
    np.testing.assert_array_equal(tf.cast(state, tf.float32), np.zeros([3, 6]))


def test_at_first_it_keeps_its_state():
    core = RectifiedCore(units=6)
    hidden, _ = core(tf.zeros([4, 5]), [tf.constant(HIDDEN)])
    np.testing.assert_allclose(hidden, HIDDEN, atol=1e-6)
    kernel = core.get_weights()[0]
    assert np.abs(kernel[6:]).max() <= (6 / (11 + 6)) ** 0.5  # Glorot's range for the whole kernel
    assert len(np.unique(kernel[6:])) == 30
