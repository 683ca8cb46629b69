"""The stopping head: is one more look worth it?"""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tf_glimpse")
class StoppingHead(keras.layers.Layer):
    """The expected gain in accuracy of answering after the next look instead of now.

    It reads the state through the classifier: the class log-probabilities, the highest first, so that it learns how sure the answer is and
    not which class it is. It tells three outcomes apart, a right answer lost, no change, a wrong answer put right; the expected gain is the
    last one's probability less the first one's. Its input is detached: the head learns from the model and changes nothing in it.
    Everything is float32, also under mixed precision.

    Args:
        units: units of the hidden relu layer.
        top: how many log-probabilities it reads, or all of them if there are fewer classes.

    Call arguments:
        logits: `[..., K]`, the class scores after a look.

    Output shape:
        `[...]` float32 in [-1, 1].

    Example:
        >>> StoppingHead(units=8)(tf.zeros([2, 5, 10])).shape
        TensorShape([2, 5])

    Reference: Harvey et al. 2019, Near-Optimal Glimpse Sequences, section 5 (adaptive stopping).
    """

    def __init__(self, units: int = 32, top: int = 10, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(autocast=False, **kwargs)
        self.units = units
        self.top = top
        self.hidden = keras.layers.Dense(units, activation="relu", dtype="float32", name="hidden")
        self.linear = keras.layers.Dense(3, dtype="float32", name="linear")

    def build(self, logits_shape):
        self.hidden.build((None, min(self.top, logits_shape[-1])))
        self.linear.build((None, self.units))

    def call(self, logits):
        chances = tf.nn.softmax(self.outcomes(logits))
        return chances[..., 2] - chances[..., 0]

    def outcomes(self, logits: tf.Tensor) -> tf.Tensor:
        """The logits `[..., 3]` of losing a right answer, no change, and putting a wrong one right."""
        log_probs = tf.nn.log_softmax(tf.stop_gradient(tf.cast(logits, tf.float32)))
        highest, _ = tf.math.top_k(log_probs, min(self.top, logits.shape[-1]))
        return self.linear(self.hidden(highest * 0.1))

    def compute_output_shape(self, logits_shape):
        return tuple(logits_shape[:-1])

    def get_config(self):
        return {**super().get_config(), "units": self.units, "top": self.top}
