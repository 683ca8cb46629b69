"""A picture of what a model knows: a variational autoencoder from the core's state after each look to the whole image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tf_glimpse.layers.placed_picture import PlacedPicture
from tf_glimpse.models.loading import load_model
from tf_glimpse.models.precision import check_precision
from tf_glimpse.ops.patches import to_float
from tf_glimpse.types import AnyPath, Array, UserError, whole_number, whole_numbers
from tf_glimpse.weights import PRESETS

tfd = tfp.distributions
DECODERS = ("dense", "conv", "placed")
_CHANNELS = 16


class Reconstruction(NamedTuple):
    """What a `HiddenStateVAE` makes of states.

    Attributes:
        logits: `[B, T, H, W, C]` float32, of every pixel; their sigmoid is the picture, 0 to 1.
        mean: `[B, T, Z]` float32, of the posterior over the latent code.
        stddev: `[B, T, Z]` float32, above 0.
    """

    logits: Any
    mean: Any
    stddev: Any


@keras.saving.register_keras_serializable("tf_glimpse")
class HiddenStateVAE(keras.Model):
    """Reconstructs the whole image from the core's state after each look; `fit(hidden, images)` on a frozen model's trajectories.

    The states come from `trajectory.hidden` (`tf_glimpse.explain.collect_states` makes a training set of them), the images are what the
    reconstruction should show: the clean ones also where the model saw clutter. Beside a `ReconstructingModel` it trains together with the
    model that makes the states. Grey levels count as the probability of a light pixel, as is usual; the ELBO is that of a Bernoulli.

    Args:
        image_shape: (H, W, C) of the images.
        latent_size: Z, the size of the latent code.
        units: size of the hidden layers.
        decoder: "dense"; "conv" (upsampling and convolutions from a quarter of the side); or "placed" (a `PlacedPicture`: for one object
            that stands anywhere on an even ground).
        kl_weight: of the divergence from the prior in the loss; 1 is the ELBO.
        training_looks: how many of the T looks, drawn anew each step, one training step takes; all if None. Fewer are faster.
        seed: of every draw in training.

    Call arguments:
        inputs: states `[B, T, U]`, or `[B, U]` for one look.
        training: Python bool.
        sample: draw the code from its posterior instead of taking its mean; as `training` if None.
        seed: int32 `[2]`; wanted where codes are drawn outside of training, (0, 0) if None.

    Output:
        a `Reconstruction`.

    Raises:
        UserError: an unknown decoder, sizes below 1, states of a wrong rank.

    Example:
        >>> vae = HiddenStateVAE(image_shape=(28, 28, 1), units=32)
        >>> vae(tf.zeros([2, 6, 256])).logits.shape
        TensorShape([2, 6, 28, 28, 1])

    Reference: Kingma, Welling 2014, Auto-Encoding Variational Bayes; on RAM's state: "Explaining Recurrent Attention Models".
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_size: int = 16,
        units: int = 256,
        decoder: str = "dense",
        kl_weight: float = 1.0,
        training_looks: int | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_precision(self.dtype_policy)
        image_shape = whole_numbers("image_shape", image_shape)
        latent_size, units = whole_number("latent_size", latent_size), whole_number("units", units)
        if decoder not in DECODERS or len(image_shape) != 3:
            wanted = f"a decoder of {', '.join(DECODERS)} and image_shape (H, W, C)"
            raise UserError(f"HiddenStateVAE expects {wanted}. Received: {decoder=}, {image_shape=}")
        self.image_shape = tuple(image_shape)
        self.latent_size = latent_size
        self.units = units
        self.decoder = decoder
        self.kl_weight = kl_weight
        self.training_looks = training_looks
        self.seed = seed
        self.encoding = keras.Sequential([_dense(units), keras.layers.Dense(2 * latent_size, dtype="float32")], name="encoding")
        self.decoding = keras.Sequential([_dense(units), *_picture(decoder, self.image_shape, units)], name="decoding")
        self.draws = keras.random.SeedGenerator(seed)
        self.trackers = {name: keras.metrics.Mean(name=name) for name in ("cross_entropy", "kl")}

    @classmethod
    def from_preset(cls, name: AnyPath) -> HiddenStateVAE:
        """The autoencoder that ships with the preset of that name, such as "ram_mnist_paper", or of a `.keras` file's path.

        Raises:
            UserError: no such autoencoder; the message lists those there are; a file of another model.
        """
        if str(name).endswith(".keras"):
            model = load_model(name)
            if not isinstance(model, cls):
                raise UserError(f"{name} holds a {type(model).__name__}, which is no {cls.__name__}; tf_glimpse.load_model opens any file.")
            return model
        if name not in vae_names():
            raise UserError(f"No autoencoder for preset {name!r}. There are: {', '.join(vae_names())}; or pass the path of a .keras file.")
        return load_model(PRESETS / "vae" / f"{name}.keras")

    def build(self, input_shape):
        if len(input_shape) not in (2, 3):
            raise UserError(f"HiddenStateVAE expects states [B, T, U] or [B, U]. Received: shape {tuple(input_shape)}")
        self.encoding.build((None, input_shape[-1]))
        self.decoding.build((None, self.latent_size))
        self.built = True

    def call(self, inputs, training=False, sample=None, seed=None):
        hidden = tf.cast(inputs, tf.float32)
        hidden = hidden[:, None] if len(hidden.shape) == 2 else hidden
        draws = training if sample is None else sample
        if seed is None:
            seed = tf.cast(self.draws.next(), tf.int32) if training else (0, 0)
        if training and self.training_looks is not None:
            hidden = _some_looks(hidden, self.training_looks, seed)
        posterior = self.posterior(hidden)
        codes = posterior.sample(seed=tf.convert_to_tensor(seed, tf.int32)) if draws else posterior.mean()
        return Reconstruction(self.decode(codes), posterior.mean(), posterior.stddev())

    def posterior(self, hidden: tf.Tensor) -> tfp.distributions.Distribution:
        """What states `[..., U]` tell about the code: a `tfd.MultivariateNormalDiag` over `[..., Z]`."""
        flat = self.encoding(tf.reshape(tf.cast(hidden, tf.float32), [-1, hidden.shape[-1]]))
        mean, scale = tf.split(tf.reshape(flat, [*_leading(hidden), 2 * self.latent_size]), 2, axis=-1)
        return tfd.MultivariateNormalDiag(mean, tf.nn.softplus(scale) + 1e-4)

    def decode(self, codes: tf.Tensor) -> tf.Tensor:
        """The logits `[..., H, W, C]` of pixels for codes `[..., Z]`."""
        return tf.reshape(self.decoding(tf.reshape(codes, [-1, self.latent_size])), [*_leading(codes), *self.image_shape])

    def reconstruct(self, hidden: tf.Tensor) -> tf.Tensor:
        """Pictures `[B, T, H, W, C]` float32 0-1 of the codes' means."""
        return tf.sigmoid(self(hidden).logits)

    def sample_images(self, hidden: tf.Tensor, count: int, seed: Array = (0, 0)) -> tf.Tensor:
        """Pictures `[N, B, T, H, W, C]` float32 0-1 of N codes drawn from the posterior: how far what was seen leaves them open.

        Args:
            hidden: `[B, T, U]`.
            count: N.
            seed: int32 `[2]`.
        """
        return tf.sigmoid(self.decode(self.posterior(hidden).sample(count, seed=tf.convert_to_tensor(seed, tf.int32))))

    def terms(self, images: tf.Tensor, made: Reconstruction) -> tuple[tf.Tensor, tf.Tensor]:
        """`(cross_entropy, kl)`, each `[B, T]` in nats an image; minus their sum is the ELBO.

        Args:
            images: `[B, H, W, C]` uint8 0-255 or float 0-1, one for all looks.
            made: a `Reconstruction` of B images.
        """
        target = to_float(tf.convert_to_tensor(images))[:, None]
        pixels = tfd.Independent(tfd.Bernoulli(logits=tf.cast(made.logits, tf.float32)), 3)
        kl = tfd.kl_divergence(tfd.MultivariateNormalDiag(made.mean, made.stddev), tfd.MultivariateNormalDiag(tf.zeros_like(made.mean)))
        return -pixels.log_prob(target), kl

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        terms = dict(zip(self.trackers, self.terms(y, y_pred), strict=True))
        weights = None if sample_weight is None else tf.reshape(tf.cast(sample_weight, tf.float32), [-1, 1])
        for name, term in terms.items():
            self.trackers[name].update_state(term, sample_weight=weights)
        rows = terms["cross_entropy"] + self.kl_weight * terms["kl"]
        return tf.reduce_mean(rows if weights is None else rows * weights)

    def get_config(self):
        names = ("image_shape", "latent_size", "units", "decoder", "kl_weight", "training_looks", "seed")
        own = {name: getattr(self, name) for name in names}
        return {"name": self.name, "dtype": keras.saving.serialize_keras_object(self.dtype_policy), **own}


def vae_names():
    """The presets that an autoencoder ships with, sorted."""
    return sorted(path.stem for path in (PRESETS / "vae").glob("*.keras"))


def _dense(units):
    return keras.layers.Dense(units, activation="relu")


def _picture(decoder, image_shape, units):
    """The layers from the last hidden one to the pixels' logits."""
    height, width, channels = image_shape
    if decoder == "dense":
        return [keras.layers.Dense(height * width * channels, dtype="float32")]
    if decoder == "placed":
        return [_dense(units), PlacedPicture(image_shape)]
    rows, columns = -(-height // 4), -(-width // 4)
    spare = ((0, 4 * rows - height), (0, 4 * columns - width))
    return [
        keras.layers.Dense(rows * columns * _CHANNELS, activation="relu"),
        keras.layers.Reshape((rows, columns, _CHANNELS)),
        keras.layers.Conv2DTranspose(_CHANNELS, 4, 2, "same", data_format="channels_last", activation="relu"),
        keras.layers.Conv2DTranspose(channels, 4, 2, "same", data_format="channels_last", dtype="float32"),
        keras.layers.Cropping2D(spare, "channels_last", dtype="float32"),
    ]


def _some_looks(hidden, count, seed):
    """The states of `count` looks `[B, count, U]`, the same ones for the whole batch."""
    looks = hidden.shape[1]
    if count >= looks:
        return hidden
    chosen = tf.argsort(tf.random.stateless_uniform([looks], tf.convert_to_tensor(seed, tf.int32)))[:count]
    return tf.gather(hidden, chosen, axis=1)


def _leading(tensor):
    shape = tf.shape(tensor)
    return [shape[axis] if size is None else size for axis, size in enumerate(tensor.shape[:-1])]
