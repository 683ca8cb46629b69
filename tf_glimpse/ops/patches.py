"""Cutting square patches out of images by a flat gather, so that a patch costs what it shows, whatever the image's size."""

import math

import tensorflow as tf

from tf_glimpse.ops.coordinates import patch_corners
from tf_glimpse.types import UNIT, UserError


def to_float(pixels, input_range=UNIT):
    """Pixels as float32, 0 (black) to 1 (white).

    Args:
        pixels: uint8 0-255, or float within `input_range`.
        input_range: (black, white) of float pixels.

    Example:
        >>> to_float(tf.constant([0.0, 255.0]), (0, 255)).numpy().tolist()
        [0.0, 1.0]
    """
    if pixels.dtype == tf.uint8:
        return tf.cast(pixels, tf.float32) * (1.0 / 255.0)
    if not pixels.dtype.is_floating:
        raise UserError(f"expected images as uint8 0-255 or float 0-1. Received: {pixels.dtype.name}")
    black, white = input_range
    pixels = tf.cast(pixels, tf.float32)
    return pixels if (black, white) == UNIT else (pixels - black) * (1.0 / (white - black))


def from_float(pixels, input_range=UNIT):
    """Pixels 0-1 as floats within `input_range`: the way back of `to_float`."""
    black, white = input_range
    return pixels if (black, white) == UNIT else pixels * (white - black) + black


def in_range(pixels, input_range=UNIT):
    """Pixels, uint8 or float, as floats within `input_range`."""
    return from_float(to_float(tf.convert_to_tensor(pixels), input_range), input_range)


def black_of(pixels, input_range=UNIT):
    """The value of a black pixel among these: what lies outside of an image."""
    return tf.cast(0 if pixels.dtype == tf.uint8 else input_range[0], pixels.dtype)


def checked_range(input_range):
    """`(black, white)` as floats.

    Raises:
        UserError: anything but two finite numbers, the first below the second.
    """
    try:
        black, white = (float(value + 0.0) for value in input_range)  # which refuses text
    except (TypeError, ValueError):
        black, white = math.nan, math.nan
    if not -math.inf < black < white < math.inf:
        raise UserError(f"input_range expects (black, white) of float images, such as (0, 255) or (-1, 1). Received: {input_range!r}")
    return black, white


def extract_patches(images, locations, size, scale=1, aligned=False, input_range=UNIT):
    """Square patches centred on the locations, each pixel the mean of `scale` x `scale` pixels of the image; zeros outside of it.

    Args:
        images: `[B, H, W, C]` uint8 0-255 or float within `input_range`.
        locations: `[B, 2]` (y, x) in [-1, 1], or N places an image, `[B, N, 2]`.
        size: the side of the result in pixels.
        scale: how many image pixels a patch pixel stands for, along each side.
        aligned: whether corners are rounded to multiples of `scale`, so that the patch is a part of a level of `image_pyramid`.
        input_range: (black, white) of float images.

    Returns:
        `[B, size, size, C]` or `[B, N, size, size, C]` float32 0-1.

    Example:
        >>> extract_patches(tf.ones([1, 6, 6, 1]), tf.constant([[-1.0, -1.0]]), 2)[0, :, :, 0].numpy().tolist()
        [[0.0, 0.0], [0.0, 1.0]]
    """
    corners = patch_corners(locations, tf.shape(images)[1:3], size * scale, scale if aligned else 1)
    pixels = to_float(gather_grid(images, corners, size * scale, outside=black_of(images, input_range)), input_range)
    if scale == 1:
        return pixels
    blocks = tf.reshape(pixels, [-1, *locations.shape[1:-1], size, scale, size, scale, images.shape[-1]])
    return tf.reduce_mean(blocks, axis=[-4, -2])


def gather_grid(images, corners, count, stride=1, outside=0):
    """The `count` x `count` pixels from each corner on, `stride` apart; `outside` where they lie outside of the image.

    Args:
        images: `[B, H, W, C]`.
        corners: `[B, 2]` int32 (row, column), possibly outside; or `[B, N, 2]`.
        count: pixels a side.
        stride: distance between them.
        outside: a number.

    Returns:
        `[B, count, count, C]` or `[B, N, count, count, C]` of the images' dtype.
    """
    shape = tf.shape(images)
    height, width, channels = shape[1], shape[2], images.shape[-1]
    steps = tf.range(count) * stride
    rows, columns = corners[..., 0, None] + steps, corners[..., 1, None] + steps
    inside = _within(rows, height)[..., :, None] & _within(columns, width)[..., None, :]
    rows, columns = tf.clip_by_value(rows, 0, height - 1), tf.clip_by_value(columns, 0, width - 1)
    places = rows[..., :, None] * width + columns[..., None, :]
    pixels = tf.gather(tf.reshape(images, [-1, height * width, channels]), places, batch_dims=1)
    return tf.where(inside[..., None], pixels, tf.cast(outside, images.dtype))


def box_means(images, scale):
    """Means over every `scale` x `scale` box that touches the image, made by doubling: the pooled pyramid's level.

    Args:
        images: `[B, H, W, C]` float.
        scale: a power of two.

    Returns:
        `[B, H + scale - 1, W + scale - 1, C]`; entry (i, j) is the mean of the box with upper left pixel (i - scale + 1, j - scale + 1).

    Example:
        >>> box_means(tf.ones([1, 1, 1, 1]), 2)[0, :, :, 0].numpy().tolist()
        [[0.25, 0.25], [0.25, 0.25]]
    """
    step = 1
    while step < scale:
        padded = tf.pad(images, [[0, 0], [step, step], [step, step], [0, 0]])
        tall = padded[:, :-step] + padded[:, step:]
        images = (tall[:, :, :-step] + tall[:, :, step:]) * 0.25
        step *= 2
    return images


def image_pyramid(images, num_levels, input_range=UNIT):
    """The image, and each level the means of 2x2 pixels of the one before; zeros fill up what is not a whole 2x2.

    Args:
        images: `[B, H, W, C]` uint8 0-255 or float within `input_range`.
        num_levels: how many levels, the image counted.
        input_range: (black, white) of float images.

    Returns:
        a list: the images as they came, then float32 0-1 of half the side, a quarter, and so on.

    Example:
        >>> [level.shape[1:3].as_list() for level in image_pyramid(tf.zeros([1, 6, 8, 3], tf.uint8), 3)]
        [[6, 8], [3, 4], [2, 2]]
    """
    levels = [images]
    for level in range(num_levels - 1):
        finer = levels[-1] if level else to_float(images, input_range)
        if any(side is None or side % 2 for side in finer.shape[1:3]):
            rest = [(finer.shape[axis] or tf.shape(finer)[axis]) % 2 for axis in (1, 2)]
            finer = tf.pad(finer, [[0, 0], [0, rest[0]], [0, rest[1]], [0, 0]])
        levels.append(tf.nn.avg_pool2d(finer, 2, 2, "VALID"))
    return levels


def _within(places, size):
    return (places >= 0) & (places < size)
