"""Training-time augmentation of uint8 images, drawn from a stateless seed: one affine map an image, and one elastic one."""

import dataclasses
import math

import tensorflow as tf

from tf_glimpse.types import Array


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Random shift, rotation, zoom, shear, mirror image and elastic map. What a map brings in from outside the image is zero.

    Args:
        shift: whole pixels; each image moves by up to so many up or down, left or right.
        rotation: degrees; up to so many either way.
        zoom: fraction; sizes change by factors from 1 - zoom to 1 + zoom.
        shear: fraction; up to so many pixels sideways a row.
        flip: whether half of the images are mirrored (left to right).
        elastic: pixels; standard deviation of a smooth field of displacements, drawn about every 7 pixels and interpolated between (as
            the elastic distortions of Simard, Steinkraus, Platt 2003).

    Call arguments:
        images: `[B, H, W, C]` uint8.
        seed: int32 or int64 `[2]`; the same seed draws the same maps.

    Returns:
        `[B, H, W, C]` uint8 (bilinear between pixels; a map of whole pixels is exact).

    Example:
        >>> import tensorflow as tf
        >>> Augmentation(shift=2)(tf.zeros([3, 28, 28, 1], tf.uint8), seed=[1, 2]).shape
        TensorShape([3, 28, 28, 1])
    """

    shift: int = 0
    rotation: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    flip: bool = False
    elastic: float = 0.0

    def __call__(self, images: tf.Tensor, seed: Array) -> tf.Tensor:
        """Images `[B, H, W, C]` uint8, each moved by its own random map."""
        height, width = images.shape[1:3]
        if self.elastic:
            images = warped(images, self.elastic * displacements(tf.shape(images)[0], height, width, seed))
        moved = tf.raw_ops.ImageProjectiveTransformV3(
            images=tf.cast(images, tf.float32),
            transforms=self._transforms(tf.shape(images)[0], seed, (height - 1) / 2, (width - 1) / 2),
            output_shape=[height, width],
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
        )
        return tf.cast(tf.round(moved), tf.uint8)

    def _transforms(self, batch_size, seed, middle_y, middle_x):
        """`[B, 8]` float32 maps from each output pixel to the input pixel it shows, about the image's middle."""
        draws = tf.random.stateless_uniform([6, batch_size], seed, -1.0, 1.0)
        angle = draws[0] * (self.rotation * math.pi / 180)
        scale = 1.0 / (1.0 + draws[1] * self.zoom)
        shear = draws[2] * self.shear
        # round() would give the two outermost shifts half the chance of the others
        down, right = (tf.floor((draw + 1) / 2 * (2 * self.shift + 1)) - self.shift for draw in (draws[3], draws[4]))
        mirror = tf.where(draws[5] < 0, -1.0, 1.0) if self.flip else tf.ones_like(angle)
        x_from_x, x_from_y = mirror * scale * tf.cos(angle), mirror * scale * (shear * tf.cos(angle) - tf.sin(angle))
        y_from_x, y_from_y = scale * tf.sin(angle), scale * (tf.cos(angle) + shear * tf.sin(angle))
        x_offset = middle_x - x_from_x * (middle_x + right) - x_from_y * (middle_y + down)
        y_offset = middle_y - y_from_x * (middle_x + right) - y_from_y * (middle_y + down)
        zeros = tf.zeros_like(angle)
        return tf.stack([x_from_x, x_from_y, x_offset, y_from_x, y_from_y, y_offset, zeros, zeros], axis=1)


def displacements(batch_size, height, width, seed, spacing=7):
    """Smooth random fields `[B, H, W, 2]` (down, right): normal draws of deviation 1 every `spacing` pixels, bicubic between them."""
    knots = [max(2, round(side / spacing) + 1) for side in (height, width)]
    draws = tf.random.stateless_normal([batch_size, *knots, 2], seed)
    return tf.image.resize(draws, [height, width], "bicubic")


def warped(images, moves):
    """Images `[B, H, W, C]` uint8 with each pixel taken from `moves` `[B, H, W, 2]` pixels (down, right) away, bilinear, zero outside."""
    height, width, channels = images.shape[1:]
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]])
    rows = tf.clip_by_value(tf.range(height, dtype=tf.float32)[:, None] + moves[..., 0] + 1, 0, height)
    columns = tf.clip_by_value(tf.range(width, dtype=tf.float32) + moves[..., 1] + 1, 0, width)
    top, left = tf.floor(rows), tf.floor(columns)
    down, right = (rows - top)[..., None], (columns - left)[..., None]
    corner = tf.cast(top, tf.int32) * (width + 2) + tf.cast(left, tf.int32)
    flat = tf.reshape(padded, [-1, (height + 2) * (width + 2), channels])
    at = [tf.cast(tf.gather(flat, corner + step, batch_dims=1), tf.float32) for step in (0, 1, width + 2, width + 3)]
    mixed = (at[0] * (1 - right) + at[1] * right) * (1 - down) + (at[2] * (1 - right) + at[3] * right) * down
    return tf.cast(tf.round(mixed), tf.uint8)
