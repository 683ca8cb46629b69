"""Whether a model is as sure as it is right: expected calibration error after each look, and the temperatures that mend it."""

import numpy as np
import scipy.optimize
import scipy.special

from tf_glimpse.ops.calibration import BINS, expected_calibration_error
from tf_glimpse.types import Array


def log_shares(logits):
    """Log-probabilities `[..., K]` float64 of logits `[..., K]`."""
    return scipy.special.log_softmax(np.asarray(logits, np.float64), axis=-1)


def scaled(logits, temperatures):
    """Logits `[..., T, K]` divided by each look's temperature `[T]`; as they are if None."""
    return logits if temperatures is None else logits / np.asarray(temperatures)[:, None]


def calibration_error(logits: Array, labels: Array, bins: int = BINS) -> np.ndarray:
    """The `ops.calibration.expected_calibration_error` after each look `[T]`.

    Args:
        logits: `[..., N, T, K]`.
        labels: `[N]` class numbers.
        bins: as there.

    Example:
        >>> calibration_error(np.array([[[0.0, 99.0]], [[0.0, 99.0]]]), [1, 0]).tolist()
        [0.5]
    """
    shares = np.exp(log_shares(logits))
    right = shares.argmax(axis=-1) == np.asarray(labels)[:, None]
    looks = shares.shape[-2]
    confidence, right = shares.max(axis=-1).reshape(-1, looks), right.reshape(-1, looks)
    return np.array([expected_calibration_error(sure, right_one, bins) for sure, right_one in zip(confidence.T, right.T, strict=True)])


def fit_temperatures(logits: Array, labels: Array) -> np.ndarray:
    """The temperature after each look `[T]` that minimises the cross-entropy; fit it on validation, use it on test.

    Args:
        logits: `[..., N, T, K]`.
        labels: `[N]` class numbers.

    Returns:
        `[T]`, within 0.05 and 20; above 1 where the model was too sure.

    Reference: Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2 (temperature scaling).
    """
    logits = np.asarray(logits, np.float64)
    looks, classes = logits.shape[-2:]
    numbers = np.broadcast_to(np.asarray(labels)[:, None], logits.shape[:-1]).reshape(-1, looks)
    rows = logits.reshape(-1, looks, classes)
    return np.array([_fit_one(rows[:, look], numbers[:, look]) for look in range(looks)])


def _fit_one(logits, labels):
    def cross_entropy(log_temperature):
        return -np.take_along_axis(log_shares(logits / np.exp(log_temperature)), labels[:, None], axis=-1).mean()

    return float(np.exp(scipy.optimize.minimize_scalar(cross_entropy, bounds=np.log([0.05, 20.0]), method="bounded").x))
