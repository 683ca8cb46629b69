"""Training-time augmentation of uint8 images, drawn from a stateless seed: one affine map an image, in one operation."""

import dataclasses
import math

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Random shift, rotation, zoom, shear and mirror image. What the map brings in from outside the image is zero.

    Args:
        shift: whole pixels; each image moves by up to so many up or down, left or right.
        rotation: degrees; up to so many either way.
        zoom: fraction; sizes change by factors from 1 - zoom to 1 + zoom.
        shear: fraction; up to so many pixels sideways a row.
        flip: whether half of the images are mirrored (left to right).

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

    def __call__(self, images, seed):
        """Images `[B, H, W, C]` uint8, each moved by its own random map."""
        height, width = images.shape[1:3]
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
