"""A Keras model of logits that looks at its data before it takes them, and is saved with which of its layers learn."""

import contextlib
import inspect
from typing import Any

import keras
import tensorflow as tf

from tf_glimpse.losses import CrossEntropy
from tf_glimpse.models.compiling import LAYER_KEYWORDS, check_keywords
from tf_glimpse.models.entering import Expected, enter, has_values, images_of, specification_of, telling
from tf_glimpse.models.finite import all_finite, check_answer, check_weights, is_whole
from tf_glimpse.models.mean_weights import with_mean_weights
from tf_glimpse.models.metrics import fed_from_logits
from tf_glimpse.models.precision import check_precision
from tf_glimpse.models.progress import quiet_xla, with_progress
from tf_glimpse.models.saveable import check_saveable
from tf_glimpse.types import UNIT, UserError


class CheckedModel(keras.Model):
    """`fit`, `evaluate` and `predict` say what is wrong with images and labels, as far as a subclass has `patch_size` and a `task`."""

    def __init__(self, **kwargs: Any) -> None:
        check_keywords("__init__", type(self), kwargs, LAYER_KEYWORDS)
        super().__init__(**kwargs)
        check_precision(self.dtype_policy)

    def compile(self, optimizer="adam", loss=None, metrics=("accuracy",), *, jit_compile=False, **kwargs):
        """As `keras.Model.compile`; the loss is `losses.CrossEntropy` if None, and XLA is off unless asked for.

        Raises:
            UserError: a loss on probabilities.
        """
        check_keywords("compile", type(self), kwargs, inspect.signature(keras.Model.compile).parameters)
        check_precision()
        loss = CrossEntropy() if loss is None else loss
        check_loss(loss)
        kwargs["weighted_metrics"] = fed_from_logits(kwargs.get("weighted_metrics"))
        super().compile(optimizer=optimizer, loss=loss, metrics=fed_from_logits(metrics), jit_compile=jit_compile, **kwargs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """As `keras.Model.compute_loss`.

        Raises:
            UserError: no labels, or labels that the loss does not take.
        """
        if y is None:
            raise UserError("fit and evaluate expect labels beside the images: fit(images, labels), or batches (images, labels).")
        try:
            return super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        except UserError:
            raise
        except (ValueError, TypeError) as error:
            shapes = f"labels of shape {getattr(y, 'shape', None)} and logits of shape {getattr(y_pred, 'shape', None)}"
            hint = "without loss=, class numbers [B] and one-hot rows [B, K] both work"
            raise UserError(f"the loss does not take {shapes} ({str(error).splitlines()[0]}); {hint}") from error

    def save(self, *args, **kwargs):
        """As `keras.Model.save`.

        Raises:
            UserError: a part of the user's, such as an encoder or a reward, that could not be loaded again.
        """
        check_saveable(self)
        super().save(*args, **kwargs)

    def get_compile_config(self):
        """As Keras', and which layers learn: what was frozen stays so in a file."""
        config = super().get_compile_config()
        return {**config, "learning": self._learning()} if config else config

    def compile_from_config(self, config):
        """Compiles as the model that was saved; makes the optimiser's variables, for a file to fill."""
        config = keras.saving.deserialize_keras_object(config)
        layers = list(self._flatten_layers())
        for layer, learns in zip(layers, config.pop("learning", [layer.trainable for layer in layers]), strict=True):
            layer.trainable = learns
        self.compile(**config)
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def _learning(self):
        """Whether each layer learns, those that hold others first."""
        return [layer.trainable for layer in self._flatten_layers()]

    input_range = UNIT  # (black, white) of float images; a subclass may take another
    task: Any = None  # what labels and answers mean, of `tf_glimpse.tasks`; None where labels are of any kind
    awaits_xla = False  # whether the next training step is compiled before it runs

    def make_train_function(self, force=False):
        """As Keras'; takes note that XLA will compile the step."""
        if force or self.train_function is None:
            self.awaits_xla = bool(self.jit_compile)
            if self.jit_compile:
                quiet_xla()
        super().make_train_function(force)

    def make_test_function(self, force=False):
        """As Keras', never compiled by XLA: it would compile again, for seconds, for each other size of batch, as the last one has."""
        with self._without_xla():
            super().make_test_function(force)

    def make_predict_function(self, force=False):
        """As Keras', never compiled by XLA, as in `make_test_function`."""
        with self._without_xla():
            return super().make_predict_function(force)

    @contextlib.contextmanager
    def _without_xla(self):
        jit_compile, self.jit_compile = self.jit_compile, False
        try:
            yield
        finally:
            self.jit_compile = jit_compile

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        **kwargs,
    ):
        """As `keras.Model.fit`; images and labels are checked, arrays at once, a tf.data set or another stream as each batch is made.

        An epoch's line shows loss, metrics and reward. All terms of the loss are in the history, and on the line too with
        `callbacks=[keras.callbacks.ProgbarLogger()]`.

        Raises:
            UserError: no images; images or labels that no model can take: wrong rank, channels or dtype, NaN, labels out of range.
        """
        x, y, sample_weight, class_weight = enter(self.expected, x, y, sample_weight, class_weight, shuffle)
        if validation_data is not None:
            validation_data = enter(self.expected, *keras.utils.unpack_x_y_sample_weight(validation_data))[:3]
        with self.distribute_strategy.scope():
            self._make_variables(x, y)
        shown = {"callbacks": with_progress(with_mean_weights(callbacks, self.optimizer), verbose), "verbose": verbose}
        split = {"validation_split": validation_split, "validation_data": validation_data}
        weights = {"class_weight": class_weight, "sample_weight": sample_weight}
        try:
            with telling(x, *(validation_data or ())[:1]):
                return super().fit(x, y, batch_size, epochs, shuffle=shuffle, **shown, **split, **weights, **kwargs)
        finally:
            self.awaits_xla = False

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, *args, **kwargs):
        """As `keras.Model.evaluate`; images and labels are checked as in `fit`, weights that are not finite are refused.

        Within `fit` such weights make every number of the validation NaN.
        """
        within_fit = kwargs.get("_use_cached_eval_dataset")  # whose data `fit` has checked
        if not within_fit:
            check_weights(self)
            x, y, sample_weight, _ = enter(self.expected, x, y, sample_weight)
        with telling(x):
            found = super().evaluate(x, y, batch_size, verbose, sample_weight, *args, **kwargs)
        return dict.fromkeys(found, float("nan")) if within_fit and not is_whole(self) else found

    def predict(self, x, *args, **kwargs):
        """As `keras.Model.predict`; images are checked as in `fit`, weights and answers that are not finite are refused."""
        check_weights(self)
        x = enter(self.expected, x)[0]
        with telling(x):
            answer = super().predict(x, *args, **kwargs)
        check_answer(answer)
        return answer

    def train_on_batch(self, x, y=None, *args, **kwargs):
        """As `keras.Model.train_on_batch`; images and labels are checked first."""
        self.expected.check(x, y)
        return super().train_on_batch(x, y, *args, **kwargs)

    def test_on_batch(self, x, y=None, *args, **kwargs):
        """As `keras.Model.test_on_batch`; images, labels and weights are checked first."""
        check_weights(self)
        self.expected.check(x, y)
        return super().test_on_batch(x, y, *args, **kwargs)

    def predict_on_batch(self, x):
        """As `keras.Model.predict_on_batch`; images and weights are checked first, the answers after."""
        check_weights(self)
        self.expected.check(x)
        answer = super().predict_on_batch(x)
        check_answer(answer)
        return answer

    def __call__(self, inputs, *args, **kwargs):
        """As `keras.Model.__call__`; images are checked first, and outside of graphs and training the weights and answers too."""
        self.expected.check(inputs)
        asked = has_values(images_of(inputs)) and tf.executing_eagerly() and not (kwargs.get("training") or self.run_eagerly)
        if asked:
            check_weights(self)
        answer = super().__call__(inputs, *args, **kwargs)
        if asked:
            check_answer(answer)
        return answer

    def train_step(self, data):
        """As Keras'; a step that breaks the weights reports a loss of NaN."""
        logs = super().train_step(data)
        self._tell_broken_weights()
        return {**logs, "loss": self._loss_tracker.result()}

    def _tell_broken_weights(self):
        """Makes the reported loss NaN once a weight is: the gradient of a loss that looks well may be, and `TerminateOnNaN` asks the loss.

        After the optimiser's step, so that one skipped by loss scaling is none.
        """
        broken = tf.where(all_finite(self.trainable_variables), 0.0, float("nan"))
        self._loss_tracker.total.assign_add(broken)

    @property
    def expected(self):
        """What the model expects of its images and labels, an `Expected`."""
        return Expected(getattr(self, "patch_size", None), self.task, self.input_range)

    def _make_variables(self, inputs, labels):
        """Makes what is still missing before the first step is traced: TensorFlow traces a step that made variables a second time."""
        inputs, labels, _ = keras.utils.unpack_x_y_sample_weight(specification_of(inputs) or (inputs, labels))
        shape = tf.TensorShape(getattr(inputs.get("images") if isinstance(inputs, dict) else inputs, "shape", None))
        if shape.rank is not None and not self.built:
            self.build((None, *shape[1:]))
        if self.built and self.compiled and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
        metrics = self._compile_metrics
        if metrics is not None and not metrics.built and hasattr(labels, "shape") and hasattr(self, "num_classes"):
            metrics.build(labels, keras.KerasTensor((None, self.num_classes)))


def replicas():
    """How many replicas share a batch under `tf.distribute`; Keras divides the compiled loss by it, so that the replicas' sum is right."""
    return float(tf.distribute.get_strategy().num_replicas_in_sync)


def check_loss(loss):
    """Refuses a loss that takes its input for probabilities: the model returns logits."""
    known = keras.losses.get(loss) if isinstance(loss, str) else loss
    from_logits = getattr(known, "from_logits", None)
    settings = getattr(known, "_fn_kwargs", None)
    if settings is not None:
        from_logits = settings.get("from_logits")
    elif from_logits is None and callable(known) and not isinstance(known, keras.losses.Loss):
        parameter = inspect.signature(known).parameters.get("from_logits")
        from_logits = None if parameter is None else parameter.default
    if from_logits is False:
        wanted = "keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
        raise UserError(f"compile expects a loss on logits, such as {wanted}, or none at all. Received: loss={loss!r} on probabilities")
