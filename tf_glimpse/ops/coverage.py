"""What of an image a sequence of looks has seen, and where looks go."""

import numpy as np
import tensorflow as tf

from tf_glimpse.ops.masks import glimpse_masks
from tf_glimpse.types import Array


def seen_pixels(locations, image_size, side, step=1):
    """Which pixels lie in at least one of the looks' square windows.

    Args:
        locations: `[B, T, 2]` (y, x) in [-1, 1].
        image_size: (H, W).
        side: pixels a side of a window.
        step: windows begin at multiples of it.

    Returns:
        `[B, H, W]` bool; its mean over the pixels is the share of the image seen.

    Example:
        >>> float(tf.reduce_mean(tf.cast(seen_pixels(tf.zeros([1, 2, 2]), (8, 8), 4), tf.float32)))
        0.25
    """
    return tf.reduce_any(glimpse_masks(locations, image_size, side, step)[..., 0] > 0, axis=1)


def place_counts(locations: Array, cells: int = 24) -> np.ndarray:
    """How many of B images each look went to, by place: `[T, cells, cells]` int, from locations `[B, T, 2]`.

    Example:
        >>> place_counts(np.array([[[0.0, 0.0]], [[-1.0, 1.0]]]), cells=3)[0].tolist()
        [[0, 0, 1], [0, 1, 0], [0, 0, 0]]
    """
    edges = np.linspace(-1, 1, cells + 1)
    places = np.clip(np.asarray(locations), -1, 1)
    maps = [np.histogram2d(*look.T, bins=(edges, edges))[0] for look in places.swapaxes(0, 1)]  # type: ignore[call-overload]  # y and x
    return np.stack(maps).astype(int)
