"""A model and the autoencoder of its states, trained together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tf_glimpse import losses
from tf_glimpse.models.wrapped import WrappedModel
from tf_glimpse.ops.patches import to_float
from tf_glimpse.types import Array, Trajectory, UserError

if TYPE_CHECKING:
    from tf_glimpse.models.attention_model import AttentionModel
    from tf_glimpse.models.hidden_state_vae import HiddenStateVAE


@keras.saving.register_keras_serializable("tf_glimpse")
class Reconstruction(losses.Term):
    """The loss of a `ReconstructingModel`'s autoencoder; batches bring clean images."""

    name = "reconstruction"
    needs = ("reconstruction_loss",)

    def __call__(self, step):
        if not isinstance(step.inputs, dict) or step.inputs.get("clean") is None:
            raise UserError("ReconstructingModel trains on batches with clean images: train_batches(data, ..., clean=True)")
        return step.model.reconstruction_loss(step.inputs["clean"], step.trajectory, step.weights)


@keras.saving.register_keras_serializable("tf_glimpse")
class ReconstructingModel(WrappedModel):
    """A model whose states learn, beside their own task, to keep what a picture of the whole image needs.

    `fit` on batches with clean images, `datasets.train_batches(data, ..., clean=True)`, trains both by the sum of the model's loss
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
        UserError: a weight below 0, a model without a core, such as a Saccader, an autoencoder of other images, training batches
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

    def __init__(
        self, model: AttentionModel, vae: HiddenStateVAE, state_weight: float = 1e-3, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(model, seed, **{"dtype": getattr(model, "dtype_policy", None), **kwargs})
        if state_weight < 0 or not hasattr(model, "score_place"):
            expected = "a model whose core has states, such as a RAM, and a state_weight of at least 0"
            raise UserError(f"ReconstructingModel expects {expected}. Received: a {type(model).__name__}, {state_weight=}")
        self.vae, self.state_weight = vae, state_weight
        if model.built:
            self.build((None, *model.image_shape))

    def build_own(self) -> None:
        if tuple(self.vae.image_shape) != tuple(self.image_shape):
            raise UserError(f"expected an autoencoder of images {self.image_shape}, as the model's. Received: {self.vae.image_shape}")
        if not self.vae.built:
            self.vae.build(self.model.compute_output_shape((None, *self.image_shape)).hidden)

    def rollout(self, inputs: Any, training: bool, sample: bool | None, seed: Array | None) -> tuple[Trajectory, Any]:
        return self.model(inputs, training=training, sample=sample, seed=seed, return_states=True)

    def _set_terms(self, terms, sample=None):
        terms = [term for term in losses.get_terms(terms) if not isinstance(term, Reconstruction)]
        super()._set_terms([*terms, Reconstruction()], sample)

    def reconstruction_loss(self, clean: tf.Tensor, trajectory: Trajectory, weights: tf.Tensor | None = None) -> tf.Tensor:
        """The autoencoder's loss, a scalar, of clean images `[B, H, W, C]` and the trajectory's states."""
        states, share = trajectory.hidden, self.state_weight
        made = self.vae(share * states + tf.stop_gradient((1 - share) * states), training=True)
        return self.vae.compute_loss(y=to_float(clean, self.input_range), y_pred=made, sample_weight=weights)

    def get_config(self):
        return {**super().get_config(), "vae": keras.saving.serialize_keras_object(self.vae), "state_weight": self.state_weight}

    @classmethod
    def from_config(cls, config):
        return super().from_config({**config, "vae": keras.saving.deserialize_keras_object(config["vae"])})
