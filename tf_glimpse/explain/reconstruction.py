"""What the state after each look says about the whole image: trajectories for a `HiddenStateVAE`, its fit, its error by look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_glimpse.datasets import eval_batches, train_batches
from tf_glimpse.models.hidden_state_vae import HiddenStateVAE
from tf_glimpse.models.rollouts import compiled
from tf_glimpse.ops.patches import to_float
from tf_glimpse.types import Array, UserError

if TYPE_CHECKING:
    from tf_glimpse.datasets.sources import ImageData
    from tf_glimpse.models.attention_model import AttentionModel


class ReconstructionCurves(NamedTuple):
    """Means over images; index t means after look t.

    Attributes:
        squared_error: `[T]`, of a pixel, in the units of 0-1 pixels squared.
        elbo: `[T]`, nats an image; the higher the better.
        kl: `[T]`, nats an image: how much of the state the code holds.
        blank_error: the squared error of the mean image of all, what a state that says nothing would give.
    """

    squared_error: np.ndarray
    elbo: np.ndarray
    kl: np.ndarray
    blank_error: float


def collect_states(
    model: AttentionModel, data: ImageData, split: str, limit: int | None = None, seed: int = 0, batch_size: int = 500, passes: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """A frozen model's states after each look at a split, with the clean images.

    Args:
        model: an `AttentionModel`.
        data: `ImageData`.
        split: "train" (on a canvas, with places and clutter drawn by `seed`), "validation" or "test".
        limit: how many images at most.
        seed: of a training pass.
        batch_size: images at once.
        passes: times to go through the training split; on a canvas each time with other places.

    Returns:
        `(hidden [N, T, U] float16, images [N, H, W, C] uint8)`: half precision, for the memory's sake.

    Raises:
        UserError: no such split.
    """
    hidden, images, rollout = [], [], compiled(model)
    for seen, clean in _pairs(data, split, limit, seed, batch_size, passes):
        hidden.append(tf.cast(rollout(seen).hidden, tf.float16).numpy())
        images.append(clean.numpy())
    return np.concatenate(hidden)[:limit], np.concatenate(images)[:limit]


def fit_vae(
    model: AttentionModel,
    data: ImageData,
    *,
    limit: int = 30000,
    passes: int = 1,
    epochs: int = 10,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
    validation_limit: int = 2000,
    verbose: int | str = 2,
    **settings: Any,
) -> tuple[HiddenStateVAE, dict]:
    """Trains a `HiddenStateVAE` on a frozen model's states at the training images; keeps the best epoch on validation.

    Args:
        model: an `AttentionModel`; it is not changed.
        data: `ImageData`.
        limit: how many training images at most.
        passes: times to go through the training split for them; several for a small set on a canvas.
        epochs, batch_size, learning_rate, verbose: as for `fit`; the rate of Adam falls to zero by a cosine.
        validation_limit: how many validation images at most.
        **settings: of `HiddenStateVAE`, such as `decoder="conv"`.

    Returns:
        `(vae, history)`: the trained `HiddenStateVAE`, uncompiled, and Keras' history, a dict.
    """
    hidden, images = collect_states(model, data, "train", limit, passes=passes)
    vae = HiddenStateVAE(data.image_shape, **settings)
    vae.build((None, *hidden.shape[1:]))
    steps = epochs * max(len(hidden) // batch_size, 1)
    vae.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps)), jit_compile=False)
    validation, best = None, None
    if data.validation is not None:
        validation, best = collect_states(model, data, "validation", validation_limit), _Best()
    callbacks = [] if best is None else [best]
    history = vae.fit(hidden, images, batch_size, epochs, validation_data=validation, callbacks=callbacks, verbose=verbose)
    bare = HiddenStateVAE.from_config(vae.get_config())  # without the optimiser, which would make its file three times the size
    bare.build((None, *hidden.shape[1:]))
    bare.set_weights(vae.get_weights())
    return bare, history.history


def reconstruction_curves(vae: HiddenStateVAE, hidden: Array, images: Array, batch_size: int = 250) -> ReconstructionCurves:
    """The `ReconstructionCurves` of states `[N, T, U]` against the images `[N, H, W, C]` they should show.

    Args:
        vae: a `HiddenStateVAE`.
        hidden, images: as `collect_states` returns them.
        batch_size: images at once.

    Raises:
        UserError: as many states as images are wanted.
    """
    if len(hidden) != len(images):
        raise UserError(f"reconstruction_curves expects as many states as images. Received: {len(hidden)} and {len(images)}")

    def measure(states, clean):
        made = vae(states)
        cross_entropy, kl = vae.terms(clean, vae(states, sample=True))
        error = tf.reduce_mean(tf.square(tf.sigmoid(made.logits) - to_float(clean)[:, None]), axis=[2, 3, 4])
        return tf.stack([error, -cross_entropy - kl, kl])

    starts = range(0, len(hidden), batch_size)
    parts = [measure(hidden[start : start + batch_size], images[start : start + batch_size]).numpy() for start in starts]
    levels = images.astype(np.float32) / 255 if images.dtype == np.uint8 else images
    blank = float(np.square(levels - levels.mean(axis=0)).mean())
    return ReconstructionCurves(*np.concatenate(parts, axis=1).mean(axis=1), blank)  # type: ignore[call-arg]  # the first holds three


class _Best(keras.callbacks.Callback):
    """Gives the model the weights of its best epoch on validation when training ends."""

    def on_train_begin(self, logs=None):
        self.loss, self.weights = np.inf, None

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_loss"] < self.loss:
            self.loss, self.weights = logs["val_loss"], self.model.get_weights()

    def on_train_end(self, logs=None):
        self.model.set_weights(self.weights)


def _pairs(data, split, limit, seed, batch_size, passes):
    """(what the model sees, clean image) of a split, batch by batch."""
    if split == "train":
        batches = train_batches(data, min(batch_size, len(data.train)), seed, epochs=1, passes=passes, clean=True)
        batches = batches.take(-1 if limit is None else -(-limit // batch_size))
        return batches.map(lambda inputs, _: (inputs["images"], inputs["clean"]))
    clean, source = data.with_clutter(split), getattr(data, split)
    if limit is not None:
        clean, source = (part.subset(np.arange(min(limit, len(part)))) for part in (clean, source))
    images = (eval_batches(part, batch_size).map(lambda pixels, _: pixels) for part in (source, clean))
    return tf.data.Dataset.zip(tuple(images))
