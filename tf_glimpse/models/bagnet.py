"""BagNet: a residual network whose every cell sees one small square of the image, and classifies it."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_glimpse.layers.bottleneck import Bottleneck
from tf_glimpse.layers.conv_norm import ConvNorm
from tf_glimpse.models.checked import CheckedModel
from tf_glimpse.ops.grids import Fields
from tf_glimpse.ops.patches import checked_range, to_float
from tf_glimpse.ops.receptive_fields import STEM, choose_wide_blocks, receptive_field_of
from tf_glimpse.tasks import Classification
from tf_glimpse.types import UNIT, UserError, whole_number


class Representation(NamedTuple):
    """What a BagNet makes of every cell's field.

    Attributes:
        features: `[B, h, w, D]`, the last block's output.
        what: `[B, h, w, E]`, what the logits are a linear map of: the bottleneck's output, or the features without one.
        logits: `[B, h, w, K]` float32, each cell's class scores.
    """

    features: Any
    what: Any
    logits: Any


@keras.saving.register_keras_serializable("tf_glimpse")
class BagNet(CheckedModel):
    """A classifier that knows an image as a bag of local features: its logits are the mean of every cell's own.

    A ResNet-50 whose receptive field is kept small: nothing is padded, and only the first blocks of each group have 3x3 kernels. The
    defaults are the published BagNet-77-lowD for 224x224 images; give `receptive_field` for another, `width` for a narrower one.

    Args:
        num_classes: K, at least 2.
        receptive_field: pixels a side of what one cell sees; 9, 17, 33 and 77 are published. 77 if neither this nor `wide_blocks` is given.
        wide_blocks: how many blocks of each group have a 3x3 kernel, the first ones. Found from `receptive_field` if None: no more
            in any group than needed, the early groups first.
        width: factor of all channels.
        low_dim: whether a last 1x1 convolution brings the features to a quarter of their channels before they are classified.
        second_norm: "skip" or "main", see `tf_glimpse.layers.Bottleneck`; the authors' code has "main".
        blocks: residual blocks in each group.
        filters: inner channels of each group's blocks; they put out four times as many.
        strides: of each group.
        stem_filters: channels of the first convolution.
        input_range: (black, white) of float images, such as (0, 255); uint8 always means 0-255.
        pixel_mean, pixel_stddev: what pixels 0-1 are normalised with; numbers, or one a channel.

    Call arguments:
        images: `[B, H, W, C]` uint8 0-255 or float within `input_range`, at least as large as the receptive field.
        training: whether batch norms use the batch's own statistics.

    Output shape:
        `[B, K]` float32 logits.

    Raises:
        UserError: a receptive field that these groups cannot have; images smaller than it, or of other channels than the weights.

    Example:
        >>> model = BagNet(num_classes=5, receptive_field=17, width=0.125)
        >>> model(tf.zeros([2, 48, 48, 3])).shape, model.fields((48, 48)).grid
        (TensorShape([2, 5]), (4, 4))

    Reference: Brendel, Bethge 2019, BagNet, https://arxiv.org/abs/1904.00760; the variant of Elsayed et al. 2019, supplement.
    """

    def __init__(
        self,
        num_classes: int,
        receptive_field: int | None = None,
        wide_blocks: Sequence[int] | None = None,
        width: float = 1.0,
        low_dim: bool = True,
        second_norm: str = "skip",
        blocks: Sequence[int] = (3, 4, 6, 3),
        filters: Sequence[int] = (64, 128, 256, 512),
        strides: Sequence[int] = (2, 2, 2, 1),
        stem_filters: int = 64,
        pixel_mean: float | Sequence[float] = 0.45,
        pixel_stddev: float | Sequence[float] = 0.225,
        input_range: Sequence[float] = UNIT,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        num_classes = whole_number("num_classes", num_classes, 2)
        if not isinstance(width, int | float) or width <= 0:
            raise UserError(f"BagNet expects a width above zero. Received: {width=}")
        if receptive_field is not None:
            whole_number("receptive_field", receptive_field)
        if not len(blocks) == len(filters) == len(strides):
            raise UserError(f"BagNet expects equally many blocks, filters and strides. Received: {blocks=}, {filters=}, {strides=}")
        self.num_classes, self.task = num_classes, Classification(num_classes)
        self.wide_blocks = choose_wide_blocks(receptive_field, wide_blocks, tuple(blocks), tuple(strides))
        self.receptive_field = receptive_field_of(self.wide_blocks, strides)
        self.width = width
        self.low_dim = low_dim
        self.second_norm = second_norm
        self.blocks = tuple(blocks)
        self.filters = tuple(filters)
        self.strides = tuple(strides)
        self.stem_filters = stem_filters
        self.pixel_mean = pixel_mean
        self.pixel_stddev = pixel_stddev
        self.input_range = checked_range(input_range)
        dtype = self.dtype_policy
        self.stem = ConvNorm(self._scaled(stem_filters), STEM, dtype=dtype, name="stem")
        self.residual_blocks = [self._block(group, number) for group, count in enumerate(blocks) for number in range(count)]
        self.bottleneck: Any = ConvNorm(self._scaled(filters[-1]), dtype=dtype, name="bottleneck") if low_dim else None
        self.classifier = keras.layers.Conv2D(num_classes, 1, data_format="channels_last", dtype="float32", name="classifier")

    def _scaled(self, channels):
        return max(1, round(self.width * channels))

    def _block(self, group, number):
        return Bottleneck(
            self._scaled(self.filters[group]),
            kernel_size=3 if number < self.wide_blocks[group] else 1,
            strides=self.strides[group] if number == 0 else 1,
            second_norm=self.second_norm,
            dtype=self.dtype_policy,
            name=f"group_{group}_block_{number}",
        )

    def build(self, input_shape):
        self.fields(input_shape[1:3])
        self._check_channels(input_shape[-1])
        shape = tuple(input_shape)
        for layer in (self.stem, *self.residual_blocks, *([self.bottleneck] if self.low_dim else [])):
            if not self.built:
                layer.build(shape)
            shape = layer.compute_output_shape(shape)
        if not self.built:
            self.classifier.build(shape)
        self.built = True

    def _check_channels(self, channels):
        """Refuses images that the pixels' means, or the weights, are not for; TensorFlow would make three channels of a grey one."""
        known = {np.size(self.pixel_mean), np.size(self.pixel_stddev)} - {1}
        known |= {self.stem.conv.kernel.shape[-2]} if self.built else set()
        if known - {channels}:
            raise UserError(f"this BagNet expects images of {max(known)} channels, as its weights or pixel_mean. Received: {channels}")

    @property
    def channels(self) -> tuple[int, int]:
        """(D, E), channels of the features and of the "what" features."""
        inner = self._scaled(self.filters[-1])
        return 4 * inner, inner if self.low_dim else 4 * inner

    def call(self, images, training=False):
        return tf.reduce_mean(self.represent(images, training).logits, axis=[1, 2])

    def represent(self, images: tf.Tensor, training: bool = False) -> Representation:
        """The `Representation` of images `[B, H, W, C]`."""
        images = tf.convert_to_tensor(images)
        self.fields(images.shape[1:3])  # images too small end here, not in a layer
        self._check_channels(images.shape[-1])
        pixels = (to_float(images, self.input_range) - self.pixel_mean) / self.pixel_stddev
        features = self.stem(tf.cast(pixels, self.compute_dtype), training=training)
        for block in self.residual_blocks:
            features = block(features, training=training)
        what = self.bottleneck(features, training=training) if self.low_dim else features
        return Representation(features, what, self.classifier(tf.cast(what, tf.float32)))

    def fields(self, image_size: Sequence[int]) -> Fields:
        """What each cell sees of an image of (H, W) pixels, as `tf_glimpse.ops.grids.Fields`.

        Raises:
            UserError: a side that is unknown, or smaller than the receptive field.
        """
        side, pitch = self.receptive_field, math.prod(self.strides)
        if any(pixels is None or pixels < side for pixels in image_size):
            raise UserError(f"this BagNet expects images of a known size, at least {side}x{side} pixels. Received: {tuple(image_size)}")
        grid = tuple((pixels - side) // pitch + 1 for pixels in image_size)
        return Fields(grid, tuple(image_size), side, (pitch, pitch))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_classes)

    def get_config(self):
        names = ("num_classes", "receptive_field", "wide_blocks", "width", "low_dim", "second_norm")
        names += ("blocks", "filters", "strides", "stem_filters", "pixel_mean", "pixel_stddev", "input_range")
        own = {name: getattr(self, name) for name in names}
        return {"name": self.name, "dtype": keras.saving.serialize_keras_object(self.dtype_policy), **own}
