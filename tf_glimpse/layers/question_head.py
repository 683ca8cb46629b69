"""What is answered from a state where several questions may be asked."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tf_glimpse")
class QuestionHead(keras.layers.Layer):
    """A dense layer for each question; the one that is asked answers.

    Args:
        units: K, how many logits.
        num_questions: Q.

    Call arguments:
        states: `[B, ..., U]`.
        question: int `[B]`, 0 to Q - 1.

    Output shape:
        `[B, ..., K]` float32.

    Example:
        >>> QuestionHead(2, num_questions=24)(tf.ones([3, 5, 8]), tf.constant([0, 7, 23])).shape
        TensorShape([3, 5, 2])
    """

    def __init__(self, units, num_questions, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.units, self.num_questions = units, num_questions

    def build(self, states_shape, question_shape=None):
        limit = (6 / (states_shape[-1] + self.units)) ** 0.5  # Glorot's, of one question's dense layer
        initial = keras.initializers.RandomUniform(-limit, limit)
        self.kernel = self.add_weight(name="kernel", shape=(self.num_questions, states_shape[-1], self.units), initializer=initial)
        self.bias = self.add_weight(name="bias", shape=(self.num_questions, self.units), initializer="zeros")

    def call(self, states, question):
        question = tf.cast(question, tf.int32)  # a gather takes no uint8
        kernel, bias = tf.gather(self.kernel, question), tf.gather(self.bias, question)
        rows = tf.reshape(states, [tf.shape(states)[0], -1, states.shape[-1]])
        logits = tf.matmul(rows, kernel) + bias[:, None]
        return tf.reshape(logits, [-1, *states.shape[1:-1], self.units])

    def compute_output_shape(self, states_shape, question_shape=None):
        return (*states_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "num_questions": self.num_questions}
