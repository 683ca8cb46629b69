"""Places that somebody else gives for the images of a batch, and partial supervision by them.

A policy is a function (images, indices, seed) -> places `[B, T, 2]`; `tf_glimpse.policies` describes it and has those with a name.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tf_glimpse.types import Array, UserError


@dataclasses.dataclass(frozen=True)
class Supervision:
    """A policy that teaches the model's own on some rows of each training batch; on the others the model looks where it likes.

    Args:
        policy: a function (images, indices, seed) -> places `[B, T, 2]`, as in `tf_glimpse.policies`.
        share: of each batch's rows, drawn at random, in (0, 1].
        until: fraction of the run, in (0, 1], by which the share has fallen to zero in a straight line; None keeps it.
        among: int `[S]`, positions of the images that have places: the rows that are taught show these, drawn at random; None if all have.

    Raises:
        UserError: a share or fraction out of range.

    Example:
        >>> from tf_glimpse.policies import Scan
        >>> teacher = Supervision(Scan([(-0.5, 0.0), (0.5, 0.0)]), share=0.5)
        >>> teacher.rows(4, seed=[1, 2], progress=0.0).shape
        TensorShape([4])

    Reference: Harvey et al. 2019, Near-Optimal Glimpse Sequences, section 4.4 (partial supervision).
    """

    policy: Callable
    share: float = 1.0
    until: float | None = None
    among: Any = None

    def __post_init__(self):
        if not 0 < self.share <= 1 or (self.until is not None and not 0 < self.until <= 1):
            raise UserError(f"Supervision expects a share, and until, in (0, 1]. Received: share={self.share}, until={self.until}")

    def rows(self, count: int | tf.Tensor, seed: Array, progress: float | tf.Tensor) -> tf.Tensor:
        """Which of `count` rows are taught, bool `[count]`, when so much (0 to 1) of the run is over."""
        left = 1.0 if self.until is None else tf.maximum(0.0, 1.0 - tf.cast(progress, tf.float32) / self.until)
        return tf.random.stateless_uniform([count], seed) < self.share * left

    def images(self, indices: tf.Tensor, rows: tf.Tensor, seed: Array) -> tf.Tensor:
        """The positions `[n]` of a batch's images, where `rows` are taught of images that have places."""
        if self.among is None:
            return indices
        drawn = tf.random.stateless_uniform([tf.size(indices)], seed, 0, len(self.among), tf.int64)
        return tf.where(rows, tf.gather(tf.constant(self.among, tf.int64), drawn), indices)


def places_of(policy: Callable, images: Array, indices: Array, seed: Array) -> tf.Tensor:
    """What a policy answers for a batch, float32 `[B, T, 2]`, checked to be places.

    Args:
        policy, images, indices, seed: as in `tf_glimpse.policies`.

    Raises:
        UserError: an answer of another shape; inside tf.data, a policy that computes with NumPy.
    """
    try:
        places = tf.cast(policy(images, indices, seed), tf.float32)
    except (NotImplementedError, AttributeError) as error:
        if "numpy" not in str(error).lower():
            raise
        rule = "inside tf.data a policy becomes part of a graph and is expected to compute with TensorFlow's functions"
        raise UserError(f"{rule}; wrap NumPy's by tf.numpy_function. Received: {policy!r}, which says: {error}") from error
    if len(places.shape) != 3 or places.shape[-1] != 2:
        wanted = "a policy is expected to return places [B, T, 2], (y, x) in [-1, 1]"
        raise UserError(f"{wanted}. Received: an answer of shape {tuple(places.shape)} from {policy!r}")
    return places
