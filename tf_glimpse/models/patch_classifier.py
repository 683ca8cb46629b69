"""A classifier of another kind for the places that a Saccader chose: it sees the windows alone, from a sharper image if there is one."""

import contextlib
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tf_glimpse.models.checked import CheckedModel
from tf_glimpse.ops.patches import extract_patches, to_float
from tf_glimpse.tasks import Classification
from tf_glimpse.types import UserError, whole_number

SMALLEST = {"Xception": 71, "InceptionV3": 75, "InceptionResNetV2": 75}  # pixels a side; 32 for the other keras.applications


@keras.saving.register_keras_serializable("tf_glimpse")
class PatchClassifier(CheckedModel):
    """Classifies the windows of a few looks one by one and answers by the mean of their logits.

    Where to look is somebody else's business: `cut` takes the windows out of images of any size at a trajectory's `locations`.

    Args:
        num_classes: K, at least 2.
        backbone: the name of a model in `keras.applications`, such as "MobileNetV2"; or a Keras model from `[N, S, S, C]` pixels to
            features `[N, D]`, to logits `[N, K]` with `top=False`; its pixels are floats 0-1, an application's as it expects them.
        options: keyword arguments of the application, such as `{"alpha": 0.35}`. Its `weights` are None by default, so that nothing is
            downloaded: ask for "imagenet", or for a local file.
        window_size: S, pixels a side that windows are brought to; the backbone's own, or the least it takes, if None.
        top: whether a linear layer makes the logits of the backbone's features.
        norm_momentum: of the backbone's batch norms, or None for their own; keras.applications' 0.99 or 0.999 are too slow to follow a
            training from random weights of a few thousand steps.

    Call arguments:
        windows: `[B, T, s, s, C]` uint8 0-255 or float 0-1, of any side s.
        training: for the backbone.

    Output shape:
        `[B, T, K]` float32, the mean of the logits up to each look; a loss given to `compile` sees the last.

    Raises:
        UserError: windows of another rank, or of other channels than the backbone's; no such application, or one that refuses its options;
            a file of weights that is not there or not its own; a backbone of other outputs, or of any size without `window_size`.

    Example:
        >>> photos, locations = tf.zeros([2, 160, 160, 3], tf.uint8), tf.zeros([2, 6, 2])
        >>> model = PatchClassifier(5, "MobileNetV2", {"alpha": 0.35})
        >>> model(model.cut(photos, locations, share=17 / 80)).shape
        TensorShape([2, 6, 5])

    Reference: Elsayed, Kornblith, Le 2019, Saccader, https://arxiv.org/abs/1908.07644, section 4.3 (Saccader-NASNet).
    """

    def __init__(
        self,
        num_classes: int,
        backbone: str | keras.Model,
        options: Mapping | None = None,
        window_size: int | None = None,
        top: bool = True,
        norm_momentum: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.num_classes = num_classes = whole_number("num_classes", num_classes, 2)
        self.task = Classification(num_classes)
        if window_size is not None:
            whole_number("window_size", window_size)
        self.options = dict(options or {})
        self.application = backbone if isinstance(backbone, str) else None
        side = SMALLEST.get(backbone, 32) if self.application else _side_of(backbone)
        self.window_size = window_size or side
        if self.window_size is None:
            raise UserError("a backbone that takes any size expects window_size, the pixels a side that windows are brought to.")
        with _settings(self.dtype_policy):
            self.backbone = _application(backbone, self.window_size, self.options) if isinstance(backbone, str) else backbone
        _check_output(self.backbone.output_shape, None if top else num_classes)
        self.top = keras.layers.Dense(num_classes, dtype="float32", name="top") if top else None
        self.norm_momentum = norm_momentum
        for layer in self.backbone._flatten_layers():
            if norm_momentum is not None and isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = norm_momentum

    def build(self, input_shape):
        channels = self.backbone.input_shape[-1]
        if len(input_shape) != 5 or channels not in (None, input_shape[-1]) or input_shape[1] is None:
            wanted = f"windows [B, T, s, s, {channels or 'C'}] of T looks"
            raise UserError(f"PatchClassifier expects {wanted}. Received: shape {tuple(input_shape)}")
        if self.top is not None:
            self.top.build(self.backbone.output_shape)
        self.built = True

    def call(self, windows, training=False):
        looks, *shape = windows.shape[1:]
        pixels = to_float(tf.reshape(windows, [-1, *shape]))
        logits = self.backbone(self._prepared(pixels), training=training)
        logits = tf.cast(logits if self.top is None else self.top(tf.cast(logits, tf.float32)), tf.float32)
        logits = tf.reshape(logits, [-1, looks, self.num_classes])
        return tf.cumsum(logits, axis=1) / tf.range(1, looks + 1, dtype=tf.float32)[:, None]

    def cut(self, images: tf.Tensor, locations: tf.Tensor, share: float) -> tf.Tensor:
        """The windows `[B, T, s, s, C]` that lie at the locations, s pixels a side.

        Args:
            images: `[B, H, W, C]`, of the size at which the places were chosen or sharper.
            locations: `[B, T, 2]`, a trajectory's.
            share: a window's side divided by the image's height: `model.patch_size / model.image_shape[0]` of the Saccader.

        Raises:
            UserError: a share that is not above 0 and at most 1; images whose height a graph does not know.
        """
        if images.shape[1] is None:
            raise UserError("cut expects images of a height that is known: bring them to one size, or call it outside of `dataset.map`.")
        if not 0 < share <= 1:
            raise UserError(f"share expects a window's side divided by the image's height, above 0 and at most 1. Received: {share}")
        return extract_patches(images, locations, max(round(share * images.shape[1]), 1))

    def _prepared(self, pixels):
        """Float 0-1 pixels of the backbone's size, and as its application expects them normalised."""
        if pixels.shape[1] != self.window_size:
            pixels = tf.image.resize(pixels, [self.window_size] * 2, "bilinear", antialias=True)
        return _module_of(self.application).preprocess_input(255.0 * pixels, data_format="channels_last") if self.application else pixels

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x=x, y=y, y_pred=y_pred[:, -1], sample_weight=sample_weight, training=training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred[:, -1], sample_weight=sample_weight)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self.num_classes)

    def get_config(self):
        backbone = self.application or keras.saving.serialize_keras_object(self.backbone)
        own = {"num_classes": self.num_classes, "options": {**self.options, "weights": None}, "window_size": self.window_size}
        own["dtype"] = keras.saving.serialize_keras_object(self.dtype_policy)
        return {"name": self.name, **own, "backbone": backbone, "top": self.top is not None, "norm_momentum": self.norm_momentum}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "backbone": keras.saving.deserialize_keras_object(config["backbone"])})


def _side_of(backbone):
    """Pixels a side of the images that a user's model takes; None if any."""
    shape = getattr(backbone, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[1] != shape[2]:
        raise UserError(f"backbone expects a built Keras model of one image, [N, s, s, C]. Received: one of input shape {shape}")
    return shape[1]


def _check_output(shape, size):
    if not isinstance(shape, tuple) or len(shape) != 2 or size not in (None, shape[1]):
        wanted = "features [N, D] with top=True" if size is None else f"logits [N, {size}] with top=False"
        raise UserError(f"PatchClassifier expects a backbone that gives {wanted}. Received: one that gives {shape}")


@contextlib.contextmanager
def _settings(policy):
    """Makes a dtype policy and channels last the ones that layers are made with, for an application takes neither."""
    before, layout = keras.config.dtype_policy(), keras.config.image_data_format()
    keras.config.set_dtype_policy(policy)
    keras.config.set_image_data_format("channels_last")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
        keras.config.set_image_data_format(layout)


def _module_of(name):
    """The module of `keras.applications` that an application and its `preprocess_input` come from."""
    module = getattr(getattr(keras.applications, name, None), "__module__", "").rpartition(".")[2]
    found = getattr(keras.applications, module, None)
    return found if hasattr(found, "preprocess_input") else None


def _application(name, side, options):
    if _module_of(name) is None:
        raise UserError(f"backbone expects a model of keras.applications, such as MobileNetV2, or a Keras model. Received: {name!r}")
    try:
        found = {"weights": None, **options}
        return getattr(keras.applications, name)(include_top=False, input_shape=(side, side, 3), pooling="avg", **found)
    except Exception as error:  # what a refused argument, a damaged file and a failed download raise has no common class
        raise UserError(f"{name} does not take window_size={side} and {options}: {str(error).splitlines()[0]}") from error
