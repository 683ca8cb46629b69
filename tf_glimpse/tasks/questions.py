"""Yes or no to a question that comes with the image."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_glimpse.tasks.classification import Classification
from tf_glimpse.types import UserError

NO_YES = ("no", "yes")


@keras.saving.register_keras_serializable("tf_glimpse")
class Questions(Classification):
    """One of Q questions about each image, answered by no (0) or yes (1): the inputs are `{"images", "question" int [B]}`.

    A model of it knows the question from the start, so that it can look where the answer is.

    Args:
        questions: Q names, such as ("glasses", "beard").
        blind: whether the question reaches the answer alone, not what chooses the places: the control of a policy that reads it.

    Raises:
        UserError: no questions, or two of one name.

    Example:
        >>> Questions(["glasses", "beard"]).num_questions
        2

    Reference: Liu et al. 2015, Deep Learning Face Attributes in the Wild (CelebA), for the kind of question.
    """

    inputs = ("question",)

    def __init__(self, questions: Sequence[str], blind: bool = False) -> None:
        super().__init__(2, NO_YES)
        questions = [questions] if isinstance(questions, str) else list(questions)
        if not questions or len(set(questions)) < len(questions):
            raise UserError(f"Questions expects different names of questions. Received: {questions!r}")
        self.questions, self.blind = questions, bool(blind)

    @property
    def num_questions(self) -> int:
        """Q."""
        return len(self.questions)

    def metrics(self) -> list:
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]

    def check_inputs(self, inputs: Any) -> None:
        question = np.asarray(self._asked(inputs))
        if question.ndim != 1 or question.dtype.kind not in "iu":
            self._refuse_question(f"{question.dtype} of shape {question.shape}")
        if question.size and (question.min() < 0 or question.max() >= self.num_questions):
            self._refuse_question(f"{question.min()} to {question.max()}")

    def check_input_specification(self, inputs: Any) -> None:
        question = self._asked(inputs)
        if question.shape.rank not in (None, 1) or not question.dtype.is_integer:
            self._refuse_question(f"{question.dtype.name} of shape {question.shape}")

    def _asked(self, inputs):
        question = inputs.get("question") if isinstance(inputs, dict) else None
        if question is None:
            raise UserError(f'this model expects {{"images", "question"}}, which of {self.num_questions} is asked. Received: no question')
        return question

    def _refuse_question(self, received):
        raise UserError(f"question must be whole numbers [B] from 0 to {self.num_questions - 1}. Received: {received}")

    def input_fits(self, name: str, values: tf.Tensor) -> tf.Tensor:
        return tf.reduce_all((values >= 0) & (values < self.num_questions))

    def balanced_accuracy(self, answers: np.ndarray, labels: np.ndarray, question: np.ndarray) -> np.ndarray:
        """The mean of the accuracies on images whose answer is no and yes, for each question: float `[Q]`, NaN where one is missing.

        Args:
            answers: int `[N]`, 0 or 1.
            labels: int `[N]`, the truth.
            question: int `[N]`.

        Example:
            >>> Questions(["hat"]).balanced_accuracy(np.array([1, 0, 0]), np.array([1, 1, 0]), np.array([0, 0, 0])).tolist()
            [0.75]
        """
        shares = np.full([self.num_questions, 2], np.nan)
        for number in range(self.num_questions):
            for truth in (0, 1):
                chosen = (question == number) & (labels == truth)
                if chosen.any():
                    shares[number, truth] = np.mean(answers[chosen] == truth)
        return shares.mean(axis=1)

    def get_config(self):
        return {"questions": self.questions, "blind": self.blind}
