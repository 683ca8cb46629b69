"""Keras' metrics beside logits: each is given the labels and the scores that it is made for."""

import functools

import keras
import tensorflow as tf

from tf_glimpse import losses
from tf_glimpse.types import UserError

# Compare one-hot rows with probabilities.
PROBABILITIES = (
    *("AUC", "Precision", "Recall", "PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity"),
    *("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives", "FBetaScore", "BinaryAccuracy"),
    *("BinaryCrossentropy", "CategoricalCrossentropy", "KLDivergence", "Poisson"),
    *("MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "MeanSquaredLogarithmicError", "LogCoshError", "CosineSimilarity"),
)
# Ask only which score is highest, and so take logits.
RANKS = ("CategoricalAccuracy", "TopKCategoricalAccuracy")
SPARSE_PROBABILITIES = ("SparseCategoricalCrossentropy",)
SPARSE_RANKS = ("SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy")
CLASSES = ("Accuracy", "IoU", "MeanIoU")  # expect class numbers in place of scores
# Names for which Keras looks at the shape of the first labels.
BY_SHAPE = {
    **dict.fromkeys(("accuracy", "acc"), keras.metrics.SparseCategoricalAccuracy),
    **dict.fromkeys(("crossentropy", "ce"), functools.partial(keras.metrics.CategoricalCrossentropy, from_logits=True)),
}


def _classes(names):
    return tuple(getattr(keras.metrics, name) for name in names)


@keras.saving.register_keras_serializable("tf_glimpse")
class OnLogits(keras.metrics.Metric):
    """A Keras metric, fed from labels and logits `[B, K]` with what it is made for.

    Labels become one-hot rows, or class numbers for a metric of these, whichever of the two they were; logits become probabilities by
    softmax, unless the metric reads logits (`from_logits=True`) or only asks which is highest.

    Args:
        metric: one of those that `keras.metrics` has for classes.
        name: as it is reported; the metric's own if None.
    """

    def __init__(self, metric, name=None, **kwargs):
        super().__init__(name=name or metric.name, **kwargs)
        self.metric = metric
        if hasattr(metric, "_direction"):  # whether higher is better, for `EarlyStopping` and `ModelCheckpoint`
            self._direction = metric._direction

    def update_state(self, y_true, y_pred, sample_weight=None):
        logits = getattr(self.metric, "from_logits", False) or getattr(self.metric, "_from_logits", False)
        ranks = isinstance(self.metric, _classes(RANKS + SPARSE_RANKS))
        numbers, scores = losses.class_numbers(y_true), y_pred if logits or ranks else tf.nn.softmax(y_pred)
        if isinstance(self.metric, _classes(SPARSE_PROBABILITIES + SPARSE_RANKS)):
            labels = numbers
        elif losses.are_one_hot(y_true):
            labels = y_true  # soft ones stay soft
        else:
            labels = tf.one_hot(numbers, y_pred.shape[-1])
        self.metric.update_state(labels, scores, sample_weight=sample_weight)

    def result(self):
        return self.metric.result()

    def reset_state(self):
        self.metric.reset_state()

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, "metric": keras.saving.serialize_keras_object(self.metric)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "metric": keras.saving.deserialize_keras_object(config["metric"])})


def fed_from_logits(metrics):
    """Metrics as `compile` takes them, each of Keras' own that needs it in an `OnLogits`; what is no list or tuple stays as it is.

    Raises:
        UserError: a name that Keras does not know, or a metric that compares classes with scores.
    """
    return [_fed(metric) for metric in metrics] if isinstance(metrics, list | tuple) else metrics


def _fed(metric):
    name = metric if isinstance(metric, str) else getattr(metric, "__name__", None)
    found = BY_SHAPE[metric]() if isinstance(metric, str) and metric in BY_SHAPE else _found(metric)
    if isinstance(found, _classes(CLASSES)) and getattr(found, "sparse_y_pred", True):
        raise UserError(f'metrics expects what compares labels with logits [B, K], such as "accuracy". Received: {metric!r}')
    return OnLogits(found, name) if isinstance(found, _classes(PROBABILITIES + RANKS + SPARSE_PROBABILITIES + SPARSE_RANKS)) else metric


def _found(metric):
    """The metric of a name, of a class or of one of Keras' functions; itself otherwise."""
    try:
        found = keras.metrics.get(metric) if isinstance(metric, str) else metric
    except ValueError as error:
        raise UserError(f'metrics expects names that Keras knows, such as "accuracy", or metrics. Received: {metric!r}') from error
    name = getattr(found, "__name__", "")
    if not isinstance(found, type) and getattr(keras.metrics, name, None) is found:  # a function, which has a class of its name
        title = "".join(part.capitalize() for part in name.split("_")).replace("KlDivergence", "KLDivergence")
        found = getattr(keras.metrics, title, found)
    return found() if isinstance(found, type) else found
