"""The policy that looks up places stored for some images of a split."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tf_glimpse.types import Array


@dataclasses.dataclass(frozen=True, eq=False)
class Stored:
    """Places stored for some images, such as near-optimal sequences; zeros for the others.

    Args:
        index: int `[S]`, positions of the images that have some, ascending.
        places: float `[S, T, 2]`.

    Call arguments:
        images, indices, seed: as in `tf_glimpse.policies`; only the indices matter.

    Returns:
        float32 `[B, T, 2]`.

    Example:
        >>> policy = Stored([3, 7], np.full([2, 1, 2], 0.5))
        >>> policy(tf.zeros([2, 28, 28, 1]), [7, 5], seed=[1, 2]).numpy().tolist()
        [[[0.5, 0.5]], [[0.0, 0.0]]]
    """

    index: Any
    places: Any

    def __call__(self, images: Array, indices: Array, seed: Array) -> tf.Tensor:
        """The places of a batch."""
        index, places = tf.constant(self.index, tf.int64), np.asarray(self.places, np.float32)
        indices = tf.cast(indices, tf.int64)
        rows = tf.minimum(tf.searchsorted(index, indices), len(places) - 1)
        return tf.where((tf.gather(index, rows) == indices)[:, None, None], tf.gather(places, rows), 0.0)
