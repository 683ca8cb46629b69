"""Policies that draw places from a seed, whatever the image."""

import dataclasses
from typing import Any

import tensorflow as tf

from tf_glimpse.ops.coordinates import cell_centres
from tf_glimpse.types import Array

_STREAM = 3  # of draws: places are drawn apart from what else is drawn by the same seed


@dataclasses.dataclass(frozen=True, eq=False)
class Random:
    """Places drawn uniformly from the image: the random policy of Mnih et al. 2014, table 2.

    Args:
        num_glimpses: T.

    Call arguments:
        images, indices, seed: as in `tf_glimpse.policies`; the pixels do not matter.

    Returns:
        float32 `[B, T, 2]`.

    Example:
        >>> images = tf.zeros([2, 28, 28, 1])
        >>> both, second = Random(6)(images, [0, 1], seed=[1, 2]), Random(6)(images[1:], [1], seed=[1, 2])
        >>> both.shape, bool(tf.reduce_all(both[1:] == second))
        (TensorShape([2, 6, 2]), True)
    """

    num_glimpses: int

    def __call__(self, images: Array, indices: Array, seed: Array) -> tf.Tensor:
        """The places of a batch."""
        return _drawn_rows(indices, [self.num_glimpses, 2], seed, -1.0, 1.0)


@dataclasses.dataclass(frozen=True, eq=False)
class DrawnCells:
    """Centres of a grid's cells, drawn independently at each look by their log-weights.

    Args:
        log_weights: float `[h * w]`, equal ones for uniformly random cells.
        grid: (h, w).
        num_glimpses: T.

    Call arguments:
        images, indices, seed: as in `tf_glimpse.policies`; the pixels do not matter.

    Returns:
        float32 `[B, T, 2]`.

    Example:
        >>> policy = DrawnCells([0.0, -100.0], (1, 2), num_glimpses=2)
        >>> policy(tf.zeros([1, 28, 28, 1]), [7], seed=[1, 2]).numpy().tolist()
        [[[0.0, -0.5], [0.0, -0.5]]]

    Reference: Harvey et al. 2019, section 5: with minus the first glimpse's expected entropies, their cheap heuristic.
    """

    log_weights: Any
    grid: tuple
    num_glimpses: int

    def __call__(self, images: Array, indices: Array, seed: Array) -> tf.Tensor:
        """The places of a batch."""
        upper = tf.cumsum(tf.nn.softmax(tf.constant(self.log_weights, tf.float32)))[:-1]  # where each cell's share of [0, 1) ends
        draws = _drawn_rows(indices, [self.num_glimpses], seed, 0.0, 1.0)
        cells = tf.searchsorted(upper, tf.reshape(draws, [-1]), side="right")
        return tf.gather(cell_centres(self.grid), tf.reshape(cells, tf.shape(draws)))


def _drawn_rows(indices, shape, seed, low, high):
    """Rows `[B, *shape]` of a table of uniform draws with a row an index: a row is the same, however long the table is made."""
    indices, seed = tf.cast(indices, tf.int64), tf.convert_to_tensor(seed)
    own = tf.stack([tf.cast(seed[0], tf.int64), tf.constant(_STREAM, tf.int64)])
    own = tf.random.fold_in(tf.random.fold_in(own, tf.cast(seed[1], tf.int32)), 0)
    with tf.device("CPU:0"):
        table = tf.random.stateless_uniform([tf.reduce_max(indices) + 1, *shape], own, low, high)
        return tf.gather(table, indices)
