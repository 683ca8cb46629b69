"""How a model holds out as its images get worse: noise added, clutter added."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tensorflow as tf

from tf_glimpse.datasets import array_source, eval_batches
from tf_glimpse.explain.information_gain import gain_curves
from tf_glimpse.ops.patches import to_float

if TYPE_CHECKING:
    from tf_glimpse.datasets.sources import ImageSource
    from tf_glimpse.models.attention_model import AttentionModel
    from tf_glimpse.models.hidden_state_vae import HiddenStateVAE


class StressPoint(NamedTuple):
    """One level of stress: means over a split, after the last look.

    Attributes:
        accuracy: 0 to 1.
        gain: nats, the entropy that all looks together took off the class.
        nll_drop: nats, what they were really worth: ln K minus the cross-entropy.
        calibration_error: 0 to 1.
        squared_error: of a pixel of the reconstruction against the clean image; None without an autoencoder.
    """

    accuracy: float
    gain: float
    nll_drop: float
    calibration_error: float
    squared_error: float | None


def noisy(source: ImageSource, level: float, seed: int = 0) -> ImageSource:
    """The images with Gaussian noise of that standard deviation, in units of 0-1 pixels, clipped; image i's noise is that of (seed, i).

    Args:
        source: an `ImageSource`.
        level: standard deviation, at least 0; 0.1 is 25.5 grey levels.
        seed: int.

    Returns:
        an `ImageSource` in memory.

    Example:
        >>> grey = array_source(np.full([2, 16, 16, 1], 128, np.uint8), [0, 1])
        >>> bool(20 < noisy(grey, 0.1).fetch([0]).numpy().std() < 30)
        True
    """
    images = source.fetch(np.arange(len(source))).numpy()
    noise = [np.random.default_rng([seed, index]).normal(0, 255 * level, source.image_shape) for index in range(len(source))]
    return array_source(np.clip(np.round(images + np.stack(noise)), 0, 255).astype(np.uint8), source.labels)


def stress_point(
    model: AttentionModel, source: ImageSource, clean: ImageSource | None = None, vae: HiddenStateVAE | None = None, batch_size: int = 250
) -> StressPoint:
    """The `StressPoint` of a split as it is.

    Args:
        model: an `AttentionModel`.
        source: an `ImageSource`, such as `noisy(data.test, 0.2)` or `data.with_clutter("test", 8)`.
        clean: an `ImageSource` of the images that reconstructions should show; `source` itself if None.
        vae: a `HiddenStateVAE` of this model, or None.
        batch_size: images at once.
    """

    def run(images, targets):
        trajectory = model(images)
        if vae is None:
            return trajectory.logits, tf.zeros([0])
        made = vae.reconstruct(trajectory.hidden[:, -1:])[:, 0]
        return trajectory.logits, tf.reduce_mean(tf.square(made - to_float(targets)), axis=[1, 2, 3])

    pairs = tf.data.Dataset.zip((eval_batches(source, batch_size), eval_batches(clean or source, batch_size)))
    parts = [run(images, targets) for (images, _), (targets, _) in pairs]
    logits, errors = (np.concatenate(part) for part in zip(*parts, strict=True))
    curves = gain_curves(logits, source.labels)
    last = (curves.accuracy[-1], curves.gain.sum(), curves.nll_drop.sum(), curves.calibration_error[-1])
    return StressPoint(*map(float, last), None if vae is None else float(errors.mean()))  # type: ignore[call-arg]  # `last` has four
