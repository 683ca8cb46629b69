"""Rewards: functions `(trajectory, labels) -> [B, T]`, what each look earned."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tf_glimpse")
def final_correct(trajectory, labels):
    """1 at the last look if the prediction after it is right, else 0.

    Args:
        trajectory: a `Trajectory` with logits `[B, T, K]`.
        labels: `[B]` or `[B, 1]` class numbers, or `[B, K]` one-hot.

    Returns:
        `[B, T]` float32.

    Reference: Mnih et al. 2014, section 2.
    """
    logits = trajectory.logits
    right = tf.cast(tf.argmax(logits[:, -1], axis=-1, output_type=tf.int32) == class_numbers(labels), tf.float32)
    return tf.pad(right[:, None], [[0, 0], [tf.shape(logits)[1] - 1, 0]])


@keras.saving.register_keras_serializable("tf_glimpse")
def final_probability(trajectory, labels):
    """The right class's probability after the last look: the expectation of `final_correct` over answers drawn from the softmax.

    It tells a sure answer from a lucky one, so its gradient is less noisy than that of 0 or 1.

    Args:
        trajectory: a `Trajectory` with logits `[B, T, K]`.
        labels: `[B]` or `[B, 1]` class numbers, or `[B, K]` one-hot.

    Returns:
        `[B, T]` float32.
    """
    logits = tf.stop_gradient(trajectory.logits)
    right = tf.gather(tf.nn.softmax(logits[:, -1]), class_numbers(labels), batch_dims=1)
    return tf.pad(right[:, None], [[0, 0], [tf.shape(logits)[1] - 1, 0]])


def class_numbers(labels):
    """Labels `[B]`, `[B, 1]` or one-hot `[B, K]` as class numbers `[B]` int32."""
    labels = tf.convert_to_tensor(labels)
    if len(labels.shape) == 2 and labels.shape[1] != 1:
        return tf.argmax(labels, axis=-1, output_type=tf.int32)
    return tf.cast(tf.reshape(labels, [-1]), tf.int32)


def returns_to_go(rewards, discount=1.0):
    """The discounted sum of the rewards `[B, T]` from each look on.

    Example:
        >>> returns_to_go(tf.constant([[0.0, 1.0, 2.0]]), discount=0.5).numpy().tolist()
        [[1.0, 2.0, 2.0]]
    """
    total, returns = tf.zeros(tf.shape(rewards)[:1]), []
    for reward in reversed(tf.unstack(rewards, axis=1)):
        total = reward + discount * total
        returns.append(total)
    return tf.stack(returns[::-1], axis=1)
