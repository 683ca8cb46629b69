"""Places tried side by side, against the formula written out, and against the exact gradient."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tf_glimpse.losses import look_ahead

RANDOM = np.random.default_rng(0)
LOG_PROBS, REWARDS = RANDOM.normal(size=[2, 5, 3, 4]).astype("float32")


@pytest.mark.parametrize("jit_compile", [False, True])
def test_it_is_the_formula(jit_compile):
    advantages = REWARDS - REWARDS.mean(axis=2, keepdims=True)
    unit = advantages / np.sqrt((advantages**2).mean(axis=(0, 2), keepdims=True))
    found = tf.function(look_ahead, jit_compile=jit_compile)(LOG_PROBS, REWARDS)
    np.testing.assert_allclose(found, -(LOG_PROBS * unit).mean(axis=2).sum(axis=1), rtol=1e-4, atol=1e-6)


def test_neither_the_rewards_level_nor_its_unit_matters_and_it_gets_no_gradient():
    np.testing.assert_allclose(look_ahead(LOG_PROBS, REWARDS), look_ahead(LOG_PROBS, 7 + 3 * REWARDS), rtol=1e-3, atol=1e-5)
    rewards = tf.constant(REWARDS)
    with tf.GradientTape() as tape:
        tape.watch(rewards)
        loss = look_ahead(LOG_PROBS, rewards)
    assert tape.gradient(loss, rewards) is None


def test_equal_rewards_teach_nothing():
    np.testing.assert_array_equal(look_ahead(LOG_PROBS, np.ones_like(REWARDS)), np.zeros(5))


def test_the_mean_moves_to_the_better_places():
    mean = tf.Variable([0.0, 0.0])
    with tf.GradientTape() as tape:
        policy = tfp.distributions.MultivariateNormalDiag(mean, [0.1, 0.1])
        places = tf.stop_gradient(policy.sample([64, 1, 8], seed=(1, 2)))
        loss = tf.reduce_mean(look_ahead(policy.log_prob(places), -tf.norm(places - [0.5, -0.5], axis=-1)))
    step = -tape.gradient(loss, mean).numpy()
    assert np.dot(step, [1, -1]) / np.linalg.norm(step) / 2**0.5 > 0.99
