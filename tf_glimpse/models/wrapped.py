"""A model that adds to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tf_glimpse.models.adaptive_looks import looks_of
from tf_glimpse.models.attention_model import AttentionModel
from tf_glimpse.types import Array, UserError

if TYPE_CHECKING:
    from tf_glimpse.layers.retina import Retina


class WrappedModel(AttentionModel):
    """A model whose looks are another's; everything that a subclass does not change is the other's.

    Args:
        model: an `AttentionModel`.
        seed: int, of the draws in training; the model's if None.

    Raises:
        UserError: another kind of model.
    """

    def __init__(self, model: AttentionModel, seed: int | None = None, **kwargs: Any) -> None:
        if not isinstance(model, AttentionModel):
            raise UserError(f"model expects an AttentionModel, such as a trained RAM. Received: {model!r}")
        super().__init__(seed=model.seed if seed is None else seed, **kwargs)
        self.model, self.task = model, model.task
        self.num_glimpses, self.patch_size, self.num_scales = model.num_glimpses, model.patch_size, model.num_scales
        self.image_shape = None

    def build(self, input_shape):
        if not self.model.built:
            self.model.build(input_shape)
        self.image_shape = self.model.image_shape
        self.build_own()
        self.built = True

    def build_own(self) -> None:
        """Builds what a subclass adds; the model is built, and `image_shape` known."""

    def innermost(self) -> AttentionModel:
        """What looks inside."""
        return self.model.innermost()

    @property
    def policy_part(self) -> keras.layers.Layer:
        """The model's layer that chooses the places."""
        return self.model.policy_part

    @property
    def retina(self) -> Retina:
        """The model's, for drawing."""
        return self.model.retina

    @property
    def input_range(self) -> tuple[float, float]:  # type: ignore[override]  # a plain value in the base
        """(black, white) of float images, the model's."""
        return self.model.input_range

    @property
    def has_baseline(self) -> bool:  # type: ignore[override]  # a plain value in the base
        """Whether the model's baselines can learn."""
        return self.model.has_baseline

    @property
    def try_places(self) -> Any:
        """The model's method, if it has one."""
        return self.model.try_places

    @property
    def score_place(self) -> Any:
        """The model's method, if it has one."""
        return self.model.score_place

    def seen(self, locations: Array, image_size: Sequence[int]) -> tf.Tensor:
        return self.model.seen(locations, image_size)

    def blanked(self, images: Array, locations: Array, hidden: Array) -> tf.Tensor:
        return self.model.blanked(images, locations, hidden)

    def default_terms(self) -> Any:
        return self.model.default_terms()

    def looks(self) -> Any:
        """The model's, one look at a time, for `AdaptiveModel`."""
        return looks_of(self.model)

    def compute_output_shape(self, input_shape):
        return self.model.compute_output_shape(input_shape)

    def get_config(self):
        return {**super().get_config(), "model": keras.saving.serialize_keras_object(self.model)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "model": keras.saving.deserialize_keras_object(config["model"])})
