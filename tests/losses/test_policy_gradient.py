"""REINFORCE against the formula, and against the exact gradient of the expected reward."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tf_glimpse.losses import baseline_error, location_likelihood, policy_gradient_variance, reinforce

RANDOM = np.random.default_rng(0)
LOG_PROBS, ADVANTAGES = RANDOM.normal(size=[2, 5, 3]).astype("float32")


@pytest.mark.parametrize("jit_compile", [False, True])
def test_reinforce_is_the_formula(jit_compile):
    loss = tf.function(reinforce, jit_compile=jit_compile)(LOG_PROBS, ADVANTAGES)
    np.testing.assert_allclose(loss, -(LOG_PROBS * ADVANTAGES).sum(axis=1), rtol=1e-5)


def test_reinforce_moves_scores_and_nothing_else():
    log_probs, advantages = tf.constant(LOG_PROBS), tf.constant(ADVANTAGES)
    with tf.GradientTape() as tape:
        tape.watch([log_probs, advantages])
        loss = reinforce(log_probs, advantages)
    towards_scores, towards_advantages = tape.gradient(loss, [log_probs, advantages])
    np.testing.assert_allclose(towards_scores, -ADVANTAGES)
    assert towards_advantages is None


@pytest.mark.parametrize("baseline", [0.0, 0.7])
def test_expected_gradient_is_that_of_the_expected_reward(baseline):
    """Summed over every choice by its probability, whatever the baseline."""
    logits, rewards = tf.Variable(RANDOM.normal(size=4), dtype=tf.float64), tf.constant(RANDOM.random(4))
    with tf.GradientTape(persistent=True) as tape:
        policy = tfp.distributions.Categorical(logits=logits)
        log_probs = policy.log_prob(tf.range(4))
        expected_reward = tf.reduce_sum(tf.exp(log_probs) * rewards)
        losses = reinforce(log_probs[:, None], rewards[:, None] - baseline)
        estimate = tf.reduce_sum(tf.stop_gradient(tf.exp(log_probs)) * losses)
    np.testing.assert_allclose(tape.gradient(estimate, logits), -tape.gradient(expected_reward, logits), rtol=1e-6, atol=1e-9)


def test_baseline_error_is_a_mean_square_that_moves_the_baseline_alone():
    baselines, returns = tf.constant(LOG_PROBS), tf.constant(ADVANTAGES)
    with tf.GradientTape() as tape:
        tape.watch([baselines, returns])
        errors = baseline_error(baselines, returns)
    np.testing.assert_allclose(errors, ((LOG_PROBS - ADVANTAGES) ** 2).mean(axis=1), rtol=1e-5)
    assert tape.gradient(errors, [baselines, returns])[1] is None


def test_variance_of_the_policys_gradient():
    gradients = RANDOM.normal(size=[6, 3, 2]).astype("float32")
    np.testing.assert_allclose(policy_gradient_variance(gradients), gradients.var(axis=0).sum(axis=-1).mean(), rtol=1e-5)
    assert float(policy_gradient_variance(tf.ones([6, 3, 2]))) == 0.0


def test_likelihood_of_given_actions():
    policy = tfp.distributions.MultivariateNormalDiag(tf.zeros([5, 3, 2]), tf.ones([5, 3, 2]))
    actions = RANDOM.normal(size=[5, 3, 2]).astype("float32")
    by_hand = (0.5 * actions**2 + 0.5 * np.log(2 * np.pi)).sum(axis=(1, 2))
    np.testing.assert_allclose(location_likelihood(policy.log_prob(actions)), by_hand, rtol=1e-5)
