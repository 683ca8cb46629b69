"""The glimpse network: from what the retina saw, and where, to one vector."""

from typing import Any

import keras
import tensorflow as tf

from tf_glimpse.types import whole_number


@keras.saving.register_keras_serializable("tf_glimpse")
class GlimpseEncoder(keras.layers.Layer):
    """The paper's dense glimpse network: relu(Dense([relu(Dense(patches)), relu(Dense(location))])).

    Args:
        what_units: units that read the patches.
        where_units: units that read the location.
        units: size of the glimpse vector.

    Call arguments:
        patches: `[B, P, P, S*C]`, what the retina returned.
        locations: `[B, 2]` float32 (y, x) in [-1, 1].

    Output shape:
        `[B, units]`.

    Example:
        >>> GlimpseEncoder(units=16)(tf.ones([2, 8, 8, 1]), tf.zeros([2, 2])).shape
        TensorShape([2, 16])

    Reference: Mnih et al. 2014, section 4: g = Rect(Linear(h_g) + Linear(h_l)), which is one Dense layer on both.
    """

    def __init__(self, what_units: int = 128, where_units: int = 128, units: int = 256, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.what_units = what_units = whole_number("what_units", what_units)
        self.where_units = where_units = whole_number("where_units", where_units)
        self.units = units = whole_number("units", units)
        self.what = keras.layers.Dense(what_units, activation="relu", dtype=self.dtype_policy, name="what")
        self.where = keras.layers.Dense(where_units, activation="relu", dtype=self.dtype_policy, name="where")
        self.join = keras.layers.Dense(units, activation="relu", dtype=self.dtype_policy, name="join")

    def build(self, patches_shape, locations_shape=(None, 2)):
        _, height, width, channels = patches_shape
        self.what.build((None, height * width * channels))
        self.where.build((None, 2))
        self.join.build((None, self.what_units + self.where_units))

    def call(self, patches, locations):
        flat = tf.reshape(patches, [-1, self.what.kernel.shape[0]])
        return self.join(tf.concat([self.what(flat), self.where(locations)], axis=-1))

    def compute_output_shape(self, patches_shape, locations_shape=None):
        return (patches_shape[0], self.units)

    def get_config(self):
        own = {"what_units": self.what_units, "where_units": self.where_units, "units": self.units}
        return {**super().get_config(), **own}
