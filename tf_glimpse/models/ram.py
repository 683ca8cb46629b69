"""The recurrent attention model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import keras
import tensorflow as tf

from tf_glimpse import losses
from tf_glimpse.layers import (
    CategoricalLocation,
    ConvGlimpseEncoder,
    GaussianLocation,
    GlimpseCell,
    GlimpseEncoder,
    RectifiedCore,
    Retina,
    unroll,
)
from tf_glimpse.layers.glimpse_cell import serialize_part
from tf_glimpse.layers.question_head import QuestionHead
from tf_glimpse.layers.scene import look_at_places
from tf_glimpse.models.attention_model import AttentionModel
from tf_glimpse.models.compiling import warn_of_idle_policy
from tf_glimpse.models.step import has_actions
from tf_glimpse.ops.coordinates import clip
from tf_glimpse.ops.coverage import seen_pixels
from tf_glimpse.ops.patches import in_range
from tf_glimpse.tasks import config_of, get_task
from tf_glimpse.types import UNIT, Array, Trajectory, UserError, whole_number

if TYPE_CHECKING:
    from tf_glimpse.tasks import Classification

Part: TypeAlias = str | tuple[str, dict] | keras.layers.Layer
ENCODERS = {"dense": GlimpseEncoder, "conv": ConvGlimpseEncoder}
CORES = {"rectified": RectifiedCore, "lstm": keras.layers.LSTMCell, "gru": keras.layers.GRUCell}
LOCATIONS = {"gaussian": GaussianLocation, "categorical": CategoricalLocation}
# One convolution, whose windows need no gradient: little work without XLA, and enough for the first epochs.
FAST_ENCODER = ("conv", {"filters": (16,), "where_units": 32})
# The layers of Mnih et al. 2014.
PAPER_LAYERS = {"num_scales": 1, "encoder": "dense", "core": "rectified", "units": 256, "first_location": "random"}


@keras.saving.register_keras_serializable("tf_glimpse")
class RAM(AttentionModel):
    """The recurrent attention model: looks at an image through a few glimpses and classifies it after each.

    Args:
        num_classes: K, at least 2: the task is then `Classification`.
        patch_size: side of the retina's smallest patch in pixels.
        num_scales: how many patches, each covering twice the side of the one before; None takes as many as the widest needs to cover
            half of the image's shorter side, once the image is known (2 at 28 px, 3 at 60 px, 4 at 128 px).
        input_range: (black, white) of float images, such as (0, 255) or (-1, 1); uint8 always means 0-255.
        aligned: whether all scales are read off one image pyramid, as for `Retina`; for many scales of large images.
        num_glimpses: T, how many looks.
        encoder: "dense" (the paper's), "conv", or a layer `(patches, locations) -> [B, G]`. This, core and location are a layer, a name, or
            a pair of a name and its layer's options, such as `("gaussian", {"stddev": 0.2})`.
        core: "gru", "lstm", "rectified" (the paper's), or any Keras RNN cell.
        units: size of glimpse vector and core, where they are given by name.
        location: "gaussian", "categorical", or a location head of your own.
        first_location: "centre", "learned" (chosen by the location network), or "random" (uniform in training that draws its places, else
            the centre).
        baseline: whether to learn a baseline of the reward.
        class_names: K names, kept with the model for drawing and serving; numbers if None.
        seed: seed of every draw in training.
        task: what labels and answers mean, of `tf_glimpse.tasks`, such as `Questions(["glasses", "beard"])`; instead of `num_classes`.

    Call arguments:
        inputs: images `[B, H, W, C]` uint8 0-255 or float within `input_range`; films `[B, T, H, W, C]`, one frame a look; or a dict with
            "images", "actions" `[B, T, 2]` and "has_actions" `[B]`. Inside another Keras model that trains it, "labels" let its policy
            learn: it adds its loss, as its own `compile` says, to that model's.
        training: Python bool.
        sample: draw places from the policy instead of taking its mode; as `training` if None.
        seed: int32 `[2]`, or `[B, 2]` with one seed a row; wanted where places are drawn, (0, 0) if None.

    Output:
        a `Trajectory`.

    Raises:
        UserError: an unknown name, a wrong number of class names, a part that does not fit.

    Example:
        >>> model = RAM(num_classes=10, patch_size=8, num_glimpses=3)
        >>> trajectory = model(tf.zeros([2, 28, 28, 1]))
        >>> trajectory.logits.shape, trajectory.locations.shape
        (TensorShape([2, 3, 10]), TensorShape([2, 3, 2]))

    Reference: Mnih, Heess, Graves, Kavukcuoglu 2014, Recurrent Models of Visual Attention, https://arxiv.org/abs/1406.6247.
    """

    def __init__(
        self,
        num_classes: int | None = None,
        patch_size: int = 8,
        num_scales: int | None = None,
        num_glimpses: int = 6,
        encoder: Part = FAST_ENCODER,
        core: Part = "gru",
        units: int = 128,
        location: Part = "gaussian",
        first_location: str = "centre",
        baseline: bool = True,
        class_names: Sequence[str] | None = None,
        seed: int | None = None,
        aligned: bool = False,
        input_range: Sequence[float] = UNIT,
        task: Classification | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.task = get_task(task, num_classes, class_names)
        self.num_glimpses = num_glimpses = whole_number("num_glimpses", num_glimpses)
        self.patch_size, self.units = patch_size, units = whole_number("patch_size", patch_size), whole_number("units", units)
        dtype = self.dtype_policy
        self.cell = GlimpseCell(
            retina=Retina(patch_size, 1 if num_scales is None else num_scales, aligned, input_range, dtype=dtype, name="retina"),
            encoder=_part("encoder", encoder, ENCODERS, units=units, dtype=dtype),
            core=_part("core", core, CORES, units=units, dtype=dtype),
            location=_part("location", location, LOCATIONS),
            first_location=first_location,
            baseline=baseline,
            dtype=dtype,
            name="cell",
        )
        self.num_scales = None if num_scales is None else self.retina.num_scales
        self.classifier = keras.layers.Dense(self.num_classes, dtype="float32", name="classifier")
        self.question = None  # what turns it into the first state
        if self.task.inputs:
            asked, size = self.task.num_questions, self.cell.output_size
            self.classifier = QuestionHead(self.num_classes, asked, name="classifier")
            self.question = None if self.task.blind else keras.layers.Embedding(asked, size, name="question")
        self.image_shape = None

    @property
    def retina(self) -> Retina:
        """What cuts the patches, for drawing."""
        return self.cell.retina

    @property
    def input_range(self) -> tuple[float, float]:  # type: ignore[override]  # a plain value in the base
        """(black, white) of float images."""
        return self.retina.input_range

    def with_classes(self, num_classes: int, class_names: Sequence[str] | None = None) -> RAM:
        """A copy with a new, untrained classifier for `num_classes` classes; every other weight is kept."""
        if self.task.inputs:
            raise UserError(f"a new classifier is for a model of classes alone. Received: the task {type(self.task).__name__}")
        if not self.built:
            raise UserError("a new classifier expects a model that was built: call it on images, or build((None, H, W, C)), first.")
        other = type(self).from_config({**self.get_config(), "num_classes": num_classes, "class_names": class_names})
        other.build((None, *self.image_shape))
        other.cell.set_weights(self.cell.get_weights())
        return other

    def build(self, input_shape):
        shape = tuple(input_shape["images"] if isinstance(input_shape, dict) else input_shape)
        image_shape = _checked_shape(shape, self.patch_size)
        if self.built and image_shape[-1] != self.image_shape[-1]:
            raise UserError(f"this model was built for {self.image_shape[-1]} channels. Received: shape {shape}")
        self.image_shape = image_shape
        if self.num_scales is None:
            self.num_scales = self.retina.num_scales = _scales_for(image_shape, self.patch_size)
        if not self.cell.built:
            self.cell.build((None, *self.image_shape))
        for part in (self.classifier, self.question):
            if part is not None and not part.built:
                part.build((None, self.cell.output_size))
        self.built = True

    def rollout(self, inputs: Any, training: bool, sample: bool | None, seed: Array | None) -> tuple[Trajectory, Any]:
        images = inputs["images"] if isinstance(inputs, dict) else inputs
        if images.shape[-1] != self.image_shape[-1]:
            raise UserError(f"this model was built for {self.image_shape[-1]} channels. Received: images of shape {tuple(images.shape)}")
        actions = inputs.get("actions") if isinstance(inputs, dict) else None
        given = None if actions is None else has_actions(inputs, tf.shape(images)[0])
        draws = training if sample is None else sample
        draw_seed = tf.convert_to_tensor((0, 0) if seed is None else seed, tf.int32) if draws else None
        start = None if self.question is None else tf.tanh(self.question(inputs["question"]))
        looks = unroll(self.cell, images, self.num_glimpses, actions, given, draw_seed, training, start=start)
        glimpses, hidden = looks.glimpses, tf.cast(looks.glimpses.hidden, tf.float32)
        logits, places = self._answers(hidden, inputs), (glimpses.location, glimpses.action)
        return Trajectory(logits, *places, looks.log_probs, glimpses.baseline, looks.entropies, glimpses.policy, hidden), looks.states

    def _answers(self, hidden, inputs):
        """The logits `[B, ..., K]` of states `[B, ..., U]`."""
        return self.classifier(hidden, inputs["question"]) if self.task.inputs else self.classifier(hidden)

    @property
    def has_baseline(self) -> bool:  # type: ignore[override]  # a plain value in the base
        """Whether the trajectory's baselines can learn."""
        return self.cell.baseline is not None

    def default_terms(self) -> Any:
        """Places tried beside the rollout, if the policy chooses at least one."""
        return losses.TRIES if self._chooses else losses.draws(self.has_baseline)

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        if self.cell.trainable and self.cell.location.trainable:
            warn_of_idle_policy(self.terms, self._chooses)

    @property
    def _chooses(self):
        """Whether the policy chooses the place of at least one look."""
        return self.num_glimpses > 1 or self.cell.first_location == "learned"

    def try_places(
        self, inputs: Any, trajectory: Trajectory, states: Any, candidates: int, seed: Array, anywhere: int = 0
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Tries places that the policy might have chosen, and others, each by one look from the state in which it was asked.

        Args:
            inputs: what the model was called with.
            trajectory: the `Trajectory` of that call.
            states: what the call returned beside it, the core's state before each look.
            candidates: N, how many places to draw at each look.
            seed: int32 `[2]`.
            anywhere: A, how many more to draw at each look, uniformly over the image.

        Returns:
            `(log_probs [B, T, N], logits [B, T, N + A, K], places [B, T, N + A, 2])`: the scores of the policy's places, the class scores
            after looking at each, and the places, the policy's first. T counts the looks whose place the policy chooses: one less than
            the model's, unless the first location is learned.

        Raises:
            UserError: one look, to a place that is not the policy's.
        """
        first = self.cell.first_chosen
        if trajectory.policy.shape[1] <= first:
            expected = "a look whose place the policy chooses: num_glimpses of at least 2, or a learned first location"
            raise UserError(f"trying places expects {expected}. Received: num_glimpses={self.num_glimpses}")
        distribution = self.cell.location.distribution(trajectory.policy[:, first:])
        draws = tf.stop_gradient(distribution.sample(candidates, seed=seed))
        places = tf.transpose(clip(self.cell.location.to_action(draws)), [1, 2, 0, 3])
        places = tf.ensure_shape(places, [None, trajectory.policy.shape[1] - first, candidates, 2])  # tfp forgets an axis of 1
        log_probs = tf.transpose(distribution.log_prob(draws), [1, 2, 0])
        if anywhere:
            shape = [tf.shape(places)[0], places.shape[1], anywhere, 2]
            other = tf.random.experimental.stateless_fold_in(seed, anywhere)
            places = tf.concat([places, tf.random.stateless_uniform(shape, other, -1.0, 1.0)], axis=2)
        before = tf.nest.map_structure(lambda state: tf.stop_gradient(state[:, first:]), states)
        images = inputs["images"] if isinstance(inputs, dict) else inputs
        after = look_at_places(self.cell, images, places, before, first)
        return log_probs, self._answers(tf.cast(after, tf.float32), inputs), places

    def score_place(self, trajectory: Trajectory, places: tf.Tensor) -> tf.Tensor:
        """The log-probability `[B, T - 1]` of going to a place `[B, 2]` after each look but the last; gradients reach the states."""
        policy = self.cell.location.parameters(trajectory.hidden[:, :-1])
        draws = self.cell.location.to_draw(tf.repeat(places[:, None], policy.shape[1], axis=1))
        return self.cell.location.distribution(policy).log_prob(draws)

    def seen(self, locations: Array, image_size: Sequence[int]) -> tf.Tensor:
        """Which pixels `[B, H, W]` bool of images of (H, W) the looks at `locations` `[B, T, 2]` have read, at any scale."""
        windows = [self.retina.window(scale) for scale in range(self.num_scales)]
        return tf.reduce_any(tf.stack([seen_pixels(locations, image_size, *window) for window in windows]), axis=0)

    def blanked(self, images: Array, locations: Array, hidden: Array) -> tf.Tensor:
        """A film of the images `[B, H, W, C]`, black at the looks where `hidden` `[B, T]` is true."""
        images = in_range(images, self.input_range)
        return tf.where(tf.cast(hidden, tf.bool)[:, :, None, None, None], self.input_range[0], images[:, None])

    def compute_output_shape(self, input_shape):
        shape = input_shape["images"] if isinstance(input_shape, dict) else input_shape
        looks, parameters = (shape[0], self.num_glimpses), self.cell.location.policy_size
        sizes = {
            "logits": (self.num_classes,),
            "locations": (2,),
            "actions": (2,),
            "policy": (parameters,),
            "hidden": (self.cell.output_size,),
        }
        return Trajectory(**{field: looks + sizes.get(field, ()) for field in Trajectory._fields})

    def get_config(self):
        parts = {name: serialize_part(getattr(self.cell, name)) for name in ("encoder", "core", "location")}
        names = ("patch_size", "num_scales", "num_glimpses", "units")
        own = {**{name: getattr(self, name) for name in names}, **config_of(self.task)}
        cell = {"aligned": self.retina.aligned, "input_range": self.input_range}
        cell |= {"first_location": self.cell.first_location, "baseline": self.cell.baseline is not None}
        return {**super().get_config(), **own, **parts, **cell}

    @classmethod
    def from_config(cls, config):
        names = ("encoder", "core", "location", *(("task",) if "task" in config else ()))
        return cls(**{**config, **{name: keras.saving.deserialize_keras_object(config[name]) for name in names}})


def _checked_shape(shape, patch_size):
    """(H, W, C) of images or films of that shape."""
    if len(shape) not in (4, 5):
        raise UserError(f"RAM expects images [B, H, W, C] or films [B, T, H, W, C]. Received: shape {shape}")
    if any(side is not None and side < patch_size for side in shape[-3:-1]):
        raise UserError(f"RAM expects images of at least {patch_size}x{patch_size} pixels, one patch. Received: shape {shape}")
    return shape[-3:]


def _scales_for(image_shape, patch_size):
    """As many scales as the widest patch needs to cover half of the shorter side; 3 where that is unknown."""
    sides = [side for side in image_shape[:2] if side is not None]
    return 3 if not sides else 1 + max(0, math.ceil(math.log2(min(sides) / 2 / patch_size)))


def _part(role, given, known, **defaults):
    """A layer as it was given, or made by its name and options."""
    if isinstance(given, keras.layers.Layer | type):  # a class is told by the cell
        return given
    name, options = given if isinstance(given, tuple | list) and len(given) == 2 else (given, {})
    if not isinstance(name, str) or name not in known or not isinstance(options, dict):
        raise UserError(f"{role} expects one of {', '.join(known)}, a pair (name, options), or a Keras layer. Received: {given!r}")
    try:
        return known[name](**{**defaults, **options})
    except (TypeError, ValueError) as error:
        raise UserError(f"{role} {name!r} does not take these options: {options} ({str(error).splitlines()[0]})") from error
