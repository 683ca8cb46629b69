"""Learning where to look from somebody else's glimpses."""

import tensorflow as tf


def location_likelihood(log_probs: tf.Tensor) -> tf.Tensor:
    """Minus the log-likelihood `[B]` of given glimpse sequences, from the log-probabilities `[B, T]` of their actions.

    Reference: Harvey et al. 2019, equation 3, the supervised objective's location part.
    """
    return -tf.reduce_sum(log_probs, axis=1)
