"""Cross-entropy beyond the last look."""

import tensorflow as tf


def anytime_cross_entropy(logits, labels):
    """Mean cross-entropy `[B]` of the predictions after every look but the last, so that a model may be asked early.

    Args:
        logits: `[B, T, K]`, after each look.
        labels: `[B]` int class numbers.
    """
    early = logits[:, :-1]
    if early.shape[1] == 0:
        return tf.zeros([tf.shape(logits)[0]])
    each = tf.repeat(tf.cast(labels, tf.int32)[:, None], tf.shape(early)[1], axis=1)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(each, early), axis=1)
