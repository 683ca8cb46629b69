"""The one train_step and test_step of the package."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import keras
import tensorflow as tf

from tf_glimpse import losses
from tf_glimpse.models.checked import CheckedModel, replicas
from tf_glimpse.models.classify import classification
from tf_glimpse.models.compiling import check_terms
from tf_glimpse.models.inside import other_seed, refuse_sequential, seed_of_step, teach_inside, trained_by_another
from tf_glimpse.models.loading import from_preset
from tf_glimpse.models.mean_weights import MeanAdamW
from tf_glimpse.models.rollouts import compiled
from tf_glimpse.models.saving import save_preset
from tf_glimpse.models.step import Step
from tf_glimpse.types import AnyPath, Array, Trajectory, UserError, whole_number

if TYPE_CHECKING:
    from tf_glimpse.models.classify import Classified

REPORTED = ("cross_entropy", "policy_entropy", "policy_gradient_variance")


class Trackers:
    """The means of what a step reports besides loss and metrics, by name; Keras does not track them, so that a compile may make others."""

    def __init__(self):
        self.means = {}

    def make(self, names):
        """Makes those that are not there, and forgets the others."""
        self.means = {name: self.means.get(name) or keras.metrics.Mean(name=name) for name in names}


class AttentionModel(CheckedModel):
    """A Keras model whose call returns a `Trajectory`, trained by the loss of its task and a sum of terms; subclasses say how it looks:
    `rollout`, or `call`.

    The call takes images, or `{"images", "actions" [B, T, 2], "has_actions" [B] bool}` and what the task needs besides, and the keywords
    `training`, `sample` (draw from the policy instead of taking its mode; as `training` if None) and `seed` (int32 `[2]`, or `[B, 2]` with
    one seed a row). Losses and metrics given to `compile` see `task.answers(trajectory)`, the logits after the last look. Outside training
    nothing is drawn unless `sample` asks for it.

    Args:
        seed: int, the seed of every draw in training, together with the optimiser's step; None draws one from Keras' global seed.
    """

    line_terms: tuple[str, ...] = ("reward",)  # the terms that an epoch's line shows beside loss and metrics
    terms: Sequence[losses.Term] = ()  # of the loss, as compile was given them
    image_shape: Any  # (H, W, C), None before it is built
    num_scales: Any  # a number, None before it is known
    cells = False  # whether its places are the cells of a BagNet's grid
    stops = False  # whether it can stop before its last look, by a threshold
    compiled_inside = False  # whether another model's training compiled it, so that a file need not tell how
    warned_inside = False

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        if seed is not None and not (hasattr(seed, "__index__") and 0 <= seed < 2**31):
            raise UserError(f"seed expects a whole number from 0 to 2**31 - 1, or None. Received: {seed}")
        self.seed = int(keras.random.randint((), 0, 2**31 - 1)) if seed is None else seed
        self._trackers = Trackers()

    @property
    def num_classes(self) -> int:
        """K, the task's."""
        return self.task.num_classes

    @property
    def class_names(self) -> list[str] | None:
        """K names, the task's; None for numbers."""
        return self.task.class_names

    def innermost(self) -> AttentionModel:
        """What looks: this model; of one that adds to another, that one."""
        return self

    def with_glimpses(self, num_glimpses: int) -> AttentionModel:
        """A copy with the same weights that takes so many looks, of models whose looks do not depend on how many there are to be.

        Raises:
            UserError: any other model.
        """
        what = "for a Saccader; other models look as often as they learned to"
        raise UserError(f"`num_glimpses` is {what}. Received: a {type(self).__name__}")

    def seen(self, locations: Array, image_size: Sequence[int]) -> tf.Tensor:
        """Which pixels `[B, H, W]` bool of images of (H, W) the looks at `locations` `[B, T, 2]` have read.

        Raises:
            UserError: a model that does not say what it sees.
        """
        raise UserError(f"what was seen is known of a RAM or a Saccader. Received: {type(self).__name__}")

    def blanked(self, images: Array, locations: Array, hidden: Array) -> tf.Tensor:
        """What to show for images `[B, H, W, C]`, so that the looks where `hidden` `[B, T]` is true see black, and others as before.

        Raises:
            UserError: a model that does not say what it sees.
        """
        raise UserError(f"looks can be made blank for a RAM or a Saccader. Received: {type(self).__name__}")

    @property
    def policy_part(self) -> keras.layers.Layer:
        """The layer that chooses the places."""
        return getattr(self.cell, "location", self.cell)

    def call(self, inputs, training=False, sample=None, seed=None, return_states=False):
        inside = trained_by_another(self, training, seed)
        seed = seed_of_step(self) if inside else seed
        trajectory, states = self.rollout(inputs, training, sample, seed)
        if inside:
            teach_inside(self, inputs, trajectory, states)
        return (trajectory, states) if return_states else trajectory

    def rollout(self, inputs: Any, training: bool, sample: bool | None, seed: Array | None) -> tuple[Trajectory, Any]:
        """`(trajectory, states)` of inputs: the `Trajectory`, and what `try_places` goes on from, or None; arguments as of a call."""
        raise NotImplementedError(f"{type(self).__name__} needs rollout(inputs, training, sample, seed): (Trajectory, states or None).")

    def compute_output_spec(self, *args, **kwargs):
        """As Keras'; a `Sequential` is told what it can hold instead."""
        refuse_sequential(self)
        return super().compute_output_spec(*args, **kwargs)

    @classmethod
    def from_preset(cls, name: AnyPath, num_classes: int | None = None, class_names: Sequence[str] | None = None) -> Self:
        """A model with the trained weights that ship with the package, or that you kept yourself.

        Args:
            name: a preset's name, such as "ram_digits" (`tf_glimpse.presets()` lists them), a folder that `save_to_preset` made, or the
                path of a `.keras` file.
            num_classes: of a new, untrained classifier, in place of the preset's; everything else keeps its weights.
            class_names: as many names, for the new classifier; numbers if None.

        Raises:
            UserError: no such preset, and the message lists those there are; a model of another class than this one; names without a number
                of classes.
        """
        model = from_preset(name)
        if not isinstance(model, cls):
            raise UserError(f"{name} holds a {type(model).__name__}, which is no {cls.__name__}; tf_glimpse.load_model opens any file.")
        if num_classes is None:
            if class_names is not None:
                raise UserError("class_names are for a new classifier; give num_classes too.")
            return model
        if not hasattr(model, "with_classes"):
            raise UserError(f"a {type(model).__name__} takes no new classifier; give one to the model inside it.")
        return model.with_classes(num_classes, class_names)

    def save_to_preset(
        self,
        folder: AnyPath,
        recipe: Any = None,
        description: str | None = None,
        results: Mapping | None = None,
        licence: str | None = None,
    ) -> None:
        """Keeps the model in a folder that `from_preset(folder)` and `tf-glimpse … --preset folder` read.

        The folder holds `model.keras` (without the optimiser), `preset.json` (what follows), and `README.md`, a card to fill in.

        Args:
            folder: a new or empty one.
            recipe: what it was trained by, a recipe of `tf_glimpse.training` or a dict such as the "recipe" in a run's `recipe.json`: it
                names the data that `tf-glimpse evaluate` then takes; None if there was none.
            description: the task, in a few words; the recipe's if None.
            results: a dict of figures, such as `{"error_percent": 2.75}`.
            licence: of the weights.

        Raises:
            UserError: a folder that holds something, a model that was not built.

        Example:
            >>> import tempfile
            >>> from tf_glimpse.models.ram import RAM
            >>> model, folder = RAM(num_classes=10, patch_size=8, num_glimpses=3), tempfile.mkdtemp()
            >>> model.build((None, 28, 28, 1))
            >>> model.save_to_preset(folder, description="handwritten digits")
            >>> RAM.from_preset(folder).num_glimpses
            3
        """
        save_preset(self, folder, recipe, description, results, licence)

    def compile(self, optimizer=None, loss=None, metrics=None, *, terms=None, rollouts=1, sample=None, jit_compile=False, **kwargs):
        """As `keras.Model.compile`, with the terms that the task's loss is added to.

        Args:
            optimizer: a Keras optimiser or its name; None takes `models.mean_weights.MeanAdamW`, at a rate of 2e-3 with a running mean of
                the weights, which learns fast and steadily.
            loss: a Keras loss on logits `[B, K]`; the task's, cross-entropy, if None.
            metrics: Keras metrics on `(labels, logits [B, K])`; the task's if None, and none if [].
            terms: a list of `tf_glimpse.losses` terms, such as `[Reinforce(0.1), Baseline()]`; or their names, or options by name, such as
                `{"reinforce": {"weight": 0.1}, "baseline": {}}`. None takes what learns best: places tried beside the deterministic rollout
                and an answer after every look (`losses.TRIES`; `losses.DRAWS`, REINFORCE, where no places can be tried).
                `losses.PAPER` is Mnih et al. 2014.
            rollouts: trajectories an image in each training step, at least 1.
            sample: whether training draws its places from the policy; None where a term learns from draws, as `Reinforce` does. False
                trains on the deterministic rollout, the one that is asked later.
            jit_compile: whether XLA compiles the training step: up to twice as fast on a CPU, but the first one takes from ten seconds to
                a minute, so that it pays from some hundred steps on. Evaluation and `predict` are not compiled.
            **kwargs: as for `keras.Model.compile`.

        Raises:
            UserError: a loss on probabilities, fewer than one rollout, a term that this model cannot learn by.

        Warns:
            UserWarning: the policy cannot learn: it chooses no look, or no term teaches it.
        """
        if self.task is None:
            expected = "self.task = tf_glimpse.tasks.Classification(num_classes), in its __init__"
            raise UserError(f"a {type(self).__name__} has no task to learn; it expects {expected}")
        self.compiled_inside = False
        self.rollouts = whole_number("rollouts", rollouts)
        self._set_terms(self.default_terms() if terms is None else terms, sample)
        optimizer, metrics = MeanAdamW() if optimizer is None else optimizer, self.task.metrics() if metrics is None else metrics
        super().compile(optimizer, self.task.loss() if loss is None else loss, metrics, jit_compile=jit_compile, **kwargs)

    def _set_terms(self, terms, sample=None):
        self.terms = tuple(losses.get_terms(terms))
        self.sample = any(term.draws for term in self.terms) if sample is None else sample
        check_terms(self)
        with self.distribute_strategy.scope():
            self._trackers.make([*REPORTED, *(name for term in self.terms for name in (term.name, *term.reports))])

    has_baseline = False  # whether the trajectory's baselines can learn

    def default_terms(self) -> Any:
        """The terms of a `compile` that is given none; here REINFORCE, as a model need not be able to try places."""
        return losses.draws(self.has_baseline)

    def classify(self, images: Any, batch_size: int = 128, white_level: float | None = None) -> Classified:
        """What each image shows, by one deterministic rollout: names, probabilities, and where the model looked.

        (`predict` returns a `Trajectory` of everything that a rollout computes, for losses and metrics.)

        Args:
            images: an array `[N, H, W, C]`, uint8 0-255 or float 0-1, or one image `[H, W, C]`; a file's path (str or `pathlib.Path`), or a
                list of them, read as training reads files: turned upright, resized until they just cover the size that the model was
                built for, the centre cropped; or a dict with "images" and "actions", as for a call.
            batch_size: images at once; no more files than that are in memory. An answer does not depend on it.
            white_level: what is white in files of more than 8 bits, if the training was told so, as for `datasets.decode_image`.

        Returns:
            a `Classified`: `names`, `labels`, `probabilities` and `places`.

        Raises:
            UserError: no images, images that no model can take, a file that cannot be read (named), files for a model that was not built,
                scores that are NaN.

        Example:
            >>> import numpy as np
            >>> from tf_glimpse.models.ram import RAM
            >>> answer = RAM(num_classes=2, patch_size=8, num_glimpses=3, class_names=["cat", "dog"]).classify(np.zeros([4, 28, 28, 1]))
            >>> len(answer.names), answer.names[0] in ("cat", "dog"), answer.probabilities.shape, answer.places.shape
            (4, True, (4, 2), (4, 3, 2))
        """
        return classification(self, images, batch_size, self._answer, white_level)

    def _answer(self, inputs):
        """`(probabilities [B, K], places [B, T, 2])` of one batch, arrays."""
        trajectory = compiled(self)(inputs)
        return tf.nn.softmax(trajectory.logits[:, -1]).numpy(), trajectory.locations.numpy()

    def get_compile_config(self):
        config = None if self.compiled_inside else super().get_compile_config()
        if not config:
            return config
        terms = [keras.saving.serialize_keras_object(term) for term in self.terms]
        return {**config, "terms": terms, "rollouts": self.rollouts, "sample": self.sample}

    def compile_from_config(self, config):
        """As Keras'; what a version without terms compiled takes the default terms.

        Warns:
            UserWarning: the terms are not those that it was trained by.
        """
        if "terms" not in config:
            change = "its loss is now that of the default terms; compile it to choose others"
            warnings.warn(f"{self.name} was compiled by an older version of tf_glimpse: {change}.", stacklevel=2)
            kept = {*inspect.signature(keras.Model.compile).parameters, "learning"}
            config = {name: value for name, value in config.items() if name in kept}
        super().compile_from_config(config)

    def train_step(self, data):
        inputs, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        inputs, labels, weights = self._repeat((inputs, labels, weights))
        with tf.GradientTape() as tape:
            looked = self(inputs, training=True, sample=self.sample, seed=self._step_seed(), return_states=True)
            step = Step(self, inputs, labels, *looked, weights, other_seed(self))
            terms, loss = self.loss_terms(step)
            scaled = self.optimizer.scale_loss(loss)
        variables, policy = self.trainable_variables, step.trajectory.policy
        if not variables:
            warnings.warn("The model does not have any trainable weights: nothing is learned.", stacklevel=2)
        sources = [variable.value for variable in variables]  # the tape makes no zeros for a Keras variable: its dtype is a string
        gradients, policy_gradient = tape.gradient(scaled, [sources, policy], unconnected_gradients="zero")
        rows = tf.cast(tf.shape(policy_gradient)[0], tf.float32) / self.optimizer.scale_loss(1.0)  # before the step may change the scale
        if variables:
            self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self._tell_broken_weights()
        terms["policy_gradient_variance"] = losses.policy_gradient_variance(policy_gradient * rows)
        return self._report(inputs, labels, step.trajectory, weights, loss, terms)

    def test_step(self, data):
        inputs, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        trajectory = self(inputs, training=False)
        loss = self.compute_loss(x=inputs, y=labels, y_pred=trajectory, sample_weight=weights, training=False)
        return self._report(inputs, labels, trajectory, weights, loss, self.test_terms(inputs, trajectory))

    def test_terms(self, inputs: Any, trajectory: Trajectory) -> dict[str, tf.Tensor]:
        """What evaluation reports besides loss and metrics: scalars by name; here none."""
        return {}

    def loss_terms(self, step: Step) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """The named terms of the loss, and their weighted sum with the task's own.

        Args:
            step: a `Step`.

        Returns:
            `(terms, loss)`: a dict of scalars by name, those that are only reported too, and the loss to minimise.
        """
        rows = {term.name: term(step) for term in self.terms}
        terms = {name: step.mean(values) for name, values in rows.items() if values is not None}
        weights = {term.name: term.weight_at(self.optimizer.iterations) for term in self.terms}
        loss = self.compute_loss(x=step.inputs, y=step.labels, y_pred=step.trajectory, sample_weight=step.weights, training=True)
        terms["cross_entropy"] = loss * replicas()
        loss += sum(weights[name] * value for name, value in terms.items() if name in weights) / replicas()
        for term in self.terms:
            terms |= term.monitors(step)
        return {**terms, "policy_entropy": tf.reduce_mean(step.trajectory.entropies)}, loss

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x=x, y=y, y_pred=self.task.answers(y_pred), sample_weight=sample_weight, training=training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, self.task.answers(y_pred), sample_weight=sample_weight)

    def _report(self, inputs, labels, trajectory, weights, loss, terms):
        rows = tf.shape(trajectory.logits)[0]
        self._loss_tracker.update_state(loss * replicas(), sample_weight=rows)
        for name, value in terms.items():
            self._trackers.means[name].update_state(value, sample_weight=rows)
        results = self.compute_metrics(inputs, labels, trajectory, weights)
        unused = set(self.reported) - set(terms)
        return {name: value for name, value in results.items() if name not in unused}

    @property
    def reported(self) -> tuple[str, ...]:
        """Names of what a step reports besides loss and metrics."""
        return tuple(self._trackers.means)

    @property
    def metrics(self):
        """As Keras', and what the terms report."""
        return [*super().metrics, *self._trackers.means.values()]

    def _repeat(self, batch):
        """Every row `rollouts` times: images, actions, labels and weights alike."""
        if self.rollouts == 1:
            return batch
        return tuple(tf.nest.map_structure(lambda tensor: tensor if tensor is None else tf.repeat(tensor, self.rollouts, axis=0), batch))

    def _step_seed(self):
        """`[2]` int32, of this step and this replica, so that a resumed run draws what an unbroken one does."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        step = tf.cast(self.optimizer.iterations, tf.int32) * int(replicas()) + tf.cast(replica, tf.int32)
        return tf.stack([tf.constant(self.seed, tf.int32), step])

    def get_config(self):
        return {"name": self.name, "dtype": keras.saving.serialize_keras_object(self.dtype_policy), "seed": self.seed}
