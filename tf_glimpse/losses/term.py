"""What every term of a training loss is: a name, a weight, and a number a row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import keras

from tf_glimpse.types import UserError

if TYPE_CHECKING:
    import tensorflow as tf

Weight: TypeAlias = float | keras.optimizers.schedules.LearningRateSchedule


class Term:
    """One named part of the loss that `AttentionModel.compile(terms=[...])` takes; subclasses say in a call what each row costs.

    A subclass that is registered with `keras.saving.register_keras_serializable` is saved with its model.

    Args:
        weight: a number of at least 0, or a `keras.optimizers.schedules` schedule of the optimiser's step.

    Call arguments:
        step: what the training step knows, a `tf_glimpse.models.step.Step`.

    Output:
        `[B]`, or `[R]` of the batch's first R rows, or a scalar; None where the batch has nothing for this term.

    Raises:
        UserError: a weight of another kind.

    Example:
        >>> import tensorflow as tf
        >>> class StayInside(Term):
        ...     name = "stay_inside"
        ...     def __call__(self, step):
        ...         return tf.reduce_sum(tf.nn.relu(tf.abs(step.trajectory.actions) - 1), axis=[1, 2])
        >>> StayInside(0.1).name
        'stay_inside'
    """

    name: Any = None  # a str
    needs: tuple[str, ...] = ()  # names of methods that the model must have
    reports: tuple[str, ...] = ()  # names of what `monitors` returns
    draws = False  # whether it learns from places drawn from the policy
    teaches = False  # whether the policy learns by it without places that somebody else gave

    def __init__(self, weight: Weight = 1.0) -> None:
        if not (isinstance(weight, keras.optimizers.schedules.LearningRateSchedule) or is_number(weight, 0)):
            raise UserError(f"{type(self).__name__} expects as weight a number of at least 0, or a schedule. Received: {weight!r}")
        self.weight = weight

    def check(self, model: keras.Model, terms: Sequence[Term]) -> None:
        """Refuses a model, or the terms beside this one, that it cannot work with.

        Raises:
            UserError: what is missing.
        """
        missing = [method for method in self.needs if not hasattr(model, method)]
        if missing:
            raise UserError(f"a {type(model).__name__} cannot learn by {type(self).__name__}: it has no method {', '.join(missing)}.")

    def __call__(self, step: Any) -> tf.Tensor | None:
        raise NotImplementedError(f"{type(self).__name__} needs __call__(step), which returns [B].")

    def monitors(self, step: Any) -> dict[str, tf.Tensor]:
        """What is reported besides the term itself: a dict of scalars by name."""
        return {}

    def weight_at(self, iterations: Any) -> Any:
        """The weight at the optimiser's step."""
        return self.weight(iterations) if callable(self.weight) else self.weight

    def __repr__(self):
        return f"{type(self).__name__}({'a schedule' if callable(self.weight) else self.weight})"

    def get_config(self):
        """The arguments that make it again."""
        schedule = callable(self.weight)
        return {"weight": keras.optimizers.schedules.serialize(self.weight) if schedule else self.weight}

    @classmethod
    def from_config(cls, config):
        weight = config["weight"]
        return cls(**{**config, "weight": keras.optimizers.schedules.deserialize(weight) if isinstance(weight, dict) else weight})


def is_number(value, least, most=math.inf):
    """Whether it is a finite number from `least` to `most`."""
    try:
        return not isinstance(value, str | bool) and math.isfinite(value) and least <= value <= most
    except (TypeError, ValueError):
        return False
