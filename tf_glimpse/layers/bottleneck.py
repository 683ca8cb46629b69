"""The residual block of a BagNet."""

from typing import Any

import keras
import tensorflow as tf

from tf_glimpse.layers.batch_norm import BatchNorm
from tf_glimpse.layers.conv_norm import NORM, ConvNorm
from tf_glimpse.ops.grids import every
from tf_glimpse.ops.products import pointwise
from tf_glimpse.types import UserError

SECOND_NORMS = ("skip", "main")


@keras.saving.register_keras_serializable("tf_glimpse")
class Bottleneck(keras.layers.Layer):
    """1x1, then 3x3 or 1x1, then 1x1 convolution, each with batch norm, added to the input; nothing is padded.

    Where the input has another size or other channels than the output, a 1x1 convolution projects it, and there is one more batch norm.
    `second_norm="skip"` puts it on the projection, as in every ResNet and in the first BagNet: both branches enter the sum normalised.
    `"main"` puts it on the main branch, after that branch's own, and leaves the projection as it is, as the Saccader's authors' code does;
    it has as many parameters, but the norm before it starts with a gain of zero, so that it divides by the square root of its epsilon.
    "skip" is the clean choice.

    Args:
        filters: channels of the two inner convolutions; the output has four times as many.
        kernel_size: 3 or 1, of the middle convolution; 3 crops one pixel off each side of the input.
        strides: of the middle convolution and the projection.
        second_norm: "skip" or "main", where the projection's batch norm goes.

    Call arguments:
        inputs: `[B, H, W, C]`.
        training: whether batch norms use the batch's own statistics.

    Output shape:
        `[B, H', W', 4 * filters]`.

    Raises:
        UserError: another `kernel_size` or `second_norm`.

    Example:
        >>> import tensorflow as tf
        >>> Bottleneck(2, kernel_size=3, strides=2)(tf.ones([1, 9, 9, 3])).shape
        TensorShape([1, 4, 4, 8])

    Reference: Brendel, Bethge 2019, BagNet, https://arxiv.org/abs/1904.00760, appendix; Elsayed et al. 2019.
    """

    def __init__(self, filters: int, kernel_size: int = 3, strides: int = 1, second_norm: str = "skip", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if kernel_size not in (1, 3) or second_norm not in SECOND_NORMS:
            wanted = f"kernel_size of 1 or 3 and second_norm as one of {', '.join(SECOND_NORMS)}"
            raise UserError(f"Bottleneck expects {wanted}. Received: {kernel_size=}, {second_norm=}")
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.second_norm = second_norm
        dtype = self.dtype_policy
        self.narrow = ConvNorm(filters, dtype=dtype, name="narrow")
        self.middle = ConvNorm(filters, kernel_size, strides, dtype=dtype, name="middle")
        self.widen = ConvNorm(4 * filters, relu=False, zero_gamma=True, dtype=dtype, name="widen")
        self.projection = self.norm = None

    def build(self, input_shape):
        self.narrow.build(input_shape)
        inner = (*input_shape[:-1], self.filters)
        self.middle.build(inner)
        self.widen.build(inner)
        outer = (*input_shape[:-1], 4 * self.filters)
        if self.strides != 1 or input_shape[-1] != outer[-1]:
            options = {"use_bias": False, "data_format": "channels_last", "dtype": self.dtype_policy}
            self.projection = keras.layers.Conv2D(outer[-1], 1, name="projection", **options)
            self.norm = BatchNorm(dtype=self.dtype_policy, name="norm", **NORM)
            self.projection.build(input_shape)
            self.norm.build(outer)

    def call(self, inputs, training=False):
        main = self.narrow(inputs, training=training)
        main = self.widen(self.middle(main, training=training), training=training)
        skip = every(inputs, self.strides, margin=self.kernel_size // 2)
        if self.projection is not None:
            if self.second_norm == "skip":
                skip = self.norm.of_product(lambda kernel: _projected(skip, kernel), self.projection.kernel, training)
            else:
                skip, main = _projected(skip, self.projection.kernel), self.norm(main, training=training)
        return keras.ops.relu(main + skip)

    def compute_output_shape(self, input_shape):
        return (*self.middle.compute_output_shape((*input_shape[:-1], self.filters))[:-1], 4 * self.filters)

    def get_config(self):
        names = ("filters", "kernel_size", "strides", "second_norm")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _projected(maps, kernel):
    return pointwise(maps, tf.cast(kernel, maps.dtype))
