"""Learning which cells to look at from cells that somebody else ranks first."""

import tensorflow as tf

from tf_glimpse.ops.grids import PENALTY


def cell_log_probs(policy: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """Log-probabilities `[B, T]` of cells `[B, T]` under the policy's logits `[B, T, N]` before each look.

    Reference: Elsayed, Kornblith, Le 2019, section 3 (location pretraining); minus the mean of it is their loss.
    """
    return -tf.nn.sparse_softmax_cross_entropy_with_logits(cells, policy)


def unmasked_place_loss(policy: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """Mean cross-entropy `[B]` in nats a look of cells `[B, T]` under the policy's logits `[B, T, N]`, but for cells masked as visited.

    A masked cell costs 1e5 whatever the weights are, and would drown the others.
    """
    log_probs = cell_log_probs(policy, cells)
    free = tf.cast(log_probs > -PENALTY / 2, tf.float32)
    return -tf.math.divide_no_nan(tf.reduce_sum(free * log_probs, axis=1), tf.reduce_sum(free, axis=1))


def hit_rate(policy: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """How often `[B]` the policy's mode, from logits `[B, T, N]`, is one of the row's cells `[B, T]`.

    Example:
        >>> hit_rate(tf.constant([[[0.0, 1.0, 0.0], [2.0, 0.0, 0.0]]]), tf.constant([[1, 2]])).numpy().tolist()
        [0.5]
    """
    modes = tf.argmax(policy, axis=-1, output_type=cells.dtype)
    return tf.reduce_mean(tf.cast(tf.reduce_any(modes[:, :, None] == cells[:, None, :], axis=-1), tf.float32), axis=1)
