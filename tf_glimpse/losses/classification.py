"""Cross-entropy: after the last look for labels of either kind, and beyond it."""

from typing import Any

import keras
import tensorflow as tf

from tf_glimpse.losses.rewards import are_one_hot
from tf_glimpse.types import UserError


@keras.saving.register_keras_serializable("tf_glimpse")
class CrossEntropy(keras.losses.Loss):
    """Cross-entropy from logits `[B, K]` for labels of either kind: class numbers `[B]` or `[B, 1]`, or rows `[B, K]`, one-hot or soft.

    Raises:
        UserError: labels of another shape.

    Example:
        >>> logits = tf.constant([[0.0, 9.0], [9.0, 0.0]])
        >>> float(CrossEntropy()(tf.constant([1, 0]), logits)) == float(CrossEntropy()(tf.constant([[0.0, 1.0], [1.0, 0.0]]), logits))
        True
    """

    def __init__(self, name: str = "cross_entropy", reduction: str | None = "sum_over_batch_size", dtype: Any = None) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true, y_pred):
        if not are_one_hot(y_true) and len(y_true.shape) in (1, 2):
            return keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
        if y_true.shape[1:] != y_pred.shape[1:]:
            wanted = f"class numbers [B], or rows [B, {y_pred.shape[-1]}] with a number a class"
            raise UserError(f"labels must be {wanted}. Received: shape {tuple(y_true.shape)}")
        return keras.losses.categorical_crossentropy(y_true, y_pred, from_logits=True)

    def get_config(self):
        return {"name": self.name, "reduction": self.reduction, "dtype": self.dtype}


def anytime_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
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
