"""A Keras model that looks at NumPy arrays before it takes them."""

import keras
import numpy as np
import tensorflow as tf

from tf_glimpse.datasets.checks import check_images, check_labels
from tf_glimpse.types import UserError


class CheckedModel(keras.Model):
    """`fit`, `evaluate` and `predict` say what is wrong with images and labels, as far as a subclass has `patch_size`, `num_classes`."""

    def fit(self, x=None, y=None, *args, validation_data=None, **kwargs):
        """As `keras.Model.fit`; NumPy images and labels are checked first.

        Raises:
            UserError: no images; images or labels that no model can take: wrong rank, channels or dtype, NaN, labels out of range.
        """
        self._check_arrays(x, y)
        if isinstance(validation_data, (tuple, list)):
            self._check_arrays(*validation_data[:2])
        with self.distribute_strategy.scope():
            self._make_variables(x, y)
        return super().fit(x, y, *args, validation_data=validation_data, **kwargs)

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
        if metrics is not None and not metrics.built and hasattr(labels, "shape"):
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
