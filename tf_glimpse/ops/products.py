"""What convolutional networks do besides wide convolutions, as matrix products, which every compiler is good at.

On a processor XLA adds up long columns several times as fast if a product with ones does it, and TensorFlow's own 1x1 convolutions of few
channels take longer than their product.
"""

import tensorflow as tf


def pointwise(maps, kernel):
    """The 1x1 convolution of maps `[B, H, W, C]` by a kernel `[1, 1, C, D]`: `[B, H, W, D]`.

    Example:
        >>> pointwise(tf.ones([2, 5, 5, 3]), tf.ones([1, 1, 3, 4])).shape
        TensorShape([2, 5, 5, 4])
    """
    _, height, width, channels = maps.shape
    rows = tf.matmul(tf.reshape(maps, [-1, channels]), tf.reshape(kernel, [channels, kernel.shape[-1]]))
    return tf.reshape(rows, [-1, height, width, kernel.shape[-1]])


def normalised(rows, gain, offset, epsilon):
    """Rows `[N, C]` brought to mean 0 and variance 1 in each column, times a gain `[C]`, plus an offset `[C]`: a batch norm in training.

    Args:
        rows: float32 `[N, C]`.
        gain, offset: float32 `[C]`.
        epsilon: added to the variance.

    Returns:
        `(outputs, mean, variance)`: `[N, C]`, and `[C]` each, the biased variance; no gradient goes through these two.

    Reference: Ioffe, Szegedy 2015, https://arxiv.org/abs/1502.03167, algorithm 1.

    Example:
        >>> outputs, mean, variance = normalised(tf.constant([[1.0], [3.0]]), tf.ones([1]), tf.zeros([1]), 0.0)
        >>> outputs.numpy().ravel().tolist(), mean.numpy().tolist(), variance.numpy().tolist()
        ([-1.0, 1.0], [2.0], [1.0])
    """

    @tf.custom_gradient
    def norm(rows, gain, offset):
        count = tf.cast(tf.shape(rows)[0], tf.float32)
        mean = _column_sums(rows) / count
        variance = _column_sums(tf.square(rows - mean)) / count
        scale = tf.math.rsqrt(variance + epsilon)

        def gradients(of_outputs, *_):
            standard = (rows - mean) * scale
            of_offset, of_gain = _column_sums(of_outputs), _column_sums(of_outputs * standard)
            of_rows = gain * scale * (of_outputs - (of_offset + standard * of_gain) / count)
            return of_rows, of_gain, of_offset

        return ((rows - mean) * (scale * gain) + offset, mean, variance), gradients

    return norm(rows, gain, offset)


def _column_sums(rows):
    return tf.matmul(tf.ones([1, tf.shape(rows)[0]]), rows)[0]
