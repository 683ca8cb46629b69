"""What one training step knows, as its loss terms read it."""

import functools
from typing import Any, NamedTuple

import tensorflow as tf


class Tries(NamedTuple):
    """Places tried beside the looks of a batch's first R rows, each by one look from the state in which the policy was asked.

    Attributes:
        trajectory: the `Trajectory` of these rows.
        log_probs: `[R, T, N]`, the scores of the policy's places; T counts the looks whose place the policy chooses.
        places: `[R, T, M, 2]`, the policy's N first.
        right: `[R, T, M]`, the right answer's probability after the look at each.
        before: `[R, T]`, the right answer's probability before the look.
    """

    trajectory: Any
    log_probs: Any
    places: Any
    right: Any
    before: Any


class Step:
    """One batch in training, after the model looked at it.

    Args:
        model: a compiled `AttentionModel`.
        inputs: what it was called with.
        labels: of the batch, as its task takes them.
        trajectory: the `Trajectory` of that call.
        states: what the model knew before each look, as its `try_places` takes it; None for a model without.
        weights: sample weights `[B]`, or None.
        seed: int32 `[2]`, of draws beside the rollout's own.
    """

    def __init__(self, model, inputs, labels, trajectory, states=None, weights=None, seed=(0, 0)):
        self.model, self.inputs, self.labels, self.trajectory, self.states, self.seed = model, inputs, labels, trajectory, states, seed
        self.task, self.terms = model.task, model.terms
        self.weights = None if weights is None else tf.cast(tf.reshape(weights, [-1]), tf.float32)
        self._kept = {}

    @functools.cached_property
    def given(self):
        """1 for the rows `[B]` whose places somebody else gave, else 0."""
        return tf.cast(has_actions(self.inputs, tf.shape(self.trajectory.logits)[0]), tf.float32)

    def term(self, kind):
        """The compiled term of a class."""
        return next(term for term in self.terms if isinstance(term, kind))

    def mean(self, rows):
        """The mean of `[B]` or `[R]` by the sample weights; a scalar as it is."""
        if rows.shape.rank == 0 or self.weights is None:
            return tf.reduce_mean(rows)
        return tf.reduce_mean(rows * tf.cast(self.weights[: tf.shape(rows)[0]], rows.dtype))

    def tries(self, candidates, share):
        """`Tries` on the first rows of the batch; terms of the same settings share them.

        Args:
            candidates: how many of the policy's places at each look.
            share: of the rows.
        """
        return self.once((candidates, share), lambda: self._try(candidates, share))

    def once(self, key, make):
        """What `make()` returned when it was first asked for by that key."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def _try(self, candidates, share):
        anywhere = any((term.candidates, term.share) == (candidates, share) for term in self.terms if getattr(term, "anywhere", False))
        count = tf.cast(tf.math.ceil(tf.cast(tf.shape(self.trajectory.logits)[0], tf.float32) * share), tf.int32)
        inputs, labels, trajectory, states = tf.nest.map_structure(
            lambda values: tf.convert_to_tensor(values)[:count], (self.inputs, self.labels, self.trajectory, self.states)
        )
        log_probs, logits, places = self.model.try_places(inputs, trajectory, states, candidates, self.seed, candidates if anywhere else 0)
        right = self.task.right(logits, labels)
        before = tf.pad(self.task.right(trajectory.logits, labels)[:, :-1], [[0, 0], [1, 0]], constant_values=self.task.chance)
        return Tries(trajectory, log_probs, places, right, before[:, -right.shape[1] :])


def has_actions(inputs, batch):
    """Which of the `batch` rows `[B]` come with somebody else's actions."""
    if not isinstance(inputs, dict) or inputs.get("actions") is None:
        return tf.zeros([batch], tf.bool)
    given = inputs.get("has_actions")
    return tf.ones([batch], tf.bool) if given is None else tf.cast(given, tf.bool)
