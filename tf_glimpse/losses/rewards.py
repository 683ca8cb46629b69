"""Rewards: functions `(trajectory, labels) -> [B, T]`, what each look earned."""

import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tf_glimpse.types import Trajectory, UserError


@keras.saving.register_keras_serializable("tf_glimpse")
def final_correct(trajectory: Trajectory, labels: tf.Tensor) -> tf.Tensor:
    """1 at the last look if the prediction after it is right, else 0.

    Args:
        trajectory: a `Trajectory` with logits `[B, T, K]`.
        labels: `[B]` or `[B, 1]` class numbers, or `[B, K]` one-hot.

    Returns:
        `[B, T]` float32.

    Reference: Mnih et al. 2014, section 2.
    """
    logits = trajectory.logits
    right = tf.cast(tf.argmax(logits[:, -1], axis=-1, output_type=tf.int32) == class_numbers(labels), tf.float32)
    return tf.pad(right[:, None], [[0, 0], [tf.shape(logits)[1] - 1, 0]])


@keras.saving.register_keras_serializable("tf_glimpse")
def final_probability(trajectory: Trajectory, labels: tf.Tensor) -> tf.Tensor:
    """The right class's probability after the last look: the expectation of `final_correct` over answers drawn from the softmax.

    It tells a sure answer from a lucky one, so its gradient is less noisy than that of 0 or 1.

    Args:
        trajectory: a `Trajectory` with logits `[B, T, K]`.
        labels: `[B]` or `[B, 1]` class numbers, or `[B, K]` one-hot.

    Returns:
        `[B, T]` float32.
    """
    logits = tf.stop_gradient(trajectory.logits)
    right = tf.gather(tf.nn.softmax(logits[:, -1]), class_numbers(labels), batch_dims=1)
    return tf.pad(right[:, None], [[0, 0], [tf.shape(logits)[1] - 1, 0]])


@keras.saving.register_keras_serializable("tf_glimpse")
class EntropyShaped:
    """A shaped reward: `final_correct`, plus at each look a weight times the entropy in nats that the look took off the class.

    Before the first look nothing is known: its entropy is ln K. Over-confidence earns this reward too, so that its gain in entropy is to
    be read beside the drop in test cross-entropy (`tf_glimpse.explain.gain_curves`).

    Args:
        weight: of the drop in entropy, at least 0; 0 is `final_correct`.

    Call arguments:
        trajectory: a `Trajectory` with logits `[B, T, K]`.
        labels: as for `final_correct`.

    Output:
        `[B, T]` float32.

    Raises:
        UserError: a weight below 0.

    Example:
        >>> from tf_glimpse.types import Trajectory
        >>> sure = Trajectory(tf.constant([[[0.0, 0.0], [0.0, 99.0]]]), *[None] * 7)
        >>> [round(earned, 3) for earned in EntropyShaped(weight=0.5)(sure, tf.constant([1])).numpy()[0].tolist()]
        [0.0, 1.347]

    Reference: "Explaining Recurrent Attention Models", the reshaped reward, whose authors took 0.5.
    """

    def __init__(self, weight: float = 0.5) -> None:
        if weight < 0:
            raise UserError(f"EntropyShaped expects a weight of at least 0. Received: {weight=}")
        self.weight = weight

    def __call__(self, trajectory: Trajectory, labels: tf.Tensor) -> tf.Tensor:
        return final_correct(trajectory, labels) + self.weight * entropy_drops(tf.stop_gradient(trajectory.logits))

    def get_config(self):
        return {"weight": self.weight}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


REWARDS = {"final_correct": final_correct, "final_probability": final_probability, "entropy_shaped": EntropyShaped}


def get_reward(given: Any) -> Callable:
    """A reward function: as it was given, by its name, or by a pair of a name and its options, `("entropy_shaped", {"weight": 0.2})`.

    Raises:
        UserError: an unknown name, or options that it does not take.

    Example:
        >>> get_reward(("entropy_shaped", {"weight": 0.2})).weight
        0.2
    """
    if callable(given):
        return given
    name, options = given if isinstance(given, tuple | list) and len(given) == 2 else (given, {})
    try:
        found = REWARDS[name]
        return found(**options) if isinstance(found, type) else found
    except (KeyError, TypeError) as error:
        wanted = f"one of {', '.join(REWARDS)}, a pair of a name and its options, or a function (trajectory, labels) -> [B, T]"
        raise UserError(f"reward expects {wanted}. Received: {given!r}") from error


def entropy_drops(logits: tf.Tensor) -> tf.Tensor:
    """How many nats each look took off the entropy of the class `[B, T]`, from logits `[B, T, K]`; it is ln K before the first.

    Example:
        >>> entropy_drops(tf.zeros([1, 2, 10])).numpy().round(5).tolist()
        [[0.0, 0.0]]
    """
    log_shares = tf.nn.log_softmax(tf.cast(logits, tf.float32))
    after = -tf.reduce_sum(tf.exp(log_shares) * log_shares, axis=-1)
    start = tf.fill([tf.shape(after)[0], 1], math.log(logits.shape[-1]))
    return tf.concat([start, after[:, :-1]], axis=1) - after


def class_numbers(labels: tf.Tensor) -> tf.Tensor:
    """Labels `[B]`, `[B, 1]` or one-hot `[B, K]` as class numbers `[B]` int32."""
    if labels is None:
        raise UserError("fit and evaluate expect labels beside the images: fit(images, labels), or batches (images, labels).")
    labels = tf.convert_to_tensor(labels)
    if are_one_hot(labels):
        return tf.argmax(labels, axis=-1, output_type=tf.int32)
    return tf.cast(tf.reshape(labels, [-1]), tf.int32)


def are_one_hot(labels: tf.Tensor) -> bool:
    """Whether labels are rows of K numbers, one a class, not class numbers `[B]` or `[B, 1]`."""
    return len(labels.shape) == 2 and labels.shape[1] != 1


def returns_to_go(rewards: tf.Tensor, discount: float = 1.0) -> tf.Tensor:
    """The discounted sum of the rewards `[B, T]` from each look on.

    Example:
        >>> returns_to_go(tf.constant([[0.0, 1.0, 2.0]]), discount=0.5).numpy().tolist()
        [[1.0, 2.0, 2.0]]
    """
    total, returns = tf.zeros(tf.shape(rewards)[:1]), []
    for reward in reversed(tf.unstack(rewards, axis=1)):
        total = reward + discount * total
        returns.append(total)
    return tf.stack(returns[::-1], axis=1)
