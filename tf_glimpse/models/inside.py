"""An attention model as a part of another Keras model: how its policy learns there, and a layer of its answer for `Sequential`."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tf_glimpse.models.checked import replicas
from tf_glimpse.models.step import Step
from tf_glimpse.types import UserError

if TYPE_CHECKING:
    from tf_glimpse.models.attention_model import AttentionModel


def trained_by_another(model, training, seed):
    """Whether a call is part of another model's training step; the model's own step gives a seed, and a call by hand is the outermost."""
    outermost = model._get_call_context().entry_layer
    if outermost is model or seed is not None:
        return False
    if not training and not outermost._call_has_training_arg:
        _warn(model, f"give the call of {type(outermost).__name__} an argument training=None, by which Keras tells that it trains")
    return bool(training)


def seed_of_step(model):
    """The seed of a training step of another model; compiles a model that is not, as `compile()` without arguments does."""
    if not model.compiled:
        with tf.init_scope():
            model.compile()
        model.compiled_inside = True
    return model._step_seed()


def other_seed(model):
    """A seed for draws beside the rollout's own, of a training step."""
    return tf.random.experimental.stateless_fold_in(model._step_seed(), -1)


def teach_inside(model, inputs, trajectory, states):
    """Adds the model's whole loss to that of the model around it; warns once where there are no labels for it.

    Args:
        model: a compiled `AttentionModel`.
        inputs: what it was called with: with "labels" in a dict, it learns.
        trajectory, states: what it answered.
    """
    labels = inputs.get("labels") if isinstance(inputs, dict) else None
    if labels is None:
        _warn(model, 'call it with {"images": images, "labels": labels}')
    else:
        loss = model.loss_terms(Step(model, inputs, labels, trajectory, states, seed=other_seed(model)))[1] * replicas()
        untaught = 0.0 * tf.reduce_sum(trajectory.baselines)  # or Keras would miss the gradient of a baseline that no term teaches
        model.add_loss(loss - sum(model.losses) + untaught)  # without regularisers, which the model around it counts
    model.optimizer.iterations.assign_add(1)  # what seeds and schedules go by


def _warn(model, remedy):
    if model.policy_part.trainable_variables and not model.warned_inside:
        model.warned_inside = True
        remedies = f"{remedy}, or freeze it ({model.name}.trainable = False)"
        warnings.warn(f"the policy of {model.name} learns nothing inside this other model: {remedies}.", stacklevel=2)


def refuse_sequential(model):
    """Tells that `keras.Sequential` cannot hold a model of several outputs, while it is being built.

    Raises:
        UserError: the call comes from a `Sequential`.
    """
    frame = sys._getframe(1)
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, keras.layers.Layer) and caller is not model:
            break
        frame = frame.f_back
    if frame is not None and isinstance(caller, keras.Sequential):
        reason = f"{type(model).__name__} returns a Trajectory, not the one tensor that Sequential expects"
        raise UserError(f"{reason}: put tf_glimpse.FinalLogits(model) there.")


@keras.saving.register_keras_serializable("tf_glimpse")
class FinalLogits(keras.layers.Layer):
    """The class scores of an attention model after its last look, as a layer: what `keras.Sequential` can hold.

    In a model around it, the policy learns only if labels come with the images, as in the example; in `Sequential`, which passes images
    alone, it stays as it is: train the model by its own `fit` first. The layer's weights are the model's.

    Args:
        model: an `AttentionModel`, such as a trained RAM.

    Call arguments:
        inputs: as the model's; "labels" beside "images" let its policy learn, by the loss of the model's own `compile`.
        training: Python bool.

    Output shape:
        `[B, K]` float32 logits.

    Raises:
        UserError: another kind of model.

    Example:
        >>> from tf_glimpse.models.ram import RAM
        >>> layer = FinalLogits(RAM(num_classes=10, patch_size=8, num_glimpses=3, units=16))
        >>> images, labels = keras.Input([28, 28, 1]), keras.Input([], dtype="int32")
        >>> model = keras.Model([images, labels], keras.layers.Dense(4)(layer({"images": images, "labels": labels})))
        >>> model.output_shape
        (None, 4)
    """

    def __init__(self, model: AttentionModel, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        if not hasattr(model, "rollout"):
            raise UserError(f"FinalLogits expects an AttentionModel, such as a trained RAM. Received: {model!r}")
        self.model = model

    @property
    def metrics(self):
        """None: those of the model are for its own `fit`."""
        return []

    def build(self, input_shape):
        if not self.model.built:
            self.model.build(input_shape)
        self.built = True

    def call(self, inputs, training=False):
        return self.model(inputs, training=training).logits[:, -1]

    def compute_output_shape(self, input_shape):
        shape = input_shape["images"] if isinstance(input_shape, dict) else input_shape
        return (shape[0], self.model.num_classes)

    def get_config(self):
        return {**super().get_config(), "model": keras.saving.serialize_keras_object(self.model)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "model": keras.saving.deserialize_keras_object(config["model"])})
