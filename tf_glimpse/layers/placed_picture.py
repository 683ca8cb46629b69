"""A small picture written at a place of a large, even ground: how a decoder draws one object that may stand anywhere."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

DARK = -8.0  # a logit: the ground begins all but black


@keras.saving.register_keras_serializable("tf_glimpse")
class PlacedPicture(keras.layers.Layer):
    """Makes from features a picture half as large as the image, and writes it where and as large as other features say.

    A dense layer to all pixels would have to learn every object again at every place; this one learns it once.

    Args:
        image_shape: (H, W, C) of the image.

    Call arguments:
        inputs: features `[B, D]`.

    Output:
        `[B, H, W, C]` float32 logits of pixels; off the picture those of the ground, one learnt number a channel.

    Example:
        >>> PlacedPicture((60, 60, 1))(tf.zeros([2, 16])).shape
        TensorShape([2, 60, 60, 1])

    Reference: Gregor et al. 2015, DRAW, https://arxiv.org/abs/1502.04623, section 3.2 ("write"), with bilinear filters as in Jaderberg et
    al. 2015; place and size once an image, as in Eslami et al. 2016, https://arxiv.org/abs/1603.08575.
    """

    def __init__(self, image_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.image_shape = tuple(image_shape)
        height, width, channels = self.image_shape
        self.picture_shape = (-(-height // 2), -(-width // 2), channels)
        self.where = keras.layers.Dense(4, dtype="float32", name="where")
        self.what = keras.layers.Dense(self.picture_shape[0] * self.picture_shape[1] * channels, dtype="float32", name="what")

    def build(self, input_shape):
        self.where.build(input_shape)
        self.what.build(input_shape)
        ground = keras.initializers.Constant(DARK)
        self.ground = self.add_weight(shape=self.image_shape[-1:], initializer=ground, name="ground")
        self.built = True

    def call(self, inputs):
        picture = tf.reshape(self.what(inputs), [-1, *self.picture_shape]) - self.ground
        place, stretch = tf.split(self.where(inputs), 2, axis=-1)
        rows, columns = (self._filters(place[:, axis], stretch[:, axis], axis) for axis in (0, 1))
        return tf.einsum("byu,buvc,bxv->byxc", rows, picture, columns) + self.ground

    def _filters(self, place, stretch, axis):
        """`[B, pixels of the image, pixels of the picture]`: how much each of the picture's rows (columns) tells of each of the image's.

        The place is that of the picture's centre, -1 to 1; a stretch of 0 leaves its size.
        """
        image, picture = (tf.range(shape[axis], dtype=tf.float32) for shape in (self.image_shape, self.picture_shape))
        middle = (self.image_shape[axis] - 1) / 2 * (1 + place[:, None])
        wanted = (image - middle) * tf.exp(-stretch[:, None]) + (self.picture_shape[axis] - 1) / 2
        return tf.nn.relu(1 - tf.abs(wanted[:, :, None] - picture))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.image_shape)

    def get_config(self):
        return {**super().get_config(), "image_shape": self.image_shape}
