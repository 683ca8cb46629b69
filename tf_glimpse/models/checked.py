"""A Keras model of logits that looks at NumPy arrays before it takes them, and is saved with which of its layers learn."""

import contextlib
import inspect

import keras
import numpy as np
import tensorflow as tf

from tf_glimpse.datasets.checks import check_images, check_labels
from tf_glimpse.models.precision import check_precision
from tf_glimpse.models.progress import quiet_xla, with_progress
from tf_glimpse.types import UserError


class CheckedModel(keras.Model):
    """`fit`, `evaluate` and `predict` say what is wrong with images and labels, as far as a subclass has `patch_size`, `num_classes`."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        check_precision(self.dtype_policy)

    def compile(self, optimizer="adam", loss=None, metrics=("accuracy",), *, jit_compile=False, **kwargs):
        """As `keras.Model.compile`; the loss is sparse categorical cross-entropy from logits if None, and XLA is off unless asked for.

        Raises:
            UserError: a loss on probabilities.
        """
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True) if loss is None else loss
        check_loss(loss)
        metrics = list(metrics) if isinstance(metrics, tuple) else metrics
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, jit_compile=jit_compile, **kwargs)

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
        **kwargs,
    ):
        """As `keras.Model.fit`; NumPy images and labels are checked first. An epoch's line shows loss, metrics and reward.

        All terms of the loss are in the history, and on the line too with `callbacks=[keras.callbacks.ProgbarLogger()]`.

        Raises:
            UserError: no images; images or labels that no model can take: wrong rank, channels or dtype, NaN, labels out of range.
        """
        self._check_arrays(x, y)
        if isinstance(validation_data, (tuple, list)):
            self._check_arrays(*validation_data[:2])
        with self.distribute_strategy.scope():
            self._make_variables(x, y)
        callbacks = with_progress(callbacks, verbose)
        try:
            return super().fit(x, y, batch_size, epochs, verbose, callbacks, validation_split, validation_data, **kwargs)
        finally:
            self.awaits_xla = False

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """As `keras.Model.evaluate`; NumPy images and labels are checked first, as in `fit`."""
        self._check_arrays(x, y)
        return super().evaluate(x, y, *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        """As `keras.Model.predict`; NumPy images are checked first, as in `fit`."""
        self._check_arrays(x)
        return super().predict(x, *args, **kwargs)

    def _make_variables(self, inputs, labels):
        """Makes what is still missing before the first step is traced: TensorFlow traces a step that made variables a second time."""
        inputs, labels, _ = keras.utils.unpack_x_y_sample_weight(getattr(inputs, "element_spec", (inputs, labels)))
        shape = tf.TensorShape(getattr(inputs.get("images") if isinstance(inputs, dict) else inputs, "shape", None))
        if shape.rank is not None and not self.built:
            self.build((None, *shape[1:]))
        if self.built and self.compiled and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
        metrics = self._compile_metrics
        if metrics is not None and not metrics.built and hasattr(labels, "shape") and hasattr(self, "num_classes"):
            metrics.build(labels, keras.KerasTensor((None, self.num_classes)))

    def _check_arrays(self, inputs, labels=None):
        if isinstance(inputs, dict) and "images" not in inputs:
            raise UserError(f'wanted images, or a dict with "images" among its keys. Received: a dict of {sorted(inputs)}')
        images = inputs["images"] if isinstance(inputs, dict) else inputs
        if isinstance(images, np.ndarray):
            frames = images.reshape(-1, *images.shape[2:]) if images.ndim == 5 else images
            check_images(frames, patch_size=getattr(self, "patch_size", None))
        if isinstance(labels, np.ndarray) and (labels.ndim == 1 or labels.shape[1:] == (1,)):
            check_labels(labels.reshape(-1), len(labels), getattr(self, "num_classes", None))


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
        raise UserError(f"compile wants a loss on logits, such as {wanted}, or none at all. Received: loss={loss!r} on probabilities")
