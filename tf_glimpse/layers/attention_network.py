"""The Saccader's attention network: what is here, seen together with what lies around."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from tf_glimpse.layers.conv_norm import ConvNorm

if TYPE_CHECKING:
    import tensorflow as tf


@keras.saving.register_keras_serializable("tf_glimpse")
class AttentionNetwork(keras.layers.Layer):
    """From a classifier's features to the mixed features that places are chosen by.

    "Where" features see 9x9 cells: twice a 1x1 and a 3x3 convolution of dilation 2, first to half, then to a quarter of the channels.
    They are joined with the cell's own "what" features and mixed by a 1x1 convolution.

    Args:
        mixed_channels: channels of the mixed features.

    Call arguments:
        features: `[B, h, w, D]`, the classifier's last features.
        what: `[B, h, w, E]`, those that its logits are made of.
        training: whether batch norms use the batch's own statistics.

    Output shape:
        `[B, h, w, mixed_channels]`.

    Example:
        >>> import tensorflow as tf
        >>> AttentionNetwork(mixed_channels=6)(tf.ones([1, 5, 5, 8]), tf.ones([1, 5, 5, 2])).shape
        TensorShape([1, 5, 5, 6])

    Reference: Elsayed, Kornblith, Le 2019, Saccader, https://arxiv.org/abs/1908.07644, section 2.1, figure 1.
    """

    def __init__(self, mixed_channels: int = 512, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mixed_channels = mixed_channels
        self.embeddings: list = []
        self.mixing = keras.layers.Conv2D(mixed_channels, 1, data_format="channels_last", dtype=self.dtype_policy, name="mixing")

    def build(self, features_shape, what_shape):
        shape, dtype = tuple(features_shape), self.dtype_policy
        for share in (2, 4):
            filters = features_shape[-1] // share
            for options in ({"kernel_size": 1}, {"kernel_size": 3, "dilation_rate": 2}):
                layer = ConvNorm(filters, padding="same", dtype=dtype, name=f"embedding_{len(self.embeddings)}", **options)
                layer.build(shape)
                shape = (*shape[:-1], filters)
                self.embeddings.append(layer)
        self.mixing.build((*shape[:-1], shape[-1] + what_shape[-1]))

    def call(self, features, what, training=False):
        return self.mixing(keras.ops.concatenate([self.where(features, training), what], axis=-1))

    def where(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The "where" features `[B, h, w, D // 4]`."""
        for layer in self.embeddings:
            features = layer(features, training=training)
        return features

    def compute_output_shape(self, features_shape, what_shape):
        return (*features_shape[:-1], self.mixed_channels)

    def get_config(self):
        return {**super().get_config(), "mixed_channels": self.mixed_channels}
