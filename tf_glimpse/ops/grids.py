"""Maps over the h*w cells of a convolutional network, in row-major order: where cells lie, masks of visited ones, the best ones."""

from typing import NamedTuple

import tensorflow as tf

from tf_glimpse.ops.coordinates import cell_centres, to_cells
from tf_glimpse.types import UserError

PENALTY = 1e5  # finite, so that a second visit somebody insists on still has a log-probability; above float16's range, hence float32


class Fields(NamedTuple):
    """The receptive fields of a map's cells: squares of pixels at even distances, the first in the image's upper left corner.

    Attributes:
        grid: (h, w), the number of cells.
        image_size: (H, W) in pixels.
        side: pixels a side of what one cell sees.
        pitch: (rows, columns), pixels from one cell's field to the next one's.
    """

    grid: tuple
    image_size: tuple
    side: int
    pitch: tuple


def every(maps, step, margin=0):
    """Every `step`-th row and column of maps `[B, H, W, C]`, after `margin` of them are cut off at each side.

    A 1x1 convolution of these is the strided 1x1 convolution, whose gradient writes past its memory in TensorFlow 2.20 with oneDNN. On
    a processor TensorFlow's slices of a step above one, and the gradient of any, take longer than the convolutions of a small BagNet: rows
    and columns are gathered, and the gradient is made by padding.

    Example:
        >>> tf.squeeze(every(tf.reshape(tf.range(25), [1, 5, 5, 1]), 2, margin=1)).numpy().tolist()
        [[6, 8], [16, 18]]
    """
    if step == 1 and margin == 0:
        return maps
    height, width = (side - 2 * margin for side in maps.shape[1:3])

    @tf.custom_gradient
    def taken(maps):
        if step == 1:
            inner = maps[:, margin : margin + height, margin : margin + width]
        else:
            rows, columns = (tf.range(margin, margin + side, step) for side in (height, width))
            inner = tf.gather(tf.gather(maps, rows, axis=1), columns, axis=2)
        return inner, lambda gradient: _pad(_spread(gradient, step)[:, :height, :width], margin, height, width)

    return taken(maps)


def _spread(maps, step):
    """Maps `[B, h, w, C]` with zeros after every row and column: `[B, h * step, w * step, C]`."""
    _, height, width, channels = maps.shape
    spread = tf.pad(maps[:, :, None, :, None], [[0, 0], [0, 0], [0, step - 1], [0, 0], [0, step - 1], [0, 0]])
    return tf.reshape(spread, [-1, height * step, width * step, channels])


def _pad(maps, margin, height, width):
    """Maps brought to (height, width) by zeros behind, and by a margin of zeros around that."""
    behind = (height - maps.shape[1], width - maps.shape[2])
    return tf.pad(maps, [[0, 0], *([margin, margin + zeros] for zeros in behind), [0, 0]])


def field_centres(fields):
    """The centres of every cell's field, `[h * w, 2]` float32 (y, x) in [-1, 1].

    Example:
        >>> field_centres(Fields(grid=(1, 2), image_size=(4, 8), side=4, pitch=(4, 4))).numpy().tolist()
        [[0.0, -0.5], [0.0, 0.5]]
    """
    scale, offset = _to_image(fields)
    return cell_centres(fields.grid) * scale + offset


def field_cells(locations, fields):
    """The index `[...]` int32 of the cell whose field's centre is nearest to each location `[..., 2]`.

    Example:
        >>> int(field_cells(tf.constant([0.9, 0.1]), Fields((1, 2), (4, 8), 4, (4, 4))))
        1
    """
    scale, offset = _to_image(fields)
    return to_cells((tf.cast(locations, tf.float32) - offset) / scale, fields.grid)


def _to_image(fields):
    """(scale, offset), each `[2]`: from [-1, 1] over the box that the grid's cells would divide evenly to [-1, 1] over the image."""
    boxes = zip(fields.grid, fields.image_size, fields.pitch, strict=True)
    scale, offset = zip(*(_axis(cells, size, fields.side, pitch) for cells, size, pitch in boxes), strict=True)
    return tf.constant(scale, tf.float32), tf.constant(offset, tf.float32)


def _axis(cells, size, side, pitch):
    """(scale, offset) along one axis: the box begins half a pitch before the first field's centre and is `cells` pitches long."""
    half = pitch * cells / size
    return half, (side - pitch) / size + half - 1.0


def masked(logits, visited):
    """Logits `[B, N]` as float32, less 1e5 where `visited` `[B, N]` is 1.

    Reference: Elsayed, Kornblith, Le 2019, section 2.2: cells already looked at are not looked at again.
    """
    return tf.cast(logits, tf.float32) - PENALTY * tf.cast(visited, tf.float32)


def visit(visited, cells):
    """The mask `[B, N]` float32 with a 1 at `cells` `[B]` too."""
    return tf.maximum(visited, tf.one_hot(cells, visited.shape[-1]))


def gather_cells(maps, cells):
    """What maps `[B, N, ...]` hold at cells `[B]` or `[B, T]`."""
    return tf.gather(maps, cells, batch_dims=1)


def top_cells(values, count):
    """The `count` cells `[B, count]` int32 with the highest values `[B, N]`, the highest first, the lower index first among equals.

    Raises:
        UserError: more cells wanted than there are.

    Example:
        >>> top_cells(tf.constant([[1.0, 3.0, 2.0]]), 2).numpy().tolist()
        [[1, 2]]
    """
    if count > values.shape[-1]:
        raise UserError(f"expected at most the {values.shape[-1]} cells that there are. Received: {count}")
    return tf.math.top_k(tf.cast(values, tf.float32), count).indices


def ordered_cells(logits, count):
    """The `count` cells `[B, count]` int32 where the logit of the image's likeliest class is highest, the highest first.

    Args:
        logits: `[B, h, w, K]`, each cell's class scores; their mean over cells says which class is likeliest.
        count: at most h * w.

    Example:
        >>> ordered_cells(tf.constant([[[[0.0, 3.0], [1.0, 0.0], [2.0, 4.0]]]]), 2).numpy().tolist()
        [[2, 0]]

    Reference: Elsayed, Kornblith, Le 2019, section 3 (the "ordered logits" policy).
    """
    classes = tf.argmax(tf.reduce_mean(logits, axis=[1, 2]), axis=-1, output_type=tf.int32)
    chosen = tf.gather(logits, classes, axis=3, batch_dims=1)
    return top_cells(tf.reshape(chosen, [-1, chosen.shape[1] * chosen.shape[2]]), count)
