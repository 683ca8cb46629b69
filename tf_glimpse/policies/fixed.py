"""Policies that give every image the same places, known beforehand."""

import dataclasses
from typing import Any

import tensorflow as tf

from tf_glimpse.types import Array


@dataclasses.dataclass(frozen=True, eq=False)
class Scan:
    """The same places for every image, in the order given: a scan.

    Args:
        places: T pairs (y, x) in [-1, 1].

    Call arguments:
        images, indices, seed: as in `tf_glimpse.policies`; only the number of indices matters.

    Returns:
        float32 `[B, T, 2]`.

    Example:
        >>> Scan([(-0.5, 0.0), (0.5, 0.0)])(tf.zeros([1, 28, 28, 1]), [7], seed=[1, 2]).numpy().tolist()
        [[[-0.5, 0.0], [0.5, 0.0]]]
    """

    places: Any

    def __call__(self, images: Array, indices: Array, seed: Array) -> tf.Tensor:
        """The places of a batch."""
        return tf.tile(tf.constant(self.places, tf.float32)[None], [tf.size(indices), 1, 1])


@dataclasses.dataclass(frozen=True, eq=False)
class Centre:
    """Every look at the image's centre; a `Saccader` looks at the cell in its middle.

    Args:
        num_glimpses: T.

    Call arguments:
        images, indices, seed: as in `tf_glimpse.policies`; only the number of indices matters.

    Returns:
        float32 `[B, T, 2]`.

    Example:
        >>> float(tf.reduce_max(tf.abs(Centre(6)(tf.zeros([2, 28, 28, 1]), [0, 1], seed=[1, 2]))))
        0.0
    """

    num_glimpses: int

    def __call__(self, images: Array, indices: Array, seed: Array) -> tf.Tensor:
        """The places of a batch."""
        return tf.zeros([tf.size(indices), self.num_glimpses, 2])
