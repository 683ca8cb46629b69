"""What enters a model, looked at before the model takes it: arrays whole, streams batch by batch on the host, beside the step."""

import contextlib
import dataclasses
import functools
import warnings

import keras
import numpy as np
import tensorflow as tf
from keras.src.trainers import data_adapters
from keras.src.trainers.data_adapters.data_adapter import DataAdapter

from tf_glimpse.datasets.checks import bounds, check_images, check_kind
from tf_glimpse.types import UNIT, UserError

NOTHING = "fit, evaluate and predict expect at least one image. Received: none"


@dataclasses.dataclass(frozen=True)
class Expected:
    """What a model expects of images, of what comes beside them, and of labels.

    Attributes:
        patch_size: pixels of the smallest patch's side, or None.
        task: a task of `tf_glimpse.tasks`, or None for labels of any kind.
        input_range: (black, white) of float images.
    """

    patch_size: int | None = None
    task: object = None
    input_range: tuple = UNIT

    def check(self, inputs, labels=None):
        """Refuses arrays or tensors, images or a dict with "images", and labels, that the model cannot take."""
        images = images_of(inputs)
        if has_values(images):
            images = np.asarray(images)
            frames = images.reshape(-1, *images.shape[2:]) if images.ndim == 5 else images
            check_images(frames, patch_size=self.patch_size, input_range=self.input_range)
            if self.task is not None:
                self.task.check_inputs(inputs)
        if has_values(labels) and self.task is not None:
            self.task.check_labels(np.asarray(labels))

    def check_specification(self, inputs, labels=None):
        """Refuses a stream by what is known of its batches before the first of them is made."""
        images = images_of(inputs)
        if not hasattr(images, "shape"):
            raise UserError(f'a batch must be images, or a dict with "images", then labels. Received: {images}'[:300])
        if images.shape.rank is not None:
            shape = tuple(images.shape)
            check_kind(shape[:1] + shape[2:] if len(shape) == 5 else shape, images.dtype.as_numpy_dtype, self.patch_size, self.input_range)
        if self.task is not None:
            self.task.check_input_specification(inputs)
            if hasattr(labels, "shape"):
                self.task.check_label_specification(labels)

    def looks_at(self, inputs, labels):
        """What can hold a wrong value, of a batch or of its specification: a dict of tensors by name; uint8 pixels can not."""
        images, beside = images_of(inputs), {} if self.task is None else {name: inputs[name] for name in self.task.inputs if name in inputs}
        seen = {"images": images} if images.dtype.is_floating else {}
        return {**seen, **beside, **({"labels": labels} if self.task is not None and hasattr(labels, "shape") else {})}

    def fits(self, seen):
        """Whether the values of what `looks_at` found do, a bool tensor."""
        low, high = bounds(self.input_range)
        fine = tf.constant(True)
        for name, values in seen.items():
            if name == "images":
                fine &= tf.reduce_all((values >= low) & (values <= high))  # NaN is neither
            else:
                fine &= self.task.labels_fit(values) if name == "labels" else self.task.input_fits(name, values)
        return fine


class CheckedBatches(DataAdapter):
    """Any data that Keras takes batch by batch, with a check of every batch: a tf.data set, PyDataset, generator, torch DataLoader.

    Keras makes a tf.data set of all of them; the check is one `map` at its end, and makes the same mistake the same `UserError`. Values
    are looked at by TensorFlow's kernels; Python is asked only once they are wrong, for the words. A distributed data set passes unchecked.

    Args:
        adapter: one of Keras' `DataAdapter`.
        expected: an `Expected`.
        class_weight: a dict of weights by class number, or None.
    """

    def __init__(self, adapter, expected, class_weight=None):
        self.adapter = adapter
        self.expected = expected
        self.mistake = None
        dataset = adapter.get_tf_dataset()
        self.dataset = self._checked(dataset) if isinstance(dataset, tf.data.Dataset) else dataset
        if class_weight is not None:
            self.dataset = data_adapters.TFDatasetAdapter(self.dataset, class_weight).get_tf_dataset()

    def _checked(self, dataset):
        inputs, labels, _ = _parts(dataset.element_spec)
        self.expected.check_specification(inputs, labels)
        seen = self.expected.looks_at(inputs, labels)
        if not seen:
            return dataset
        is_tuple = isinstance(dataset.element_spec, tuple)
        checked = dataset.map(lambda *batch: self._look(batch if is_tuple else batch[0]))
        return checked.prefetch(1) if "images" in seen else checked  # labels alone take less time than another thread

    def _look(self, batch):
        inputs, labels, _ = _parts(batch)
        seen = self.expected.looks_at(inputs, labels)
        tell, values = functools.partial(self._tell, list(seen), images_of(inputs).shape), list(seen.values())
        tf.cond(self.expected.fits(seen), lambda: True, lambda: tf.numpy_function(tell, values, tf.bool))
        return batch

    def _tell(self, names, shape, *values):
        """Raises what is wrong with a batch, and keeps it for `telling`; uint8 pixels, which can be no wrong value, were left behind."""
        seen = dict(zip(names, values, strict=True))
        labels, black = seen.pop("labels", None), np.zeros([1, *(side or 1 for side in shape[1:])], np.uint8)
        try:
            self.expected.check({"images": black, **seen} if set(seen) - {"images"} else seen.get("images"), labels)
        except UserError as mistake:
            self.mistake = mistake
            raise
        return True

    def get_tf_dataset(self):
        return self.dataset

    @property
    def num_batches(self):
        return self.adapter.num_batches

    @property
    def batch_size(self):
        return self.adapter.batch_size

    @property
    def has_partial_batch(self):
        return self.adapter.has_partial_batch

    @property
    def partial_batch_size(self):
        return self.adapter.partial_batch_size

    def on_epoch_begin(self):
        self.adapter.on_epoch_begin()

    def on_epoch_end(self):
        self.adapter.on_epoch_end()


def enter(expected, inputs, labels=None, weights=None, class_weight=None, shuffle=False):
    """Data as Keras takes them, checked: arrays at once and whole, a stream as each batch is made.

    Returns:
        `(inputs, labels, weights, class_weight)` for `fit`, `evaluate` or `predict`; a stream stands for all four.

    Raises:
        UserError: what the model cannot take.
    """
    if inputs is None:
        raise UserError("fit, evaluate and predict expect images: an array, a tf.data set, a PyDataset or a generator. Received: None")
    labels, weights = (np.asarray(values) if isinstance(values, list | tuple) else values for values in (labels, weights))
    if hasattr(images_of(inputs), "shape"):
        if len(images_of(inputs)) == 0:
            raise UserError(NOTHING)
        expected.check(inputs, labels)
        if labels is not None and len(labels) != len(images_of(inputs)):
            raise UserError(f"labels must be {len(images_of(inputs))}, one an image, got {len(labels)}")
        return inputs, labels, weights, class_weight
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`shuffle=True` was passed")  # Keras' own default
        try:
            adapter = data_adapters.get_data_adapter(inputs, labels, weights, shuffle=shuffle)
        except ValueError as error:
            if "Unrecognized data type" not in str(error):
                raise
            wanted = "an array, a tf.data set, a PyDataset or a generator of batches"
            raise UserError(f"images must come as {wanted}. Received: a {type(inputs).__name__}") from None
    if adapter.num_batches == 0:
        raise UserError(NOTHING)
    return CheckedBatches(adapter, expected, class_weight), None, None, None


def specification_of(inputs):
    """What each batch of a stream will be, as tf.data says it; None of arrays."""
    return getattr(getattr(inputs, "dataset", None), "element_spec", None)


@contextlib.contextmanager
def telling(*streams):
    """Ends with the `UserError` that a stream's check met, in place of TensorFlow's error about the step that asked for the batch."""
    try:
        yield
    except tf.errors.OpError:
        for stream in streams:
            if getattr(stream, "mistake", None) is not None:
                raise stream.mistake from None
        raise


def images_of(inputs):
    """The images in what a model is called with.

    Raises:
        UserError: a dict without them.
    """
    if not isinstance(inputs, dict):
        return inputs
    if "images" not in inputs:
        raise UserError(f'expected images, or a dict with "images" among its keys. Received: a dict of {sorted(inputs)}')
    return inputs["images"]


def _parts(batch):
    return keras.utils.unpack_x_y_sample_weight(batch)


def has_values(values):
    """Whether it is an array, or a tensor that is more than a name in a graph."""
    return hasattr(values, "shape") and not tf.is_symbolic_tensor(values) and not isinstance(values, keras.KerasTensor)

