"""What the class may be, given the glimpses so far."""

from collections.abc import Sequence
from typing import Any

import keras

from tf_glimpse.models.precision import check_precision
from tf_glimpse.types import whole_number, whole_numbers


@keras.saving.register_keras_serializable("tf_glimpse")
class GlimpsePosterior(keras.Model):
    """g(class | glimpses): a small convolutional network that sees the image with unobserved pixels zero and the mask as a channel.

    Compile it with a loss on logits and fit it on `observe(images, masks)` of glimpses at random (`tf_glimpse.boed.train_posterior`).

    Args:
        num_classes: K, at least 2.
        filters: filters of each convolution; every one is 3x3 and halves the maps.
        units: size of the layer between the maps and the class scores.

    Call arguments:
        observations: `[B, H, W, C + 1]` float32, as `tf_glimpse.ops.masks.observe` makes them.

    Output:
        logits `[B, K]` float32.

    Raises:
        UserError: fewer than two classes, or no filters.

    Example:
        >>> import tensorflow as tf
        >>> GlimpsePosterior(num_classes=10)(tf.zeros([2, 28, 28, 2])).shape
        TensorShape([2, 10])

    Reference: Harvey et al. 2019, Near-Optimal Glimpse Sequences, section 3 and figure 4.
    """

    def __init__(self, num_classes: int, filters: Sequence[int] = (16, 32), units: int = 128, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_precision(self.dtype_policy)
        self.num_classes = num_classes = whole_number("num_classes", num_classes, 2)
        self.filters = whole_numbers("filters", filters)
        self.units = units = whole_number("units", units)
        maps = [keras.layers.Conv2D(count, 3, 2, "same", "channels_last", activation="relu") for count in self.filters]
        hidden = [keras.layers.Flatten("channels_last"), keras.layers.Dense(units, activation="relu")]
        self.network = keras.Sequential([*maps, *hidden, keras.layers.Dense(num_classes, dtype="float32")])

    def build(self, input_shape):
        self.network.build(input_shape)
        self.built = True

    def call(self, observations, training=False):
        return self.network(observations, training=training)

    def get_config(self):
        names = ("num_classes", "filters", "units")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
