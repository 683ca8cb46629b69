"""What travels between the rooms: a look, a trajectory of looks, and the user's mistakes.

Shape letters used in comments and docstrings of the whole package: B images, T looks, H and W pixels, C channels, P pixels of a patch's
side, S scales, U units of the core, K classes, A parameters of the policy (2 for a Gaussian mean, h*w for a grid of cells).
"""

import operator
import os
from typing import Any, NamedTuple

AnyPath = str | os.PathLike[str]
Array = Any  # what NumPy or TensorFlow makes an array of: an array, a tensor, numbers in lists

UNIT = (0.0, 1.0)  # black and white of float images, unless a model's `input_range` says otherwise


class UserError(ValueError):
    """A mistake of the user's, told in one line: what was wanted, what came, what to do. The command line exits with 2."""

    _keras_call_info_injected = True  # so that Keras does not add a layer's arguments to the line


class DataWarning(UserWarning):
    """What a user should know about the data, in one line; nothing was refused. The command line prints it as a note."""


def whole_number(name, value, least=1):
    """An argument as an int.

    Args:
        name: the argument's, for the message.
        value: what was given.
        least: the smallest that is right.

    Raises:
        UserError: no whole number, such as "10" or 8.0, or one below the least.

    Example:
        >>> whole_number("num_glimpses", 6)
        6
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or operator.index(value) < least:
        raise UserError(f"{name} expects a whole number of at least {least}. Received: {name}={value!r}")
    return operator.index(value)


def whole_numbers(name, values, least=1):
    """An argument of several whole numbers as a tuple of ints.

    Raises:
        UserError: one number, none, or others than `whole_number` takes.
    """
    if not isinstance(values, list | tuple) or not values:
        raise UserError(f"{name} expects a tuple of whole numbers. Received: {name}={values!r}")
    return tuple(whole_number(name, value, least) for value in values)


class Glimpse(NamedTuple):
    """One look, as `GlimpseCell` returns it and `unroll` stacks it on axis 1.

    Attributes:
        action: `[B, 2]` float32, the raw place drawn, chosen or given; the score is taken of this one.
        location: `[B, 2]` float32, the action clipped to [-1, 1] (y, x): where the retina looked.
        policy: `[B, A]` float32, the policy's parameters that the action was chosen from.
        baseline: `[B]` float32, the return expected before the look.
        hidden: `[B, U]`, the core's output after the look.
    """

    action: Any
    location: Any
    policy: Any
    baseline: Any
    hidden: Any


class Trajectory(NamedTuple):
    """What a model returns: one rollout an image. Every field is always a tensor; index t on axis 1 means look t.

    For labels and probabilities ask `model.classify(images)`; of a trajectory they are the argmax and the softmax of `logits[:, -1]`.

    Attributes:
        logits: `[B, T, K]` float32, class scores after each look; the prediction is `logits[:, -1]`.
        locations: `[B, T, 2]` float32, (y, x) in [-1, 1], where each look went.
        actions: `[B, T, 2]` float32, the raw actions; passed to the model again they replay the trajectory.
        log_probs: `[B, T]` float32, log-density (or -mass) of each action; 0 for a first place that no policy chose.
        baselines: `[B, T]` float32, the return expected by the state before each look; zeros without a baseline.
        entropies: `[B, T]` float32, entropy in nats of the policy each action was chosen from; 0 where none was.
        policy: `[B, T, A]` float32, the policy's mean or logits before each look.
        hidden: `[B, T, U]` float32, the core's output after each look.
    """

    logits: Any
    locations: Any
    actions: Any
    log_probs: Any
    baselines: Any
    entropies: Any
    policy: Any
    hidden: Any

    def __array__(self, *_, **__):
        """Eight tensors are not one array, whatever `np.argmax(model.predict(images))` hoped for.

        Raises:
            UserError: always; it says what to ask instead.
        """
        asked = "model.classify(images) returns names, labels and probabilities"
        raise UserError(
            f"a Trajectory holds {len(self)} tensors and is no array: {asked}; the labels are trajectory.logits[:, -1].argmax(-1)."
        )
