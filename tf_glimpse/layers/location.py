"""Location networks: from the core's state to a distribution over where to look next.

A head is a layer whose call returns a `tfp.distributions.Distribution`; drawing from it is somebody else's choice. Besides `call` it has
`parameters(hidden)`, the numbers that the distribution is made of, `distribution(parameters)`, and the way between a draw and a place:
`to_action(draw)` and `to_draw(action)`. Everything is float32, also under mixed precision.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tf_glimpse.ops.coordinates import cell_centres, to_cells
from tf_glimpse.types import UserError, whole_number, whole_numbers

tfd = tfp.distributions


class LocationHead(keras.layers.Layer):
    """What both heads share: an optional hidden layer and a linear one; subclasses say what the numbers mean.

    Args:
        policy_size: how many numbers make the distribution.
        hidden_units: units of a relu layer of the head's own; 0 for none.
    """

    def __init__(self, policy_size: int, hidden_units: int = 128, **kwargs: Any) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(autocast=False, **kwargs)
        self.policy_size = policy_size
        self.hidden_units = hidden_units = whole_number("hidden_units", hidden_units, 0)
        self.hidden = keras.layers.Dense(hidden_units, activation="relu", dtype="float32", name="hidden") if hidden_units else None
        self.linear = keras.layers.Dense(policy_size, dtype="float32", name="linear")

    def build(self, hidden_shape):
        units = hidden_shape[-1]
        if self.hidden is not None:
            self.hidden.build((None, units))
            units = self.hidden_units
        self.linear.build((None, units))

    def call(self, hidden):
        return self.distribution(self.parameters(hidden))

    def parameters(self, hidden: tf.Tensor) -> tf.Tensor:
        """The numbers `[B, policy_size]` float32 that the distribution is made of, from the core's state `[B, U]`."""
        hidden = tf.cast(hidden, tf.float32)
        return self.linear(hidden if self.hidden is None else self.hidden(hidden))

    def distribution(self, parameters: tf.Tensor) -> tfp.distributions.Distribution:
        """The `tfp.distributions.Distribution` of parameters `[..., policy_size]`."""
        raise NotImplementedError(f"{type(self).__name__} expects a method distribution(parameters) that returns a tfp Distribution.")

    def to_action(self, draw: tf.Tensor) -> tf.Tensor:
        """The place `[..., 2]` (y, x) that a draw stands for."""
        return draw

    def to_draw(self, action: tf.Tensor) -> tf.Tensor:
        """The draw that stands for a place `[..., 2]`; the distribution scores it."""
        return action

    def get_config(self):
        return {**super().get_config(), "hidden_units": self.hidden_units}


@keras.saving.register_keras_serializable("tf_glimpse")
class GaussianLocation(LocationHead):
    """A Gaussian of fixed width around a learned mean in (-1, 1).

    Args:
        stddev: standard deviation along each axis, in units of half the image's side.
        hidden_units: units of a relu layer of the head's own; 0 for none.

    Call arguments:
        hidden: `[B, U]`, the core's state.

    Output:
        `tfp.distributions.MultivariateNormalDiag` over `[B, 2]` places (y, x).

    Raises:
        UserError: `stddev` not above zero.

    Example:
        >>> GaussianLocation(stddev=0.1)(tf.zeros([3, 16])).mode().shape
        TensorShape([3, 2])

    Reference: Mnih et al. 2014, section 4 (location network).
    """

    def __init__(self, stddev: float = 0.1, hidden_units: int = 128, **kwargs: Any) -> None:
        super().__init__(2, hidden_units, **kwargs)
        if not isinstance(stddev, int | float) or stddev <= 0:
            raise UserError(f"GaussianLocation expects a stddev above zero. Received: {stddev=}")
        self.stddev = stddev

    def parameters(self, hidden: tf.Tensor) -> tf.Tensor:
        return tf.tanh(super().parameters(hidden))

    def distribution(self, parameters: tf.Tensor) -> tfp.distributions.Distribution:
        return tfd.MultivariateNormalDiag(parameters, tf.fill(tf.shape(parameters), tf.constant(self.stddev, tf.float32)))

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev}


@keras.saving.register_keras_serializable("tf_glimpse")
class CategoricalLocation(LocationHead):
    """A categorical distribution over the cells of a grid laid over the image.

    Args:
        grid: (h, w), how many cells divide the image's height and width.
        hidden_units: units of a relu layer of the head's own; 0 for none.

    Call arguments:
        hidden: `[B, U]`, the core's state.

    Output:
        `tfp.distributions.Categorical` over `h * w` cells in row-major order; `to_action` gives a cell's centre.

    Raises:
        UserError: a grid without cells.

    Example:
        >>> head = CategoricalLocation(grid=(2, 2))
        >>> head.to_action(tf.constant([0, 3])).numpy().tolist()
        [[-0.5, -0.5], [0.5, 0.5]]

    Reference: Harvey et al. 2019, Near-Optimal Glimpse Sequences, appendix (categorical location network).
    """

    def __init__(self, grid: Sequence[int] = (7, 7), hidden_units: int = 128, **kwargs: Any) -> None:
        grid = whole_numbers("grid", grid)
        if len(grid) != 2:
            raise UserError(f"CategoricalLocation expects a grid (h, w). Received: {grid=}")
        super().__init__(grid[0] * grid[1], hidden_units, **kwargs)
        self.grid = tuple(grid)

    def distribution(self, parameters: tf.Tensor) -> tfp.distributions.Distribution:
        return tfd.Categorical(logits=parameters)

    def to_action(self, draw: tf.Tensor) -> tf.Tensor:
        return tf.gather(cell_centres(self.grid), draw)

    def to_draw(self, action: tf.Tensor) -> tf.Tensor:
        return to_cells(action, self.grid)

    def get_config(self):
        return {**super().get_config(), "grid": self.grid}
