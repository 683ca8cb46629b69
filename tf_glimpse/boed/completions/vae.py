"""Completions by a conditional variational autoencoder, and the training of one."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tf_glimpse import datasets
from tf_glimpse.boed.completions import Completer, Completions
from tf_glimpse.boed.posterior import random_masks, verbosity
from tf_glimpse.files import write_whole
from tf_glimpse.models.image_vae import ImageVAE
from tf_glimpse.models.loading import load_model
from tf_glimpse.ops.masks import observe
from tf_glimpse.types import UserError

if TYPE_CHECKING:
    from tf_glimpse.boed.plan import Plan
    from tf_glimpse.datasets.sources import ImageData

VAE_OPTIONS = ("epochs", "batch_size", "learning_rate", "latent_size", "filters", "units")


class VAECompletions(Completer):
    """Images that a conditional VAE makes of draws from its prior given the glimpses.

    Its options are those of `train_image_vae` and `ImageVAE` in `VAE_OPTIONS`.

    Args:
        vae: an `ImageVAE` trained with `conditional=True`.

    Raises:
        UserError: a VAE that does not see glimpses.
    """

    options = VAE_OPTIONS

    def __init__(self, vae: ImageVAE) -> None:
        if not vae.conditional:
            raise UserError("VAECompletions expects an ImageVAE with conditional=True; HMCCompletions takes the other kind")
        self._vae = vae
        self._drawn = tf.function(self._draw, reduce_retracing=True)

    @classmethod
    def prepared(cls, folder: pathlib.Path, data: ImageData, plan: Plan, **options: Any) -> VAECompletions:
        return cls(trained_vae(folder, data, plan, conditional=True, **options))

    def __call__(self, images: np.ndarray, masks: np.ndarray, origins: np.ndarray, count: int, seeds: np.ndarray) -> Completions:
        noise = noise_of(seeds, count, self._vae.latent_size)
        pixels = self._drawn(tf.constant(images, tf.float32), tf.constant(masks, tf.float32), tf.constant(noise))
        return equally_weighted(pixels, len(seeds), count)

    def _draw(self, images, masks, noise):
        """Pixels `[B * N, H, W, C]` of noise `[B, N, D]`."""
        seen, count = observe(images, masks), tf.shape(noise)[1]
        mean, log_scale = self._vae.believe(seen)
        latents = mean[:, None] + tf.exp(log_scale)[:, None] * noise
        return tf.sigmoid(self._vae.decode(tf.reshape(latents, [-1, self._vae.latent_size]), tf.repeat(seen, count, axis=0)))


def train_image_vae(
    data: ImageData,
    patch_size: int,
    num_glimpses: int,
    *,
    conditional: bool = True,
    epochs: int = 10,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
    seed: int = 0,
    verbose: int | str = 0,
    **options: Any,
) -> ImageVAE:
    """An `ImageVAE` fitted on the training images, seen through 0 to T glimpses at random places.

    Args:
        data: `ImageData`.
        patch_size, num_glimpses: of the glimpses.
        conditional: as for `ImageVAE`.
        epochs, batch_size, learning_rate: of Adam.
        seed: int.
        verbose: as for `fit`.
        **options: further arguments of `ImageVAE`.

    Returns:
        the trained model, without its optimiser.
    """
    keras.utils.set_random_seed(seed)
    vae = ImageVAE(data.image_shape, conditional=conditional, seed=seed, **options)
    vae.build()
    vae.compile(keras.optimizers.Adam(learning_rate))
    batches = datasets.train_batches(data, batch_size, seed, epochs=epochs).enumerate()
    steps = datasets.steps_per_epoch(data, batch_size)

    def glimpsed(step, batch):
        images, _ = batch
        return {"images": images, "masks": random_masks(images, patch_size, num_glimpses, (seed, step))}

    vae.fit(batches.map(glimpsed), epochs=epochs, steps_per_epoch=steps, shuffle=False, verbose=verbose)
    trained = ImageVAE.from_config(vae.get_config())
    trained.build()
    trained.set_weights(vae.get_weights())
    return trained


def trained_vae(folder, data, plan, conditional, **options):
    """The `ImageVAE` of a folder of sequences, trained once and kept there; arguments as for `Completer.prepared`."""
    file = folder / "image_vae.keras"
    if not file.exists():
        how = {"conditional": conditional, "seed": plan.seed, "verbose": verbosity(), **options}
        write_whole(file, train_image_vae(data, plan.patch_size, plan.num_glimpses, **how).save)
    return load_model(file)


def noise_of(seeds, count, latent_size):
    """Standard normal float32 `[B, N, D]`, each image's by a seed of its own, `[B, 3]`."""
    return np.stack([np.random.default_rng(seed).standard_normal([count, latent_size], np.float32) for seed in np.asarray(seeds)])


def equally_weighted(pixels, batch, count):
    """`Completions` of float pixels `[B * N, H, W, C]`, 0-1, N of each image in turn."""
    images = tf.cast(tf.round(pixels * 255), tf.uint8).numpy()
    return Completions(images, np.full(batch * count, 1 / count, np.float32), np.repeat(np.arange(batch, dtype=np.int32), count))
