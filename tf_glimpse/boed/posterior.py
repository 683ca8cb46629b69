"""The posterior network: one already there or one trained, and how far its probabilities can be believed."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from tf_glimpse import datasets
from tf_glimpse.boed.plan import check_options, digest
from tf_glimpse.files import write_json, write_whole
from tf_glimpse.models.glimpse_posterior import GlimpsePosterior
from tf_glimpse.models.loading import load_model
from tf_glimpse.ops.calibration import expected_calibration_error
from tf_glimpse.ops.masks import glimpse_masks, observe
from tf_glimpse.policies import Random
from tf_glimpse.types import UserError

if TYPE_CHECKING:
    from tf_glimpse.datasets.sources import ImageData, ImageSource


def planned_posterior(data, **options):
    """The options of a posterior network as a plan keeps them, checked before anything is made; arguments as for `prepared_posterior`.

    Raises:
        UserError: a path beside other options, unknown ones, or a file that is no posterior network for these data.
    """
    check_options("posterior", options, ("path", "epochs", "batch_size", "learning_rate", "filters"))
    if "path" not in options:
        return options
    file = pathlib.Path(options["path"]).expanduser()
    _open(file, data)
    return {"digest": digest(file)}


def prepared_posterior(folder, data, plan, **options):
    """The posterior network; one that is not there is trained once and kept in the folder, as its calibration on the validation split.

    Args:
        folder: a `pathlib.Path`, of the sequences.
        data: `ImageData`.
        plan: the `Plan`.
        **options: "path" of one already trained, or "epochs", "batch_size", "learning_rate" and "filters" of `train_posterior`.
    """
    file, calibrated = pathlib.Path(options.get("path", folder / "posterior.keras")).expanduser(), folder / "calibration.json"
    if not file.exists():
        how = {"seed": plan.seed, "verbose": verbosity(), **options}
        write_whole(file, train_posterior(data, plan.patch_size, plan.num_glimpses, **how).save)
    posterior = _open(file, data)
    if data.validation is not None and not calibrated.exists():
        write_json(calibrated, {"rows": calibration(posterior, data.validation, plan.patch_size, plan.num_glimpses, plan.seed)})
    return posterior


def _open(file, data):
    """A posterior network that was trained for such images and classes."""
    model, expected = load_model(file), (*data.image_shape[:2], data.image_shape[2] + 1)
    if not isinstance(model, GlimpsePosterior) or model.num_classes != data.num_classes or model.network.input_shape[1:] != expected:
        raise UserError(f"{file} is not a posterior network for {data.num_classes} classes of images of shape {data.image_shape}")
    return model


def verbosity():
    """What `fit` shows while a network is trained for sequences: a line an epoch on a terminal, else nothing."""
    return 2 if sys.stderr.isatty() else 0


def train_posterior(
    data: ImageData,
    patch_size: int,
    num_glimpses: int,
    *,
    epochs: int = 10,
    batch_size: int = 128,
    learning_rate: float = 2e-3,
    filters: Sequence[int] = (16, 32),
    seed: int = 0,
    verbose: int | str = 0,
) -> GlimpsePosterior:
    """A `GlimpsePosterior` that has seen every image through uniformly random numbers and places of glimpses.

    Args:
        data: `ImageData`.
        patch_size: pixels of a glimpse's side.
        num_glimpses: T; each training image shows 0 to T of them.
        epochs, batch_size, learning_rate: of Adam, whose rate falls to zero along a cosine.
        filters: as for `GlimpsePosterior`.
        seed: int, of weights, order, numbers and places.
        verbose: as in `fit`.

    Returns:
        the trained model, without its optimiser.

    Reference: Harvey et al. 2019, section 3: E[KL(p || g)] over uniform t and places is the expected cross-entropy but for a constant.
    """
    keras.utils.set_random_seed(seed)
    posterior = GlimpsePosterior(data.num_classes, filters)
    posterior.build((None, *data.image_shape[:2], data.image_shape[2] + 1))
    steps = datasets.steps_per_epoch(data, batch_size)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    posterior.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    batches = datasets.train_batches(data, batch_size, seed, epochs=epochs).enumerate()

    def glimpsed(step, batch):
        images, labels = batch
        return observe(images, random_masks(images, patch_size, num_glimpses, (seed, step))), labels

    posterior.fit(batches.map(glimpsed).prefetch(2), epochs=epochs, steps_per_epoch=steps, shuffle=False, verbose=verbose)
    trained = GlimpsePosterior.from_config(posterior.get_config())
    trained.build((None, *data.image_shape[:2], data.image_shape[2] + 1))
    trained.set_weights(posterior.get_weights())
    return trained


def calibration(
    posterior: Callable, source: ImageSource, patch_size: int, num_glimpses: int, seed: int = 0, batch_size: int = 500
) -> list[dict]:
    """Whether the posterior's confidence is its accuracy, by how many glimpses at random places it has seen.

    Args:
        posterior: a function from observations to logits.
        source: `ImageSource` that it was not trained on.
        patch_size, num_glimpses: as for `train_posterior`.
        seed: int, of places.
        batch_size: images at once.

    Returns:
        a list of dicts, one for each number from 0 to T: "glimpses", "accuracy", "confidence" (mean of the largest probability), "ece"
        (expected calibration error over 15 equal bins of confidence), "nll" (nats) and "entropy" (mean, nats).
    """
    places = Random(num_glimpses)
    rows = []
    for count in range(num_glimpses + 1):
        found = [
            _believed(posterior, inputs["images"], inputs["actions"][:, :count], patch_size)
            for inputs, _ in datasets.eval_batches(source, batch_size, places, seed)
        ]
        rows.append({"glimpses": count, **_calibration_row(np.concatenate(found), source.labels)})
    return rows


def random_masks(images, patch_size, num_glimpses, seed):
    """What a uniformly random number, 0 to T, of glimpses at uniformly random places shows of each image.

    Args:
        images: `[B, H, W, C]`.
        patch_size: pixels of a glimpse's side.
        num_glimpses: T.
        seed: two integers.

    Returns:
        `[B, H, W, 1]` float32, 1 where a pixel is seen.
    """
    seeds = tf.random.split(tf.cast(tf.stack(seed), tf.int64), 2)
    batch = tf.shape(images)[0]
    places = tf.random.stateless_uniform([batch, num_glimpses, 2], seeds[0], -1.0, 1.0)
    count = tf.random.stateless_uniform([batch], seeds[1], 0, num_glimpses + 1, tf.int32)
    shown = tf.cast(tf.range(num_glimpses) < count[:, None], tf.float32)[:, :, None, None, None]
    return tf.reduce_max(glimpse_masks(places, images.shape[1:3], patch_size) * shown, axis=1)


def _believed(posterior, images, places, patch_size):
    """Probabilities `[B, K]` after glimpses at places `[B, t, 2]`."""
    masks = glimpse_masks(places, images.shape[1:3], patch_size)
    seen = tf.reduce_max(masks, axis=1) if places.shape[1] else tf.zeros([len(images), *images.shape[1:3], 1])
    return tf.nn.softmax(posterior(observe(images, seen))).numpy()


def _calibration_row(probabilities, labels):
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    logs = np.log(np.maximum(probabilities, 1e-12))
    numbers = {
        "accuracy": right.mean(),
        "confidence": confidence.mean(),
        "ece": expected_calibration_error(confidence, right),
        "nll": -logs[np.arange(len(labels)), labels].mean(),
        "entropy": -(probabilities * logs).sum(axis=1).mean(),
    }
    return {name: round(float(value), 4) for name, value in numbers.items()}
