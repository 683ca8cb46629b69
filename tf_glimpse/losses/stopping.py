"""When to stop looking: what the next look adds, and how well a stopping head foretells it."""

import tensorflow as tf


def accuracy_gains(right):
    """What each next look changed in accuracy: 1 where it put a wrong answer right, -1 where it spoilt a right one, else 0.

    Args:
        right: `[B, T]` int, 1 where the answer after a look is right, else 0.

    Returns:
        `[B, T - 1]` int32; entry t compares the answer after look t + 1 with that after look t.

    Example:
        >>> accuracy_gains(tf.constant([[0, 1, 0]])).numpy().tolist()
        [[1, -1]]

    Reference: Harvey et al. 2019, Near-Optimal Glimpse Sequences, section 5: "the expected increase in accuracy for a prediction made
        after the next glimpse, versus a prediction made now".
    """
    return right[:, 1:] - right[:, :-1]


def stopping_error(outcome_logits, gains):
    """Cross-entropy `[B]` in nats of gains `[B, T]` under the outcomes' logits `[B, T, 3]`, mean over looks.

    A likelihood, not a squared error: near the end of a trajectory gains are rare, and it is their small probability that decides.

    Example:
        >>> float(stopping_error(tf.constant([[[0.0, 9.0, 0.0]]]), tf.constant([[0]]))[0]) < 0.001
        True
    """
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=gains + 1, logits=outcome_logits), axis=1)
