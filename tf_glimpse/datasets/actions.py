"""Somebody else's actions for a data set: where a model must look, whatever its own policy says.

An actions function takes example indices (int64 `[n]`) and a seed (int `[2]`) and returns places float32 `[n, T, 2]`, (y, x) in [-1, 1].
The pipeline calls it with a fresh seed every training step, and once for a whole evaluation split.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_glimpse.ops.coordinates import cell_centres
from tf_glimpse.types import UserError


@dataclasses.dataclass(frozen=True)
class Supervision:
    """Actions that teach a policy on some rows of each training batch; on the others it looks where it likes.

    Args:
        actions: an actions function.
        share: of each batch's rows, drawn at random, in (0, 1].
        until: fraction of the run, in (0, 1], by which the share has fallen to zero in a straight line; None keeps it.
        among: int `[S]`, positions of the images that have actions: the rows that are taught show these, drawn at random; None if all have.

    Raises:
        UserError: a share or fraction out of range.

    Reference: Harvey et al. 2019, Near-Optimal Glimpse Sequences, section 4.4 (partial supervision).
    """

    actions: Callable
    share: float = 1.0
    until: float | None = None
    among: Any = None

    def __post_init__(self):
        if not 0 < self.share <= 1 or (self.until is not None and not 0 < self.until <= 1):
            raise UserError(f"Supervision wants a share, and until, in (0, 1]. Received: share={self.share}, until={self.until}")

    def rows(self, count, seed, progress):
        """Which of `count` rows are taught, bool `[count]`, when so much (0 to 1) of the run is over."""
        left = 1.0 if self.until is None else tf.maximum(0.0, 1.0 - tf.cast(progress, tf.float32) / self.until)
        return tf.random.stateless_uniform([count], seed) < self.share * left

    def images(self, indices, rows, seed):
        """The positions `[n]` of a batch's images, where `rows` are taught of images that have actions."""
        if self.among is None:
            return indices
        drawn = tf.random.stateless_uniform([tf.size(indices)], seed, 0, len(self.among), tf.int64)
        return tf.where(rows, tf.gather(tf.constant(self.among, tf.int64), drawn), indices)


def scan_actions(places):
    """The same places for every image, in the order given: a scan.

    Args:
        places: T pairs (y, x) in [-1, 1].

    Example:
        >>> scan_actions([(-0.5, 0.0), (0.5, 0.0)])([7], seed=[1, 2]).numpy().tolist()
        [[[-0.5, 0.0], [0.5, 0.0]]]
    """
    return lambda indices, seed: tf.tile(tf.constant(places, tf.float32)[None], [tf.size(indices), 1, 1])


def random_actions(num_glimpses):
    """Places drawn uniformly from the image: the random policy of Mnih et al. 2014, table 2.

    Example:
        >>> random_actions(6)([0, 1], seed=[1, 2]).shape
        TensorShape([2, 6, 2])
    """
    return lambda indices, seed: tf.random.stateless_uniform([tf.size(indices), num_glimpses, 2], seed, -1.0, 1.0)


def centre_actions(num_glimpses):
    """Every look at the image's centre.

    Example:
        >>> float(tf.reduce_max(centre_actions(6)([0, 1], seed=[1, 2])))
        0.0
    """
    return lambda indices, seed: tf.zeros([tf.size(indices), num_glimpses, 2])


def sequence_actions(index, actions):
    """Places stored for some images; zeros for the others.

    Args:
        index: int `[S]`, positions of the images that have some, ascending.
        actions: float32 `[S, T, 2]`.

    Example:
        >>> sequence_actions([3, 7], np.full([2, 1, 2], 0.5))([7, 5], seed=[1, 2]).numpy().tolist()
        [[[0.5, 0.5]], [[0.0, 0.0]]]
    """
    index, actions = np.asarray(index, np.int64), np.asarray(actions, np.float32)

    def look_up(indices, seed):
        indices = tf.cast(indices, tf.int64)
        places = tf.minimum(tf.searchsorted(tf.constant(index), indices), len(index) - 1)
        stored = tf.gather(index, places) == indices
        return tf.where(stored[:, None, None], tf.gather(actions, places), 0.0)

    return look_up


def map_actions(log_weights, grid, num_glimpses):
    """Centres of a grid's cells, drawn independently at each look by their log-weights.

    Args:
        log_weights: float `[h * w]`, equal ones for uniformly random cells.
        grid: (h, w).
        num_glimpses: T.

    Example:
        >>> map_actions([0.0, -100.0], (1, 2), num_glimpses=2)([7], seed=[1, 2]).numpy().tolist()
        [[[0.0, -0.5], [0.0, -0.5]]]

    Reference: Harvey et al. 2019, section 5: with minus the first glimpse's expected entropies, their cheap heuristic.
    """
    centres = cell_centres(grid)

    def draw(indices, seed):
        logits = tf.tile(tf.constant(log_weights, tf.float32)[None], [tf.size(indices), 1])
        return tf.gather(centres, tf.random.stateless_categorical(logits, num_glimpses, seed))

    return draw
