"""What each look told about the class: drops in entropy, in test cross-entropy beside them, and mutual information."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tf_glimpse.explain.calibration import calibration_error, log_shares, scaled
from tf_glimpse.models.rollouts import split_rollouts
from tf_glimpse.types import Array, UserError

if TYPE_CHECKING:
    from tf_glimpse.datasets.sources import ImageSource
    from tf_glimpse.models.attention_model import AttentionModel


class GainCurves(NamedTuple):
    """Means over images and rollouts, in nats; index t of a length T means look t.

    Attributes:
        entropy: `[T + 1]`, of the class: ln K before the first look, then after each.
        gain: `[T]`, the expected information gain, entropy before minus entropy after each look.
        cross_entropy: `[T + 1]`, of the true class: ln K before the first look, then after each.
        nll_drop: `[T]`, cross-entropy before minus after: what the look was really worth.
        mutual_information: `[T]`, of the class and all that was seen up to each look.
        calibration_error: `[T]`, expected calibration error, 0 to 1.
        accuracy: `[T]`, 0 to 1.
    """

    entropy: np.ndarray
    gain: np.ndarray
    cross_entropy: np.ndarray
    nll_drop: np.ndarray
    mutual_information: np.ndarray
    calibration_error: np.ndarray
    accuracy: np.ndarray

    @property
    def unearned(self) -> np.ndarray:
        """`[T]` bool: looks after which the model was surer, and no nearer to the truth: entropy fell, cross-entropy did not."""
        return (self.gain > 0) & (self.nll_drop <= 0)


def entropies(logits: Array) -> np.ndarray:
    """The entropy of the class in nats `[..., T + 1]`: ln K before the first look, then after each, from logits `[..., T, K]`.

    Example:
        >>> entropies(np.array([[0.0, 0.0], [0.0, 99.0]])).round(3).tolist()
        [0.693, 0.693, 0.0]
    """
    shares = log_shares(logits)
    after = -np.sum(np.exp(shares) * shares, axis=-1)
    return np.concatenate([np.full([*after.shape[:-1], 1], np.log(shares.shape[-1])), after], axis=-1)


def information_gain(logits: Array) -> np.ndarray:
    """How many nats of entropy each look took off the class `[..., T]`, from logits `[..., T, K]`; negative where doubt grew."""
    return -np.diff(entropies(logits), axis=-1)


def mutual_information(logits: Array, axis: int | Sequence[int] = 0) -> np.ndarray:
    """The mutual information in nats of the class and what was seen: the entropy of the mean belief minus the mean entropy.

    Over images and rollouts it says how much the looks tell about the class; over rollouts of one image, how much the answer depends on
    where the model happened to look. Unlike a drop in entropy it is never below zero, and it counts no belief twice.

    Args:
        logits: `[..., K]`.
        axis: the axis of the samples, or several.

    Returns:
        the logits' shape without those axes and K.

    Example:
        >>> mutual_information(np.array([[99.0, 0.0], [0.0, 99.0]])).round(3).item()
        0.693

    Reference: Lindley 1956, On a Measure of the Information Provided by an Experiment.
    """
    shares = log_shares(logits)
    axis = tuple(np.atleast_1d(axis) % shares.ndim)
    if shares.ndim - 1 in axis:
        raise UserError(f"mutual_information expects an axis of samples, not of classes. Received: {axis=} of shape {shares.shape}")
    mean = np.exp(shares).mean(axis=axis, keepdims=True)
    of_mean = -np.sum(mean * np.log(np.maximum(mean, 1e-38)), axis=-1, keepdims=True)
    return np.squeeze(of_mean + np.sum(np.exp(shares) * shares, axis=-1, keepdims=True).mean(axis=axis, keepdims=True), (*axis, -1))


def gain_curves(logits: Array, labels: Array, temperatures: Array | None = None) -> GainCurves:
    """The `GainCurves` of a split.

    Args:
        logits: `[N, T, K]`, or of R sampled rollouts `[R, N, T, K]`, as `collect_logits` returns them.
        labels: `[N]` class numbers.
        temperatures: `[T]` that the logits are divided by, from `fit_temperatures` on validation; none if None.

    Raises:
        UserError: as many labels as images are wanted.

    Example:
        >>> curves = gain_curves(np.array([[[0.0, 0.0], [9.0, 0.0]], [[0.0, 0.0], [9.0, 0.0]]]), [0, 1])
        >>> curves.gain[1].round(2).item(), curves.nll_drop[1].round(2).item(), curves.unearned.tolist()
        (0.69, -3.81, [False, True])
    """
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels)
    logits = scaled(logits[None] if logits.ndim == 3 else logits, temperatures)
    if logits.ndim != 4 or logits.shape[1] != len(labels):
        raise UserError(f"gain_curves expects logits [N, T, K] or [R, N, T, K], and N labels. Received: {logits.shape}, {len(labels)}")
    entropy = entropies(logits).mean(axis=(0, 1))
    numbers = np.broadcast_to(labels[None, :, None, None], (*logits.shape[:-1], 1))
    right = np.take_along_axis(log_shares(logits), numbers, axis=-1)[..., 0]
    cross_entropy = np.concatenate([[np.log(logits.shape[-1])], -right.mean(axis=(0, 1))])
    return GainCurves(
        entropy=entropy,
        gain=-np.diff(entropy),
        cross_entropy=cross_entropy,
        nll_drop=-np.diff(cross_entropy),
        mutual_information=mutual_information(logits, axis=(0, 1)),
        calibration_error=calibration_error(logits, labels),
        accuracy=(logits.argmax(axis=-1) == labels[None, :, None]).mean(axis=(0, 1)),
    )


def looks_needed(logits: Array, labels: Array) -> float:
    """After how many looks the answer is right and stays right, mean over images (and rollouts); T + 1 where it never is.

    Args:
        logits: `[..., N, T, K]`.
        labels: `[N]`.

    Example:
        >>> looks_needed(np.array([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]]), [1])
        2.0
    """
    right = np.asarray(logits).argmax(axis=-1) == np.asarray(labels)[:, None]
    steady = np.flip(np.logical_and.accumulate(np.flip(right, axis=-1), axis=-1), axis=-1)
    return float(right.shape[-1] + 1 - steady.sum(axis=-1).mean())


def collect_logits(
    model: AttentionModel, source: ImageSource, rollouts: int = 1, seed: int = 0, policy: Callable | None = None, batch_size: int = 500
) -> np.ndarray:
    """The logits `[R, N, T, K]` of a split after each look.

    Args:
        model: an `AttentionModel`.
        source: an `ImageSource`.
        rollouts: R; 1 is the one deterministic rollout, more are drawn from the policy.
        seed: of draws.
        policy: a function (images, indices, seed) -> places, as in `tf_glimpse.policies`; None for the model's own.
        batch_size: images at once.
    """
    splits = split_rollouts(model, source, rollouts, seed, policy, batch_size)
    batches = [np.stack([trajectory.logits.numpy() for trajectory in trajectories]) for _, _, trajectories in splits]
    return np.concatenate(batches, axis=1)
