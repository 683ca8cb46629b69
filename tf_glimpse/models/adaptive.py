"""A trained model that stops looking at an image when one more look is not worth it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_glimpse.layers.stopping import StoppingHead
from tf_glimpse.losses.stopping import accuracy_gains, stopping_error
from tf_glimpse.models.adaptive_looks import looks_of
from tf_glimpse.models.checked import replicas
from tf_glimpse.models.classify import classification
from tf_glimpse.models.finite import check_weights
from tf_glimpse.models.wrapped import WrappedModel
from tf_glimpse.types import Array, Trajectory, UserError, whole_number

if TYPE_CHECKING:
    from tf_glimpse.models.attention_model import AttentionModel
    from tf_glimpse.models.classify import Classified


class AdaptivePrediction(NamedTuple):
    """What adaptive inference answers, one row an image; what comes after the last look is zero.

    Attributes:
        logits: `[B, K]` float32, class scores after the last look.
        locations: `[B, T, 2]` float32, (y, x) in [-1, 1], where each look went.
        gains: `[B, T]` float32, the gain expected of one more look after each look; the last look is the first below the threshold.
        num_glimpses: `[B]` int32, how many looks it took.
    """

    logits: Any
    locations: Any
    gains: Any
    num_glimpses: Any


@keras.saving.register_keras_serializable("tf_glimpse")
class AdaptiveModel(WrappedModel):
    """A trained model and a `StoppingHead` that says when to stop.

    `fit` trains the head alone, on the trajectories that the model takes as it is; `predict`, `evaluate`, `save` and export work as the
    model's own. `predict_adaptive` stops early. A stopping model of any model with a `Trajectory` can be trained; for `predict_adaptive`
    and the export's signature `adaptive` it must be a `RAM`, a `Saccader`, or have a method `looks` (see `adaptive_looks`).

    Args:
        model: a built `AttentionModel`, trained; its weights are not changed.
        stopping_units: units of the head's hidden layer.

    Call arguments:
        as the model's.

    Output:
        the model's `Trajectory`.

    Raises:
        UserError: a model of one look, which has nothing to stop.

    Example:
        >>> from tf_glimpse.models.ram import RAM
        >>> ram = RAM(num_classes=10, patch_size=8, num_glimpses=4, units=16)
        >>> trajectory = ram(tf.zeros([1, 28, 28, 1]))
        >>> model = AdaptiveModel(ram, stopping_units=8)
        >>> prediction = model.predict_adaptive(np.zeros([2, 28, 28, 1], "float32"), threshold=2.0)
        >>> prediction.logits.shape, prediction.num_glimpses.tolist()
        ((2, 10), [1, 1])

    Reference: Harvey et al. 2019, Near-Optimal Glimpse Sequences, section 5 (adaptive stopping), figure 7.
    """

    stops = True

    def __init__(self, model: AttentionModel, stopping_units: int = 32, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(model, seed, **kwargs)
        if model.num_glimpses < 2 or model.task.inputs:
            expected = "a model of at least two looks that is asked no question"
            raise UserError(f"AdaptiveModel expects {expected}. Received: num_glimpses={model.num_glimpses}, {type(model.task).__name__}")
        self.stopping_units = stopping_units = whole_number("stopping_units", stopping_units)
        self.stopping = StoppingHead(stopping_units, name="stopping")
        if model.built:
            self.build((None, *model.image_shape))

    @property
    def trainable_variables(self):
        """The stopping head's; the model stays as it is."""
        return self.stopping.trainable_variables

    def build_own(self) -> None:
        if not self.stopping.built:
            self.stopping.build((None, self.num_classes))

    def compile(self, optimizer="adam", loss=None, metrics=("accuracy",), *, jit_compile=False, **kwargs):
        """As `keras.Model.compile`; the reported loss is `losses.stopping.stopping_error`, in nats a look.

        Args:
            optimizer: a Keras optimiser or its name, for the stopping head.
            loss: as for `AttentionModel.compile`; unused, for the head has a loss of its own.
            metrics: Keras metrics on `(labels, logits [B, K])` after the last look.
            jit_compile: whether XLA compiles the steps.
            **kwargs: as for `AttentionModel.compile`, but for terms: training follows the deterministic rollout.
        """
        super().compile(optimizer, loss, metrics, jit_compile=jit_compile, **kwargs)

    def default_terms(self) -> Any:
        return []

    def _set_terms(self, terms, sample=None):
        if len(terms):
            raise UserError(f"an AdaptiveModel trains its stopping head alone; compile its model with the terms. Received: {terms!r}")
        super()._set_terms(terms, False)

    def rollout(self, inputs: Any, training: bool, sample: bool | None, seed: Array | None) -> tuple[Trajectory, Any]:
        return self.model(inputs, training=False, sample=bool(sample), seed=seed), None

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        gains = accuracy_gains(self.task.correct(y_pred.logits, y))
        rows = stopping_error(self.stopping.outcomes(y_pred.logits[:, :-1]), gains)
        rows = rows if sample_weight is None else rows * tf.cast(tf.reshape(sample_weight, [-1]), rows.dtype)
        return tf.reduce_mean(rows) / replicas()

    def classify(self, images: Any, batch_size: int = 128, white_level: float | None = None, threshold: Array | None = None) -> Classified:
        """As `AttentionModel.classify`; with a threshold each image is looked at as often as `predict_adaptive` does.

        Args:
            images, batch_size, white_level: as for `AttentionModel.classify`.
            threshold: a number, as for `predict_adaptive`; None for all looks.

        Returns:
            a `Classified`, whose places are NaN after an image's last look.

        Raises:
            UserError: as `AttentionModel.classify`; a threshold with given actions, which are all looked at.
        """
        if threshold is None:
            return super().classify(images, batch_size, white_level)
        if isinstance(images, dict):
            raise UserError("a threshold says when to stop looking at places of the model's own; leave out the given actions.")

        def answer(batch):
            return _stopped(self.predict_adaptive(batch, threshold))

        return classification(self, images, batch_size, answer, white_level)

    def predict_adaptive(
        self, images: Array, threshold: Array, max_glimpses: int | None = None, batch_size: int = 128
    ) -> AdaptivePrediction:
        """Looks at each image until the expected gain of one more look falls below the threshold.

        Args:
            images: `[N, H, W, C]` array, uint8 0-255 or float 0-1.
            threshold: a number, or `[N]` with one an image. The gain is in units of accuracy: 0.01 stops where one more look is expected to
                put right less than one answer in a hundred. Above 1 it stops after the first look, at -1 never before `max_glimpses`.
            max_glimpses: most looks, 1 to the model's own number; None for that.
            batch_size: images at once; an image's answer does not depend on it.

        Returns:
            an `AdaptivePrediction` of arrays.

        Raises:
            UserError: images that no model can take, films, a threshold that is no number or of another length, looks out of range.
        """
        images = np.asarray(images)
        if images.ndim != 4 or not len(images):
            raise UserError(f"predict_adaptive expects at least one image, [N, H, W, C]. Received: shape {images.shape}")
        check_weights(self)
        self.expected.check(images)
        thresholds, most = _thresholds(threshold, len(images)), self._most(max_glimpses)
        starts = range(0, len(images), batch_size)
        parts = [(images[start : start + batch_size], thresholds[start : start + batch_size]) for start in starts]
        adapt = self._compiled_adapt(images.shape[1:], tf.as_dtype(images.dtype))
        answers = [adapt(tf.constant(some), tf.constant(theirs), most) for some, theirs in parts]
        return AdaptivePrediction(*(np.concatenate([field.numpy() for field in fields]) for fields in zip(*answers, strict=True)))

    def adapt(self, images: tf.Tensor, thresholds: tf.Tensor, max_glimpses: int | tf.Tensor) -> AdaptivePrediction:
        """`predict_adaptive` on tensors, for a graph: images `[B, H, W, C]`, thresholds float32 `[B]`, a most number of looks int32.

        A loop over looks whose batch holds only the images that are still looked at: the others cost nothing more.
        """
        looks, batch = looks_of(self.model), tf.shape(images)[0]
        seen, states = looks.begin(images)
        answer = AdaptivePrediction(
            tf.zeros([batch, self.num_classes]),
            tf.zeros([batch, self.num_glimpses, 2]),
            tf.zeros([batch, self.num_glimpses]),
            tf.zeros([batch], tf.int32),
        )

        def look_once(step, rows, thresholds, seen, states, answer):
            locations, logits, states = looks.look(seen, states, step)
            gains = self.stopping(logits)
            answer = _written(answer, rows, step, AdaptivePrediction(logits, locations, gains, tf.fill(tf.shape(rows), step + 1)))
            going = (gains >= thresholds) & (step + 1 < max_glimpses)
            return step + 1, *_kept(going, (rows, thresholds, seen, states)), answer

        loop = (tf.constant(0), tf.range(batch), thresholds, seen, states, answer)
        invariants = tf.nest.map_structure(lambda tensor: tf.TensorShape([None, *tensor.shape[1:]]) if tensor.shape.rank else None, loop)
        return tf.while_loop(
            lambda step, rows, *_: tf.size(rows) > 0, look_once, loop, shape_invariants=(tf.TensorShape([]), *invariants[1:])
        )[-1]

    @functools.cached_property
    def _compiled_adapt(self):
        """The function `adapt` for batches of images of one shape and type, each traced once."""

        def traced(shape, dtype):
            kinds = tf.TensorSpec([None, *shape], dtype), tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.int32)
            return functools.partial(tf.function(self.adapt, autograph=False).get_concrete_function(*kinds))

        return functools.lru_cache(maxsize=None)(traced)

    def _most(self, max_glimpses):
        most = self.num_glimpses if max_glimpses is None else max_glimpses
        if most not in range(1, self.num_glimpses + 1):
            raise UserError(f"max_glimpses expects 1 to {self.num_glimpses}, the looks the model was trained for. Received: {max_glimpses}")
        return tf.constant(int(most), tf.int32)

    def get_config(self):
        return {**super().get_config(), "stopping_units": self.stopping_units}


def _stopped(prediction):
    """`(probabilities [B, K], places [B, T, 2])` of an `AdaptivePrediction`; NaN where it no longer looked."""
    looked = np.arange(prediction.locations.shape[1]) < prediction.num_glimpses[:, None]
    return tf.nn.softmax(prediction.logits).numpy(), np.where(looked[:, :, None], prediction.locations, np.float32("nan"))


def _written(answer, rows, step, news):
    """The answer with what look `step` said of the rows still looked at."""
    places = tf.stack([rows, tf.fill(tf.shape(rows), step)], axis=1)
    write = tf.tensor_scatter_nd_update
    return AdaptivePrediction(
        write(answer.logits, rows[:, None], news.logits),
        write(answer.locations, places, news.locations),
        write(answer.gains, places, news.gains),
        write(answer.num_glimpses, rows[:, None], news.num_glimpses),
    )


def _kept(going, nest):
    """Every tensor's rows that go on; nothing is copied while all do."""
    rows = tf.where(going)[:, 0]
    return tf.cond(tf.reduce_all(going), lambda: nest, lambda: tf.nest.map_structure(lambda tensor: tf.gather(tensor, rows), nest))


def _thresholds(threshold, count):
    """`[count]` float32 of a number or of so many."""
    try:
        thresholds = np.broadcast_to(np.asarray(threshold, np.float32), [count])
    except (TypeError, ValueError):
        raise UserError(f"threshold expects a number, or one for each of {count} images. Received: {threshold!r}") from None
    if not np.all(np.isfinite(thresholds)):
        raise UserError(f"threshold expects finite numbers, expected gains in accuracy such as 0.01. Received: {threshold!r}")
    return np.ascontiguousarray(thresholds)
