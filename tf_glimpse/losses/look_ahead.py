"""Learning where to look by trying several places from the same state."""

import tensorflow as tf


def look_ahead(log_probs, rewards):
    """REINFORCE over places tried side by side, whose mean reward is the baseline: -sum_t mean_n log pi(l_tn) * advantage_tn.

    The places of a look are tried from one and the same state, so their rewards differ by the place alone; that leaves far less noise
    than the return of a whole rollout does. Each look's advantages are brought to unit size over the batch, or the first looks, where
    most is won, would drown the later ones.

    Args:
        log_probs: `[B, T, N]`, of N places drawn from the policy at each look.
        rewards: `[B, T, N]`, what the look at each earned; no gradient flows through them.

    Returns:
        `[B]`.

    Reference: Williams 1992 for the estimator; the mean of the other draws as baseline: Kool et al. 2019, Buy 4 REINFORCE Samples, Get a
    Baseline for Free!; trying actions from the same state: Schulman et al. 2015, Trust Region Policy Optimization, section 5.2 (vine).
    """
    rewards = tf.stop_gradient(rewards)
    advantages = rewards - tf.reduce_mean(rewards, axis=2, keepdims=True)
    size = tf.sqrt(tf.reduce_mean(tf.square(advantages), axis=[0, 2], keepdims=True) + 1e-8)
    return -tf.reduce_sum(tf.reduce_mean(log_probs * advantages / size, axis=2), axis=1)
