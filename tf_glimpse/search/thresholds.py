"""What every threshold costs and earns on a split, and the threshold that a budget allows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_glimpse.datasets import eval_batches
from tf_glimpse.search.flops import look_costs
from tf_glimpse.training.fitting import first_traces
from tf_glimpse.types import UserError

if TYPE_CHECKING:
    from tf_glimpse.datasets.sources import ImageSource
    from tf_glimpse.models.adaptive import AdaptiveModel


@dataclasses.dataclass(frozen=True)
class OperatingPoint:
    """Adaptive inference at one threshold.

    Attributes:
        threshold: as for `predict_adaptive`.
        accuracy: share of the split that it answers rightly.
        mean_glimpses: looks an image.
        stops: T ints, how many images stopped after each look.
    """

    threshold: float
    accuracy: float
    mean_glimpses: float
    stops: tuple


@dataclasses.dataclass(frozen=True)
class ThresholdSweep:
    """A split's whole trajectories, from which any threshold's outcome follows without another look.

    Attributes:
        gains: float32 `[N, T - 1]`, the gain expected after each look but the last.
        right: bool `[N, T]`, whether the answer after each look is right.
    """

    gains: np.ndarray
    right: np.ndarray

    @property
    def fixed_accuracies(self):
        """`[T]`, accuracy with always so many looks, 1 to T."""
        return self.right.mean(axis=0)

    def at(self, threshold):
        """The `OperatingPoint` of a threshold."""
        stops = np.pad(self.gains < threshold, ((0, 0), (0, 1)), constant_values=True)
        last = np.argmax(stops, axis=1)
        counts = np.bincount(last, minlength=self.right.shape[1])
        accuracy = self.right[np.arange(len(last)), last].mean()
        return OperatingPoint(float(threshold), float(accuracy), float(last.mean() + 1), tuple(int(count) for count in counts))

    def points(self, count=200):
        """Operating points from one look to all of them, by falling thresholds, each halfway between two gains that occur."""
        gains = np.sort(self.gains, axis=None)
        places = np.linspace(len(gains) - 2, 0, min(count, len(gains) - 1)).round().astype(int)
        between = (gains[places] + gains[places + 1]) / 2
        return [self.at(threshold) for threshold in (2.0, *dict.fromkeys(between.tolist()), -2.0)]

    def calibration(self, bins=8):
        """`[bins, 3]`, of looks grouped by expected gain, as many in each: expected gain, gain that came true, its standard error.

        A calibrated head's first two columns agree to within the third.
        """
        true = self.right[:, 1:].astype(np.float32) - self.right[:, :-1]
        groups = np.array_split(np.argsort(self.gains, axis=None, kind="stable"), bins)
        expected, found = self.gains.reshape(-1), true.reshape(-1)
        return np.array([[expected[group].mean(), found[group].mean(), found[group].std() / len(group) ** 0.5] for group in groups])


def sweep_thresholds(model: AdaptiveModel, source: ImageSource, batch_size: int = 500) -> ThresholdSweep:
    """The `ThresholdSweep` of an `AdaptiveModel` on a split.

    Args:
        model: a built `AdaptiveModel`.
        source: an `ImageSource`; its validation split, if a threshold is to be chosen.
        batch_size: images at once.
    """

    @tf.function(reduce_retracing=True, autograph=False)
    def ask(images):
        logits = model(images).logits
        return model.stopping(logits[:, :-1]), tf.argmax(logits, axis=-1)

    with first_traces():
        answers = [(*ask(images), labels) for images, labels in eval_batches(source, batch_size)]
    gains, found, labels = (np.concatenate([part.numpy() for part in parts]) for parts in zip(*answers, strict=True))
    return ThresholdSweep(gains, found == labels[:, None])


def calibrate_threshold(
    model: AdaptiveModel, source: ImageSource, *, mean_glimpses: float | None = None, mean_flops: float | None = None
) -> OperatingPoint:
    """The threshold with the highest accuracy on a validation split among those that keep a budget; of equals, the cheapest.

    Args:
        model: a built `AdaptiveModel` whose head is trained.
        source: the validation split, an `ImageSource`.
        mean_glimpses: most looks an image, on average; or
        mean_flops: most floating point operations an image, on average, as `look_costs` counts them.

    Returns:
        an `OperatingPoint`; its `threshold` is for `predict_adaptive`.

    Raises:
        UserError: no budget or two; one that does not pay for one look at each image.
    """
    if (mean_glimpses is None) == (mean_flops is None):
        raise UserError(f"calibrate_threshold expects one budget. Received: {mean_glimpses=}, {mean_flops=}")
    if mean_flops is not None:
        costs = look_costs(model)
        mean_glimpses = (mean_flops - costs.begin) / (costs.look + costs.stop)
    if mean_glimpses < 1:  # type: ignore[operator]  # one of the two is given
        least = "1 look" if mean_flops is None else f"{costs.adaptive(1):,.0f} FLOPs, one look"
        raise UserError(f"the budget must pay for {least} at each image. Received: {mean_flops or mean_glimpses:,}")
    affordable = [point for point in sweep_thresholds(model, source).points() if point.mean_glimpses <= mean_glimpses]
    return max(affordable, key=lambda point: (point.accuracy, -point.mean_glimpses))
