"""Tasks: what labels and answers mean, one object each."""

from collections.abc import Sequence

import keras

from tf_glimpse.tasks.classification import Classification
from tf_glimpse.tasks.questions import Questions
from tf_glimpse.types import UserError

__all__ = ["Classification", "Questions", "config_of", "get_task"]


def get_task(task: Classification | None, num_classes: int | None = None, class_names: Sequence[str] | None = None) -> Classification:
    """The task as it was given, or the `Classification` of so many classes.

    Raises:
        UserError: neither or both, what is no task.
    """
    if task is None:
        return Classification(num_classes, class_names)  # type: ignore[arg-type]  # it refuses None
    if num_classes is not None or class_names is not None or not isinstance(task, Classification):
        raise UserError(f"task expects a task of tf_glimpse.tasks, in place of num_classes and class_names. Received: {task!r}")
    return task


def config_of(task: Classification) -> dict:
    """The arguments of a model that make its task again."""
    return task.get_config() if type(task) is Classification else {"task": keras.saving.serialize_keras_object(task)}
