"""A model and the autoencoder of its states, trained together."""

import keras
import tensorflow as tf

from tf_glimpse.models.adaptive_looks import looks_of
from tf_glimpse.models.attention_model import AttentionModel, check_inner
from tf_glimpse.models.checked import replicas
from tf_glimpse.ops.patches import to_float
from tf_glimpse.types import UserError


@keras.saving.register_keras_serializable("tf_glimpse")
class ReconstructingModel(AttentionModel):
    """A model whose states learn, beside their own task, to keep what a picture of the whole image wants.

    `fit` on batches with clean images, `datasets.train_batches(data, ..., clean=True)`, trains both by the sum of the model's hybrid loss
    and the autoencoder's; `model` and `vae` are then used as if each had been trained alone. `predict`, `evaluate` and `save` work as the
    model's own.

    Args:
        model: a built `AttentionModel`, trained or not; its weights are changed.
        vae: a `HiddenStateVAE` of the images' shape.
        state_weight: how much of the reconstruction's gradient reaches the states, at least 0. At 0 the model learns as if it were alone.
        seed: int, of the draws in training; the model's if None.

    Call arguments:
        as the model's; "clean" `[B, H, W, C]` beside "images" in training.

    Output:
        the model's `Trajectory`.

    Raises:
        UserError: a weight below 0, a model with a loss of its own, such as a Saccader, an autoencoder of other images, training batches
            without clean images.

    Example:
        >>> from tf_glimpse.models import RAM, HiddenStateVAE
        >>> ram = RAM(num_classes=10, patch_size=8, num_glimpses=4, units=16)
        >>> trajectory = ram(tf.zeros([1, 28, 28, 1]))
        >>> joint = ReconstructingModel(ram, HiddenStateVAE((28, 28, 1), units=16))
        >>> joint(tf.zeros([2, 28, 28, 1])).hidden.shape
        TensorShape([2, 4, 16])

    Reference: "Explaining Recurrent Attention Models", whose autoencoder reads the last state.
    """

    line_terms = ("reward", "reconstruction")

    def __init__(self, model, vae, state_weight=1e-3, seed=None, **kwargs):
        check_inner(model)
        super().__init__(seed=model.seed if seed is None else seed, **{"dtype": model.dtype_policy, **kwargs})
        if state_weight < 0 or type(model).loss_terms is not AttentionModel.loss_terms:
            wanted = "a model trained by the hybrid loss as it is, such as a RAM, and a state_weight of at least 0"
            raise UserError(f"ReconstructingModel wants {wanted}. Received: a {type(model).__name__}, {state_weight=}")
        self.model, self.vae, self.state_weight = model, vae, state_weight
        self.num_classes, self.num_glimpses, self.patch_size = model.num_classes, model.num_glimpses, model.patch_size
        self.num_scales, self.class_names, self.image_shape = model.num_scales, model.class_names, None
        self.term_trackers["reconstruction"] = keras.metrics.Mean(name="reconstruction")
        if model.built:
            self.build((None, *model.image_shape))

    @property
    def retina(self):
        """The model's, for drawing."""
        return self.model.retina

    @property
    def input_range(self):
        """(black, white) of float images, the model's."""
        return self.model.input_range

    def build(self, input_shape):
        if not self.model.built:
            self.model.build(input_shape)
        self.image_shape = self.model.image_shape
        if tuple(self.vae.image_shape) != tuple(self.image_shape):
            raise UserError(f"wanted an autoencoder of images {self.image_shape}, as the model's. Received: {self.vae.image_shape}")
        if not self.vae.built:
            self.vae.build(self.model.compute_output_shape((None, *self.image_shape)).hidden)
        self.built = True

    def call(self, inputs, training=False, sample=None, seed=None):
        return self.model(inputs, training=training, sample=sample, seed=seed)

    def looks(self):
        """As the model's, for `AdaptiveModel`."""
        return looks_of(self.model)

    def look_ahead(self, images, trajectory, candidates, seed, anywhere=0):
        """As the model's."""
        return self.model.look_ahead(images, trajectory, candidates, seed, anywhere)

    def place_log_probs(self, trajectory, places):
        """As the model's."""
        return self.model.place_log_probs(trajectory, places)

    def loss_terms(self, inputs, labels, trajectory, weights=None):
        if not isinstance(inputs, dict) or inputs.get("clean") is None:
            raise UserError("ReconstructingModel trains on batches with clean images: train_batches(data, ..., clean=True)")
        terms, loss = super().loss_terms(inputs, labels, trajectory, weights)
        states, share = trajectory.hidden, self.state_weight
        made = self.vae(share * states + tf.stop_gradient((1 - share) * states), training=True)
        terms["reconstruction"] = self.vae.compute_loss(y=to_float(inputs["clean"], self.input_range), y_pred=made, sample_weight=weights)
        return terms, loss + terms["reconstruction"] / replicas()

    def compute_output_shape(self, input_shape):
        return self.model.compute_output_shape(input_shape)

    def get_config(self):
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in ("model", "vae")}
        return {**super().get_config(), **parts, "state_weight": self.state_weight}

    @classmethod
    def from_config(cls, config):
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in ("model", "vae")}
        return cls(**{**config, **parts})
