"""How much goes on in each window of an image: statistics of its edges."""

import tensorflow as tf

from tf_glimpse.ops.patches import to_float


def edge_magnitude(images):
    """The length of the Sobel gradient of the grey image, `[B, H, W, 1]` float32.

    Args:
        images: `[B, H, W, C]` uint8 0-255 or float 0-1, grey or RGB.
    """
    images = to_float(tf.convert_to_tensor(images))
    grey = tf.image.rgb_to_grayscale(images) if images.shape[-1] == 3 else images
    return tf.sqrt(tf.reduce_sum(tf.square(tf.image.sobel_edges(grey)), axis=-1))


def window_mean(values, side, pitch):
    """Means `[B, h * w]` of values `[B, H, W, 1]` over windows of `side` pixels, `pitch` (rows, columns) apart, within the image.

    Example:
        >>> window_mean(tf.ones([1, 5, 5, 1]), side=3, pitch=(2, 2)).shape
        TensorShape([1, 4])
    """
    means = tf.nn.avg_pool2d(values, side, pitch, "VALID")
    return tf.reshape(means, [-1, means.shape[1] * means.shape[2]])


def window_variance(values, side, pitch):
    """Unbiased variances `[B, h * w]` of values `[B, H, W, 1]` over the same windows."""
    count = side**2
    spread = window_mean(tf.square(values), side, pitch) - tf.square(window_mean(values, side, pitch))
    return spread * (count / (count - 1))
