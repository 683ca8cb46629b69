"""Completions by Hamiltonian Monte Carlo in the latent space of a variational autoencoder that saw whole images."""

from __future__ import annotations

import functools
import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tf_glimpse.boed.completions import Completer
from tf_glimpse.boed.completions.vae import VAE_OPTIONS, equally_weighted, noise_of, trained_vae
from tf_glimpse.types import UserError

if TYPE_CHECKING:
    from tf_glimpse.boed.completions import Completions
    from tf_glimpse.boed.plan import Plan
    from tf_glimpse.datasets.sources import ImageData
    from tf_glimpse.models.image_vae import ImageVAE


class HMCCompletions(Completer):
    """Images whose latents Hamiltonian Monte Carlo draws given the known pixels under a Gaussian around them.

    Its options are those of `train_image_vae` and `ImageVAE` in `VAE_OPTIONS`.

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

    options = VAE_OPTIONS

    def __init__(self, vae: ImageVAE, stddev: float = 0.1, steps: int = 60, leapfrog_steps: int = 5, step_size: float = 0.05) -> None:
        if vae.conditional:
            raise UserError("HMCCompletions expects an ImageVAE with conditional=False; VAECompletions takes the other kind")
        if min(stddev, steps, leapfrog_steps, step_size) <= 0:
            raise UserError(f"HMCCompletions expects numbers above zero. Received: {stddev=}, {steps=}, {leapfrog_steps=}, {step_size=}")
        self._vae = vae
        self._stddev = stddev
        self._steps = steps
        self._leapfrog_steps = leapfrog_steps
        self._step_size = step_size
        self._drawn = tf.function(self._draw, reduce_retracing=True)

    @classmethod
    def prepared(cls, folder: pathlib.Path, data: ImageData, plan: Plan, **options: Any) -> HMCCompletions:
        return cls(trained_vae(folder, data, plan, conditional=False, **options))

    def __call__(self, images: np.ndarray, masks: np.ndarray, origins: np.ndarray, count: int, seeds: np.ndarray) -> Completions:
        # each image has chains and a seed of its own, so that its samples do not depend on its batch mates
        known = tf.constant(images, tf.float32), tf.constant(masks, tf.float32)
        parts = zip(*known, noise_of(seeds, count, self._vae.latent_size), np.asarray(seeds), strict=True)
        pixels = [self._drawn(image, mask, tf.constant(noise), tf.constant(_two(seed), tf.int32)) for image, mask, noise, seed in parts]
        return equally_weighted(tf.concat(pixels, axis=0), len(seeds), count)

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


def _two(seed):
    """Two numbers for TensorFlow, made of an image's three."""
    return np.random.default_rng(seed).integers(0, 2**31 - 1, 2)
