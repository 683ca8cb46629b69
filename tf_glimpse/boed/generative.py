"""Completions by a generative model: a conditional VAE, or Hamiltonian Monte Carlo in the latent space of one that saw whole images."""

import functools

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tf_glimpse import datasets
from tf_glimpse.boed.completions import Completions
from tf_glimpse.boed.posterior import random_masks
from tf_glimpse.files import write_whole
from tf_glimpse.models.image_vae import ImageVAE
from tf_glimpse.models.loading import load_model
from tf_glimpse.ops.masks import observe
from tf_glimpse.types import UserError


class VAECompletions:
    """Images that a conditional VAE makes of draws from its prior given the glimpses.

    Args:
        vae: an `ImageVAE` trained with `conditional=True`.

    Raises:
        UserError: a VAE that does not see glimpses.
    """

    def __init__(self, vae):
        if not vae.conditional:
            raise UserError("VAECompletions wants an ImageVAE with conditional=True; HMCCompletions takes the other kind")
        self._vae = vae
        self._drawn = tf.function(self._draw, reduce_retracing=True)

    def __call__(self, images, masks, origins, count, seeds):
        noise = _noise(seeds, count, self._vae.latent_size)
        return _equally_weighted(self._drawn(*_constants(images, masks), tf.constant(noise)), len(seeds), count)

    def _draw(self, images, masks, noise):
        """Pixels `[B * N, H, W, C]` of noise `[B, N, D]`."""
        seen, count = observe(images, masks), tf.shape(noise)[1]
        mean, log_scale = self._vae.believe(seen)
        latents = mean[:, None] + tf.exp(log_scale)[:, None] * noise
        return tf.sigmoid(self._vae.decode(tf.reshape(latents, [-1, self._vae.latent_size]), tf.repeat(seen, count, axis=0)))


class HMCCompletions:
    """Images whose latents Hamiltonian Monte Carlo draws given the known pixels under a Gaussian around them.

    Args:
        vae: an `ImageVAE` trained with `conditional=False`.
        stddev: of a known pixel, in units of the full range.
        steps: transitions of each chain; its last state is the sample. Every sample has a chain of its own, begun by the prior.
        leapfrog_steps: of each transition.
        step_size: at first; it adapts to an acceptance of 0.75 over the first four fifths.

    Raises:
        UserError: a VAE that sees glimpses, or numbers that are not above zero.

    Reference: Harvey et al. 2019, section 3 (HMC in the latent space of a generative model).
    """

    def __init__(self, vae, stddev=0.1, steps=60, leapfrog_steps=5, step_size=0.05):
        if vae.conditional:
            raise UserError("HMCCompletions wants an ImageVAE with conditional=False; VAECompletions takes the other kind")
        if min(stddev, steps, leapfrog_steps, step_size) <= 0:
            raise UserError(f"HMCCompletions wants numbers above zero. Received: {stddev=}, {steps=}, {leapfrog_steps=}, {step_size=}")
        self._vae = vae
        self._stddev = stddev
        self._steps = steps
        self._leapfrog_steps = leapfrog_steps
        self._step_size = step_size
        self._drawn = tf.function(self._draw, reduce_retracing=True)

    def __call__(self, images, masks, origins, count, seeds):
        # each image has chains and a seed of its own, so that its samples do not depend on its batch mates
        parts = zip(*_constants(images, masks), _noise(seeds, count, self._vae.latent_size), np.asarray(seeds), strict=True)
        pixels = [self._drawn(image, mask, tf.constant(noise), tf.constant(_two(seed), tf.int32)) for image, mask, noise, seed in parts]
        return _equally_weighted(tf.concat(pixels, axis=0), len(seeds), count)

    def _draw(self, image, mask, start, seed):
        """Pixels `[N, H, W, C]` of chains that start from latents `[N, D]`."""
        nothing = tf.zeros([1, *self._vae.image_shape])

        def log_density(latents):
            errors = tf.square(tf.sigmoid(self._vae.decode(latents, nothing)) - image) * mask
            return -0.5 * tf.reduce_sum(tf.square(latents), axis=-1) - tf.reduce_sum(errors, axis=[1, 2, 3]) / (2 * self._stddev**2)

        sizes = tf.fill([tf.shape(start)[0], 1], tf.constant(self._step_size, tf.float32))
        kernel = tfp.mcmc.HamiltonianMonteCarlo(log_density, sizes, self._leapfrog_steps)
        kernel = tfp.mcmc.SimpleStepSizeAdaptation(kernel, int(0.8 * self._steps), target_accept_prob=0.75)
        run = functools.partial(tfp.mcmc.sample_chain, num_results=1, num_burnin_steps=self._steps - 1, trace_fn=None)
        return tf.sigmoid(self._vae.decode(run(current_state=start, kernel=kernel, seed=seed)[0], nothing))


def train_image_vae(
    data, patch_size, num_glimpses, *, conditional=True, epochs=10, batch_size=128, learning_rate=1e-3, seed=0, verbose=0, **options
):
    """An `ImageVAE` fitted on the training images, seen through 0 to T glimpses at random places.

    Args:
        data: `ImageData`.
        patch_size, num_glimpses: of the glimpses.
        conditional: as for `ImageVAE`.
        epochs, batch_size, learning_rate: of Adam.
        seed: int.
        verbose: as for `fit`.
        **options: further arguments of `ImageVAE`.
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
    return vae


def trained_completer(folder, plan, data, verbose=0):
    """The completer of a plan that asks for "vae" or "hmc", whose VAE is trained once and kept in the folder."""
    conditional = plan.completions == "vae"
    file = folder / "image_vae.keras"
    if not file.exists():
        options = {"conditional": conditional, "seed": plan.seed, "verbose": verbose, **plan.vae}
        vae = train_image_vae(data, plan.patch_size, plan.num_glimpses, **options)
        fresh = ImageVAE.from_config(vae.get_config())
        fresh.build()
        fresh.set_weights(vae.get_weights())
        write_whole(file, fresh.save)
    return (VAECompletions if conditional else HMCCompletions)(load_model(file))


def _noise(seeds, count, latent_size):
    return np.stack([np.random.default_rng(seed).standard_normal([count, latent_size], np.float32) for seed in np.asarray(seeds)])


def _two(seed):
    """Two numbers for TensorFlow, made of an image's three."""
    return np.random.default_rng(seed).integers(0, 2**31 - 1, 2)


def _constants(images, masks):
    return tf.constant(images, tf.float32), tf.constant(masks, tf.float32)


def _equally_weighted(pixels, batch, count):
    images = tf.cast(tf.round(pixels * 255), tf.uint8).numpy()
    return Completions(images, np.full(batch * count, 1 / count, np.float32), np.repeat(np.arange(batch, dtype=np.int32), count))
