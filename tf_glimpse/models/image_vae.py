"""A generative model of small images, given what glimpses have shown, or of whole images."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tf_glimpse.models.precision import check_precision
from tf_glimpse.ops.masks import observe
from tf_glimpse.ops.patches import to_float
from tf_glimpse.types import UserError, whole_number, whole_numbers

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tf_glimpse")
class ImageVAE(keras.Model):
    """A variational autoencoder whose prior and decoder see the glimpses, or, if not conditional, see nothing.

    Compile it with an optimiser alone and fit it on `{"images", "masks"}`: its loss is minus the evidence lower bound, in nats an image.

    Args:
        image_shape: (H, W, C); H and W multiples of 4.
        latent_size: D.
        filters: of the first convolution; the second has twice as many.
        units: of the layers between maps and latents.
        conditional: whether prior, encoder and decoder see the observation.
        seed: int, of the draws in training.

    Call arguments:
        inputs: a dict with "images" `[B, H, W, C]` uint8 or float 0-1, and "masks" `[B, H, W, 1]`, 1 where a pixel has been seen.

    Output:
        logits `[B, H, W, C]` of the images' pixels, from a draw of the posterior in training, from its mean otherwise.

    Raises:
        UserError: an image size that cannot be halved twice.

    Example:
        >>> vae = ImageVAE((8, 8, 1), latent_size=4)
        >>> vae({"images": tf.zeros([2, 8, 8, 1]), "masks": tf.zeros([2, 8, 8, 1])}).shape
        TensorShape([2, 8, 8, 1])

    Reference: Sohn, Lee, Yan 2015, Learning Structured Output Representation using Deep Conditional Generative Models; Kingma and Welling
    2013. For Harvey et al. 2019, figure 3, a completion technique.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_size: int = 16,
        filters: int = 16,
        units: int = 128,
        conditional: bool = True,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        check_precision(self.dtype_policy)
        image_shape = whole_numbers("image_shape", image_shape)
        if len(image_shape) != 3 or image_shape[0] % 4 or image_shape[1] % 4:
            raise UserError(f"ImageVAE expects images [H, W, C] with sides that are multiples of 4. Received: {tuple(image_shape)}")
        self.image_shape = tuple(image_shape)
        self.latent_size = latent_size = whole_number("latent_size", latent_size)
        self.filters = whole_number("filters", filters)
        self.units = whole_number("units", units)
        self.conditional = conditional
        self.seed = seed
        self.encoder = self._reader(2 * latent_size, "encoder")
        self.prior: Any = self._reader(2 * latent_size, "prior") if conditional else None
        self.context: Any = self._reader(units, "context") if conditional else None
        self.decoder = self._writer()

    def build(self, input_shape=None):
        height, width, channels = self.image_shape
        seen = (None, height, width, channels + 1)
        self.encoder.build((None, height, width, 2 * channels + 1) if self.conditional else (None, height, width, channels))
        if self.conditional:
            self.prior.build(seen)
            self.context.build(seen)
        self.decoder.build((None, self.latent_size + (self.units if self.conditional else 0)))
        self.built = True

    def call(self, inputs, training=False):
        images, seen = to_float(inputs["images"]), observe(inputs["images"], inputs["masks"])
        shown = tf.concat([images, seen], axis=-1) if self.conditional else images
        mean, log_scale = _gaussian(self.encoder(shown))
        prior_mean, prior_log_scale = self.believe(seen)
        draw = mean
        if training:
            step = tf.cast(self.optimizer.iterations, tf.int32)
            noise = tf.random.stateless_normal(tf.shape(mean), tf.stack([tf.constant(self.seed, tf.int32), step]))
            draw = mean + tf.exp(log_scale) * noise
        posterior = tfd.MultivariateNormalDiag(mean, tf.exp(log_scale))
        prior = tfd.MultivariateNormalDiag(prior_mean, tf.exp(prior_log_scale))
        self.add_loss(tf.reduce_mean(tfd.kl_divergence(posterior, prior)))
        return self.decode(draw, seen)

    def believe(self, seen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and log of the scale, `[B, D]` each, of the latents' prior given observations `[B, H, W, C + 1]`."""
        if self.conditional:
            return _gaussian(self.prior(seen))
        zeros = tf.zeros([tf.shape(seen)[0], self.latent_size])
        return zeros, zeros

    def decode(self, latents: tf.Tensor, seen: tf.Tensor) -> tf.Tensor:
        """Logits `[B, H, W, C]` of pixels from latents `[B, D]`; only a conditional model reads the observations."""
        return self.decoder(tf.concat([latents, self.context(seen)], axis=-1) if self.conditional else latents)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        errors = tf.nn.sigmoid_cross_entropy_with_logits(to_float(x["images"]), y_pred)
        return tf.reduce_mean(tf.reduce_sum(errors, axis=[1, 2, 3])) + sum(self.losses)

    def _reader(self, outputs, name):
        maps = [keras.layers.Conv2D(self.filters * (1 + depth), 3, 2, "same", "channels_last", activation="relu") for depth in range(2)]
        hidden = [keras.layers.Flatten("channels_last"), keras.layers.Dense(self.units, activation="relu")]
        return keras.Sequential([*maps, *hidden, keras.layers.Dense(outputs, dtype="float32")], name=name)

    def _writer(self):
        height, width, channels = self.image_shape
        first = [keras.layers.Dense(self.units, activation="relu")]
        first += [keras.layers.Dense(height * width // 16 * 2 * self.filters, activation="relu")]
        first += [keras.layers.Reshape((height // 4, width // 4, 2 * self.filters))]
        maps = [keras.layers.Conv2DTranspose(self.filters, 3, 2, "same", data_format="channels_last", activation="relu")]
        last = keras.layers.Conv2DTranspose(channels, 3, 2, "same", data_format="channels_last", dtype="float32")
        return keras.Sequential([*first, *maps, last], name="decoder")

    def get_config(self):
        names = ("image_shape", "latent_size", "filters", "units", "conditional", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _gaussian(parameters):
    mean, log_scale = tf.split(parameters, 2, axis=-1)
    return mean, tf.clip_by_value(log_scale, -6.0, 3.0)
