"""Keras' batch norm, made for speed on a processor."""

import keras
import tensorflow as tf

from tf_glimpse.ops.products import normalised


@keras.saving.register_keras_serializable("tf_glimpse")
class BatchNorm(keras.layers.BatchNormalization):
    """Batch norm over the last axis, as Keras' own, whose sums in training are matrix products (`tf_glimpse.ops.products`).

    Args:
        as for `keras.layers.BatchNormalization`; the axis is the last, and it has a gain and an offset.

    Call arguments:
        inputs: `[..., C]`.
        training: whether the batch's own statistics are used, and remembered; never where the layer is frozen.

    Output shape:
        as the inputs'.

    Example:
        >>> outputs = BatchNorm()(tf.reshape(tf.range(6.0), [3, 2]), training=True)
        >>> outputs.numpy().astype("float64").round(2).tolist()
        [[-1.22, -1.22], [0.0, 0.0], [1.22, 1.22]]
    """

    def call(self, inputs, training=False):
        if not (training and self.trainable):
            return super().call(inputs, training=False)
        rows = tf.reshape(tf.cast(inputs, tf.float32), [-1, inputs.shape[-1]])
        outputs, mean, variance = normalised(rows, self.gamma.value, self.beta.value, self.epsilon)
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1.0 - self.momentum))
        return tf.reshape(tf.cast(outputs, inputs.dtype), tf.shape(inputs))
