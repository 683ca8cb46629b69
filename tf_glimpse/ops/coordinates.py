"""The one convention for places: (y, x) in [-1, 1], (-1, -1) the image's upper left corner, (0, 0) its centre, always float32."""

import tensorflow as tf


def clip(locations):
    """Clips raw actions `[..., 2]` to the image, as float32."""
    return tf.clip_by_value(tf.cast(locations, tf.float32), -1.0, 1.0)


def patch_corners(locations, image_size, side, step=1):
    """The upper left pixel of a square patch centred on each location.

    Args:
        locations: `[..., 2]` float32 (y, x) in [-1, 1].
        image_size: (H, W), ints or an int tensor `[2]`.
        side: the patch's side in pixels.
        step: corners are rounded to multiples of it.

    Returns:
        `[..., 2]` int32 (row, column); negative where the patch begins outside of the image.

    Example:
        >>> patch_corners(tf.constant([[0.0, 0.0], [-1.0, 1.0]]), (28, 28), 8).numpy().tolist()
        [[10, 10], [-4, 24]]
    """
    centres = (tf.cast(locations, tf.float32) + 1.0) * 0.5 * tf.cast(image_size, tf.float32)
    corners = centres - side / 2
    return tf.cast(tf.round(corners), tf.int32) if step == 1 else tf.cast(tf.round(corners / step), tf.int32) * step


def cell_centres(grid):
    """The centres of a grid's cells in row-major order.

    Args:
        grid: (h, w), the number of cells that divide the image's height and width.

    Returns:
        `[h * w, 2]` float32 (y, x).

    Example:
        >>> cell_centres((1, 2)).numpy().tolist()
        [[0.0, -0.5], [0.0, 0.5]]
    """
    rows, columns = ((tf.range(cells, dtype=tf.float32) + 0.5) * (2.0 / cells) - 1.0 for cells in grid)
    return tf.reshape(tf.stack(tf.meshgrid(rows, columns, indexing="ij"), axis=-1), [-1, 2])


def to_cells(locations, grid):
    """The row-major index `[...]` int32 of the cell that each location `[..., 2]` lies in.

    Example:
        >>> int(to_cells(tf.constant([0.9, -0.9]), (3, 3)))
        6
    """
    size = tf.constant(grid, tf.int32)
    places = tf.cast(tf.floor((clip(locations) + 1.0) * 0.5 * tf.cast(size, tf.float32)), tf.int32)
    places = tf.minimum(places, size - 1)
    return places[..., 0] * size[1] + places[..., 1]
