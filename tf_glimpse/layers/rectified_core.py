"""The paper's core network as a Keras RNN cell."""

from typing import Any

import keras
import tensorflow as tf

from tf_glimpse.types import whole_number


@keras.saving.register_keras_serializable("tf_glimpse")
class RectifiedCore(keras.layers.Layer):
    """The simple recurrent core h' = relu(Dense([h, glimpse])), a Keras RNN cell.

    At first it keeps its state and adds what it sees: the recurrent part of the kernel starts as the identity, so that early looks are not
    forgotten before the core has learned anything.

    Args:
        units: size of the hidden state.

    Call arguments:
        inputs: `[B, G]`, the glimpse.
        states: a list with the hidden state `[B, units]`.

    Output shape:
        `[B, units]` and the list of new states.

    Example:
        >>> core = RectifiedCore(units=8)
        >>> hidden, states = core(tf.ones([2, 4]), core.get_initial_state(2))
        >>> hidden.shape
        TensorShape([2, 8])

    Reference: Mnih et al. 2014, section 4: h_t = Rect(Linear(h_{t-1}) + Linear(g_t)), which is one Dense layer on both.
    The start: Le, Jaitly, Hinton 2015, A Simple Way to Initialize Recurrent Networks of Rectified Linear Units.
    """

    def __init__(self, units: int = 256, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units = whole_number("units", units)
        self.state_size = units
        self.output_size = units
        self.glorot = keras.initializers.GlorotUniform()
        self.dense = keras.layers.Dense(
            units, activation="relu", kernel_initializer=self._initial_kernel, dtype=self.dtype_policy, name="dense"
        )

    def _initial_kernel(self, shape, dtype=None):
        kernel = self.glorot(shape, dtype)
        return tf.concat([tf.eye(self.units, dtype=kernel.dtype), kernel[self.units :]], axis=0)

    def build(self, inputs_shape, states_shape=None):
        self.dense.build((None, self.units + inputs_shape[-1]))

    def call(self, inputs, states, training=False):
        hidden = self.dense(tf.concat([tf.cast(states[0], inputs.dtype), inputs], axis=-1))
        return hidden, [hidden]

    def get_initial_state(self, batch_size: int | tf.Tensor | None = None) -> list[tf.Tensor]:
        return [tf.zeros([batch_size, self.units], self.compute_dtype)]

    def get_config(self):
        return {**super().get_config(), "units": self.units}
