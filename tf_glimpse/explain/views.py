"""Images as they can be shown: channels as colours, and what the retina saw as one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_glimpse.ops.coordinates import patch_corners
from tf_glimpse.ops.patches import extract_patches, to_float
from tf_glimpse.types import UNIT, Array

if TYPE_CHECKING:
    from tf_glimpse.layers.retina import Retina


def in_unit(images, retina):
    """Images for a retina of another range as floats 0-1, and the retina for those; as they are if its floats are 0-1, or it is None."""
    if retina is None or retina.input_range == UNIT:
        return images, retina
    return to_float(tf.convert_to_tensor(images), retina.input_range).numpy(), retina.in_unit()


def displayed(pixels):
    """Images of any number of channels as grey or colour.

    Args:
        pixels: `[..., C]`, uint8 0-255 or float 0-1.

    Returns:
        float32 0-1: `[..., 1]` of one channel, else `[..., 3]`: of two channels the first is red and the second green and blue, so that
        equal channels look grey; of more than three the first three are red, green and blue.

    Example:
        >>> displayed(np.full([2, 2, 5], 255, np.uint8)).shape
        (2, 2, 3)
    """
    pixels = np.clip(np.nan_to_num(to_float(tf.convert_to_tensor(pixels)).numpy()), 0, 1)
    return pixels[..., [0, 1, 1]] if pixels.shape[-1] == 2 else pixels[..., :3]


def channel_note(channels):
    """A sentence about how so many channels are shown; empty for grey and colour images."""
    if channels in (1, 3):
        return ""
    if channels == 2:
        return "Two channels: the first is shown as red, the second as green and blue."
    return f"{channels} channels: the first three are shown as red, green and blue, the rest not at all."


def rim_note(retina, image_size, locations):
    """A sentence about black at the rim of the views; empty where no patch reached outside of its image.

    Args:
        retina: a `Retina`.
        image_size: (H, W).
        locations: `[..., 2]` (y, x) in [-1, 1].
    """
    side, step = retina.window(retina.num_scales - 1)
    height, width = image_size
    corners = patch_corners(tf.convert_to_tensor(locations), image_size, side, step).numpy()
    if side > min(height, width):
        return f"The widest patch ({side} px) is larger than the image ({width} x {height} px): black at its rim lies outside the image."
    if (corners < 0).any() or (corners + side > image_size).any():
        return "Black at the rim of a view lies outside the image."
    return ""


def foveate(image: Array, location: Array, retina: Retina) -> np.ndarray:
    """What the retina saw, as one picture `[side, side, C]` float 0-1: sharp in the middle, coarser outwards.

    Args:
        image: `[H, W, C]`.
        location: `[2]` (y, x).
        retina: a `Retina`.
    """
    image, location = tf.convert_to_tensor(image)[None], tf.convert_to_tensor(location)[None]
    settings = {"size": retina.patch_size, "aligned": retina.aligned, "input_range": retina.input_range}
    return overlaid([extract_patches(image, location, scale=2**scale, **settings)[0].numpy() for scale in range(retina.num_scales)])


def overlaid(patches):
    """The patches of all scales `[S, P, P, C]`, the sharpest first, laid over each other at their sizes in the image."""
    size, scales = patches[0].shape[0], len(patches)
    side = size * 2 ** (scales - 1)
    picture = np.zeros((side, side, patches[0].shape[-1]), np.float32)
    for scale in reversed(range(scales)):
        margin, extent = (side - size * 2**scale) // 2, size * 2**scale
        picture[margin : margin + extent, margin : margin + extent] = patches[scale].repeat(2**scale, 0).repeat(2**scale, 1)
    return picture
