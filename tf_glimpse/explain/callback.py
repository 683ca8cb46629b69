"""What a model's looks tell it, logged while it trains."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from tf_glimpse.explain.draw import draw_glimpses
from tf_glimpse.explain.information_gain import gain_curves
from tf_glimpse.explain.panels import figure_to_array
from tf_glimpse.ops.coverage import place_counts
from tf_glimpse.types import AnyPath, Array

if TYPE_CHECKING:
    from tf_glimpse.models.hidden_state_vae import HiddenStateVAE


@contextlib.contextmanager
def without_stopping(what):
    """What goes wrong inside, such as a full disk, becomes a warning: a picture never stops a training."""
    try:
        yield
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0]
        warnings.warn(f"no {what}: {type(error).__name__}: {reason}; the training goes on.", stacklevel=2)


class ExplanationLogs(keras.callbacks.Callback):
    """Logs explanations of a few validation images for TensorBoard: pictures, maps of places, and what each look was worth.

    Scalars, a curve a look: `information_gain/look_N` and `nll_drop/look_N` in nats, `calibration_error/look_N` and `accuracy/look_N`.
    Pictures: `glimpses` (with reconstructions, if there is an autoencoder), and `places`, a map a look.

    Args:
        log_dir: TensorBoard's folder.
        images: `[N, H, W, C]`, uint8 0-255 or float 0-1; some hundreds make steady curves.
        labels: `[N]` class numbers.
        vae: a `HiddenStateVAE`, or None.
        count: how many images are drawn.
        every: epochs between logs.
    """

    def __init__(
        self, log_dir: AnyPath, images: Array, labels: Array, vae: HiddenStateVAE | None = None, count: int = 4, every: int = 1
    ) -> None:
        super().__init__()
        self.log_dir = str(log_dir)
        self.images = images
        self.labels = np.asarray(labels)
        self.vae = vae
        self.count = count
        self.every = every

    def on_epoch_end(self, epoch, logs=None):
        if epoch % self.every == 0:
            with without_stopping(f"explanations of epoch {epoch + 1}"):
                self._log(epoch)

    def _log(self, epoch):
        trajectory = self.model.predict(self.images, verbose=0)
        with tf.summary.create_file_writer(self.log_dir, filename_suffix=".explanations").as_default():
            self._log_curves(gain_curves(trajectory.logits, self.labels), epoch)
            maps = place_counts(trajectory.locations)[..., None] / len(self.labels)
            tf.summary.image("places", maps / maps.max(axis=(1, 2, 3), keepdims=True), step=epoch, max_outputs=len(maps))
            tf.summary.image("glimpses", self._drawn(trajectory), step=epoch)

    def _log_curves(self, curves, epoch):
        named = {"information_gain": curves.gain, "nll_drop": curves.nll_drop}
        named |= {"calibration_error": curves.calibration_error, "accuracy": curves.accuracy}
        for name, values in named.items():
            for look, value in enumerate(values):
                tf.summary.scalar(f"{name}/look_{look + 1}", value, step=epoch)

    def _drawn(self, trajectory):
        some = type(trajectory)(*(field[: self.count] for field in trajectory))
        made = None if self.vae is None else self.vae.reconstruct(some.hidden).numpy()
        names = getattr(self.model, "class_names", None)
        figure = draw_glimpses(np.asarray(self.images[: self.count]), some, self.model.retina, names, self.labels[: self.count], made)
        return figure_to_array(figure)[None]
