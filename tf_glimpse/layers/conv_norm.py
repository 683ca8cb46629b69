"""Convolution, batch norm, relu: what the Saccader's networks are made of."""

from typing import Any

import keras
import tensorflow as tf

from tf_glimpse.layers.batch_norm import BatchNorm
from tf_glimpse.ops.grids import every
from tf_glimpse.ops.products import pointwise

NORM = {"momentum": 0.9, "epsilon": 1e-5}  # of the authors' code; Keras' own are 0.99 and 1e-3


@keras.saving.register_keras_serializable("tf_glimpse")
class ConvNorm(keras.layers.Layer):
    """A convolution without bias, a batch norm, and a relu if wanted.

    Args:
        filters: output channels.
        kernel_size: side of the square kernel.
        strides: pixels from one output to the next, along both axes.
        dilation_rate: distance between the kernel's taps.
        padding: "valid" or "same".
        relu: whether a relu ends it.
        zero_gamma: whether the batch norm's gain starts at zero, so that a residual block starts as its skip.

    Call arguments:
        inputs: `[B, H, W, C]`.
        training: whether the batch norm uses the batch's own statistics.

    Output shape:
        `[B, H', W', filters]`.

    Example:
        >>> import tensorflow as tf
        >>> ConvNorm(4, kernel_size=3, strides=2)(tf.ones([1, 9, 9, 3])).shape
        TensorShape([1, 4, 4, 4])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 1,
        strides: int = 1,
        dilation_rate: int = 1,
        padding: str = "valid",
        relu: bool = True,
        zero_gamma: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.padding = padding
        self.relu = relu
        self.zero_gamma = zero_gamma
        self.thinning = strides if kernel_size == 1 else 1
        options = {"padding": padding, "dilation_rate": dilation_rate, "use_bias": False, "data_format": "channels_last"}
        self.conv = keras.layers.Conv2D(filters, kernel_size, strides // self.thinning, dtype=self.dtype_policy, name="conv", **options)
        self.norm = BatchNorm(gamma_initializer="zeros" if zero_gamma else "ones", dtype=self.dtype_policy, name="norm", **NORM)

    def build(self, input_shape):
        self.conv.build(input_shape)
        self.norm.build(self.compute_output_shape(input_shape))

    def call(self, inputs, training=False):
        inputs = every(inputs, self.thinning)
        outputs = self.norm.of_product(lambda kernel: self._convolved(inputs, kernel), self.conv.kernel, training)
        return keras.ops.relu(outputs) if self.relu else outputs

    def _convolved(self, inputs, kernel):
        kernel = tf.cast(kernel, inputs.dtype)
        if self.kernel_size == 1:
            return pointwise(inputs, kernel)
        return keras.ops.conv(inputs, kernel, self.conv.strides, self.padding, "channels_last", self.dilation_rate)

    def compute_output_shape(self, input_shape):
        sizes = [None if size is None else -(-size // self.thinning) for size in input_shape[1:3]]
        return self.conv.compute_output_shape((input_shape[0], *sizes, input_shape[3]))

    def get_config(self):
        names = ("filters", "kernel_size", "strides", "dilation_rate", "padding", "relu", "zero_gamma")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
