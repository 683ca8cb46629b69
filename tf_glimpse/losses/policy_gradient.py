"""REINFORCE and what goes with it."""

import tensorflow as tf


def reinforce(log_probs: tf.Tensor, advantages: tf.Tensor) -> tf.Tensor:
    """The score-function loss -sum_t log pi(l_t) * advantage_t, per trajectory; its gradient estimates that of minus the return.

    Args:
        log_probs: `[B, T]`, of the raw actions.
        advantages: `[B, T]`, return minus baseline; no gradient flows through them.

    Returns:
        `[B]`.

    Reference: Williams 1992; Mnih et al. 2014, equation 4.
    """
    return -tf.reduce_sum(log_probs * tf.stop_gradient(advantages), axis=1)


def baseline_error(baselines: tf.Tensor, returns: tf.Tensor) -> tf.Tensor:
    """Mean squared error `[B]` of the baselines `[B, T]` against the returns `[B, T]`.

    Reference: Mnih et al. 2014, section 3.2 (variance reduction).
    """
    return tf.reduce_mean(tf.square(baselines - tf.stop_gradient(returns)), axis=1)


def policy_gradient_variance(gradients: tf.Tensor) -> tf.Tensor:
    """How much the policy's gradient differs between trajectories: the variance over rows, summed over parameters, mean over looks.

    Args:
        gradients: `[B, T, A]`, each row's gradient of its own loss with respect to the policy's mean or logits.

    Returns:
        a scalar.
    """
    return tf.reduce_mean(tf.reduce_sum(tf.math.reduce_variance(gradients, axis=0), axis=-1))
