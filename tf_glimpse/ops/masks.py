"""Which pixels glimpses have shown, and the image with all others hidden."""

import tensorflow as tf

from tf_glimpse.ops.coordinates import patch_corners
from tf_glimpse.ops.patches import to_float


def glimpse_masks(locations, image_size, patch_size, step=1):
    """One mask a glimpse: 1 on the pixels that `extract_patches` reads at scale 1, 0 elsewhere.

    Args:
        locations: `[..., 2]` (y, x) in [-1, 1].
        image_size: (H, W) in pixels.
        patch_size: pixels of a glimpse's side.
        step: glimpses begin at multiples of it.

    Returns:
        `[..., H, W, 1]` float32.

    Example:
        >>> glimpse_masks(tf.constant([-1.0, -1.0]), (2, 3), 2)[..., 0].numpy().tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    corners = patch_corners(locations, image_size, patch_size, step)
    rows, columns = (_within(corners[..., axis, None], tf.range(side), patch_size) for axis, side in enumerate(image_size))
    return tf.cast(rows[..., :, None] & columns[..., None, :], tf.float32)[..., None]


def observe(images, masks):
    """The image with hidden pixels zero, and the mask as its last channel.

    Args:
        images: `[B, H, W, C]` uint8 0-255 or float 0-1.
        masks: `[B, H, W, 1]` float32, 1 where a pixel has been seen.

    Returns:
        `[B, H, W, C + 1]` float32.

    Reference: Harvey et al. 2019, Near-Optimal Glimpse Sequences, figure 4.
    """
    return tf.concat([to_float(images) * masks, masks], axis=-1)


def _within(first, places, side):
    return (places >= first) & (places < first + side)
