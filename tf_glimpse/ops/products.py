"""Convolutions as matrix products."""

import tensorflow as tf


def pointwise(maps, kernel):
    """The 1x1 convolution of maps `[B, H, W, C]` by a kernel `[1, 1, C, D]`: `[B, H, W, D]`.

    TensorFlow's own 1x1 convolutions of few channels take longer on a processor than this product.

    Example:
        >>> pointwise(tf.ones([2, 5, 5, 3]), tf.ones([1, 1, 3, 4])).shape
        TensorShape([2, 5, 5, 4])
    """
    _, height, width, channels = maps.shape
    rows = tf.matmul(tf.reshape(maps, [-1, channels]), tf.reshape(kernel, [channels, kernel.shape[-1]]))
    return tf.reshape(rows, [-1, height, width, kernel.shape[-1]])
