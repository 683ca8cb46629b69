"""One label an image."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_glimpse import losses
from tf_glimpse.datasets.checks import check_labels
from tf_glimpse.datasets.class_names import checked_class_names
from tf_glimpse.types import Array, Trajectory, UserError, whole_number


@keras.saving.register_keras_serializable("tf_glimpse")
class Classification:
    """What labels and answers mean where an image has one class: the shape of every task.

    A task says which labels it takes, what Keras' losses and metrics see of a trajectory, and how right an answer is.

    Args:
        num_classes: K, at least 2.
        class_names: K names; numbers if None.

    Attributes:
        inputs: names of what must come with the images, besides them.
        chance: the right answer's probability before the first look.

    Raises:
        UserError: fewer than two classes, another number of names.

    Example:
        >>> task = Classification(3)
        >>> task.correct(tf.one_hot([[0, 1]], 3), tf.constant([1])).numpy().tolist()
        [[0, 1]]
    """

    inputs: tuple[str, ...] = ()

    def __init__(self, num_classes: int, class_names: Sequence[str] | None = None) -> None:
        self.num_classes = whole_number("num_classes", num_classes, 2)
        self.class_names = checked_class_names(class_names, self.num_classes)

    @property
    def chance(self) -> float:
        return 1 / self.num_classes

    def loss(self) -> keras.losses.Loss:
        """The default loss on `answers`."""
        return losses.CrossEntropy()

    def metrics(self) -> list:
        """The default metrics on `answers`."""
        return ["accuracy"]

    def answers(self, trajectory: Trajectory) -> tf.Tensor:
        """What losses and metrics see, `[B, K]` logits: those after the last look."""
        return trajectory.logits[:, -1]

    def check_inputs(self, inputs: Any) -> None:
        """Refuses what comes beside the images, arrays; here nothing need.

        Raises:
            UserError: names what is missing or wrong.
        """

    def check_input_specification(self, inputs: Any) -> None:
        """The same, by what is known of a stream before its first batch is made: names, shapes and dtypes.

        Raises:
            UserError: names what is missing or wrong.
        """

    def input_fits(self, name: str, values: tf.Tensor) -> tf.Tensor:
        """Whether what comes beside the images, a tensor, has the values that `check_inputs` takes, a bool tensor."""
        raise NotImplementedError

    def check_labels(self, labels: Array) -> None:
        """Refuses arrays of labels that are no class numbers `[B]` or `[B, 1]`, 0 to K - 1, and no rows `[B, K]` of numbers from 0 to 1.

        Raises:
            UserError: another shape, a label out of range.
        """
        if labels.ndim == 2 and labels.shape[1] == self.num_classes:
            if not np.all((labels >= 0) & (labels <= 1)):
                span = f"{labels.min()} to {labels.max()}"
                raise UserError(f"labels [B, {self.num_classes}] must be numbers from 0 to 1, one a class, got {span}")
        elif labels.ndim == 1 or labels.shape[1:] == (1,):
            check_labels(labels.reshape(-1), len(labels), self.num_classes)
        else:
            self._refuse(labels.shape)

    def check_label_specification(self, labels: Any) -> None:
        """The same, by what is known of a stream's labels before the first of them is made: their shape and dtype.

        Raises:
            UserError: another shape or dtype.
        """
        if labels.shape.rank is None:
            return
        if labels.shape.rank == 1 or tuple(labels.shape[1:]) == (1,):
            if not labels.dtype.is_integer:
                raise UserError(f"labels must be whole numbers, one an image, got shape {labels.shape} and dtype {labels.dtype.name}")
        elif labels.shape.rank != 2 or labels.shape[1] not in (None, self.num_classes):
            self._refuse(tuple(labels.shape))

    def labels_fit(self, labels: tf.Tensor) -> tf.Tensor:
        """Whether labels, a tensor, have the values that `check_labels` takes, a bool tensor; the same without Python."""
        most = self.num_classes - 1 if labels.shape.rank == 1 or labels.shape[1] == 1 else 1
        return tf.reduce_all((labels >= 0) & (labels <= tf.cast(most, labels.dtype)))

    def right(self, logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """The right answer's probability `[B, ...]`, of logits `[B, ..., K]` and labels."""
        return tf.einsum("b...k,bk->b...", tf.nn.softmax(logits), tf.one_hot(losses.class_numbers(labels), self.num_classes))

    def correct(self, logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """1 where the answer is right `[B, T]` int32, else 0, of logits `[B, T, K]` and labels."""
        answers = tf.argmax(logits, axis=-1, output_type=tf.int32)
        return tf.cast(answers == losses.class_numbers(labels)[:, None], tf.int32)

    def early_errors(self, trajectory: Trajectory, labels: tf.Tensor) -> tf.Tensor:
        """Mean cross-entropy `[B]` of the answers after every look but the last."""
        return losses.anytime_cross_entropy(trajectory.logits, losses.class_numbers(labels))

    def _refuse(self, shape):
        expected = f"class numbers [B], or rows [B, {self.num_classes}] with a number a class"
        raise UserError(f"labels must be {expected}. Received: shape {tuple(shape)}")

    def get_config(self):
        """The arguments that make it again."""
        return {"num_classes": self.num_classes, "class_names": self.class_names}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
