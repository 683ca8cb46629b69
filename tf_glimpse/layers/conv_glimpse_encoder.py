"""A glimpse network that sees the same stroke wherever it lies in the patch."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tf_glimpse.types import UserError, whole_number, whole_numbers


@keras.saving.register_keras_serializable("tf_glimpse")
class ConvGlimpseEncoder(keras.layers.Layer):
    """A convolutional glimpse network: 3x3 relu convolutions say what, a dense layer says where, a dense layer joins them.

    The convolutions are matrix products over the patch's 3x3 windows: on a CPU, XLA trains them twice as fast as its own convolution.

    Args:
        filters: channels of the 3x3 convolutions ("valid" padding), one after another.
        pools: side of the max-pooling after each convolution, 1 for none; a tuple as long as `filters`, or one number.
        where_units: units that read the location.
        units: size of the glimpse vector.
        normalise: whether each channel of each patch is first brought to mean 0 and variance 1 over its pixels (one that is the same
            everywhere becomes 0). A small thing that a coarse scale has averaged away nearly is then as plain as on a fine one.

    Call arguments:
        patches: `[B, P, P, S*C]`, what the retina returned.
        locations: `[B, 2]` float32 (y, x) in [-1, 1].

    Output shape:
        `[B, units]`.

    Raises:
        UserError: as many `pools` as `filters` are wanted; patches too small for the convolutions.

    Example:
        >>> ConvGlimpseEncoder(filters=(8, 8), units=16)(tf.ones([2, 12, 12, 1]), tf.zeros([2, 2])).shape
        TensorShape([2, 16])

    Reference: Ba et al. 2015, Multiple Object Recognition with Visual Attention, section 3, for the convolutions; they multiply what and
    where, we join them as Mnih et al. 2014, section 4, do.
    """

    def __init__(
        self,
        filters: Sequence[int] = (32, 64),
        pools: int | Sequence[int] = 1,
        where_units: int = 128,
        units: int = 256,
        normalise: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.filters = whole_numbers("filters", filters)
        self.pools = whole_numbers("pools", pools if isinstance(pools, list | tuple) else (pools,) * len(self.filters))
        if len(self.filters) != len(self.pools):
            raise UserError(f"ConvGlimpseEncoder expects one pool a convolution. Received: {filters=}, {pools=}")
        self.where_units = where_units = whole_number("where_units", where_units)
        self.units = units = whole_number("units", units)
        self.normalise = normalise
        layer = {"activation": "relu", "dtype": self.dtype_policy}
        self.convolutions = [keras.layers.Dense(width, name=f"convolution_{index}", **layer) for index, width in enumerate(self.filters)]
        self.what = keras.layers.Dense(units, name="what", **layer)
        self.where = keras.layers.Dense(where_units, name="where", **layer)
        self.join = keras.layers.Dense(units, name="join", **layer)

    def build(self, patches_shape, locations_shape=(None, 2)):
        side, channels = patches_shape[1], patches_shape[3]
        for convolution, pool in zip(self.convolutions, self.pools, strict=True):
            convolution.build((None, 9 * channels))
            side, channels = (side - 2) // pool, convolution.units
            if side < 1:
                raise UserError(
                    f"patches of {patches_shape[1]} px are too small for the encoder's filters={self.filters}, pools={self.pools}: "
                    'enlarge patch_size, or use encoder="dense"'
                )
        self.what.build((None, side * side * channels))
        self.where.build((None, 2))
        self.join.build((None, self.units + self.where_units))

    def call(self, patches, locations):
        patches = standardised(patches) if self.normalise else patches
        for convolution, pool in zip(self.convolutions, self.pools, strict=True):
            patches = max_pool(convolution(windows(patches)), pool)
        flat = tf.reshape(patches, [-1, self.what.kernel.shape[0]])
        return self.join(tf.concat([self.what(flat), self.where(locations)], axis=-1))

    def compute_output_shape(self, patches_shape, locations_shape=None):
        return (patches_shape[0], self.units)

    def get_config(self):
        own = {"filters": self.filters, "pools": self.pools, "where_units": self.where_units, "units": self.units}
        own["normalise"] = self.normalise
        return {**super().get_config(), **own}


def standardised(patches):
    """Each channel of patches `[B, P, P, C]` with mean 0 and variance 1 over its pixels, in float32 inside."""
    mean, variance = tf.nn.moments(tf.cast(patches, tf.float32), axes=[1, 2], keepdims=True)
    return tf.cast((tf.cast(patches, tf.float32) - mean) * tf.math.rsqrt(variance + 1e-8), patches.dtype)


def windows(patches):
    """Every 3x3 window of patches `[B, P, P, C]` as a row of 9*C numbers, `[B, P - 2, P - 2, 9 * C]`."""
    height, width = patches.shape[1] - 2, patches.shape[2] - 2
    return tf.concat([patches[:, top : top + height, left : left + width] for top in range(3) for left in range(3)], axis=-1)


def max_pool(maps, side):
    """The largest of every `side` x `side` pixels of maps `[B, P, P, C]`; what is left over at the border is dropped."""
    if side == 1:
        return maps
    rows, columns = maps.shape[1] // side * side, maps.shape[2] // side * side
    strided = [maps[:, top:rows:side, left:columns:side] for top in range(side) for left in range(side)]
    largest = strided[0]
    for corner in strided[1:]:
        largest = tf.maximum(largest, corner)
    return largest
