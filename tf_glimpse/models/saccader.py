"""The Saccader: looks at a few squares of an image, chosen by what a BagNet makes of all of them, and answers by their mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tf_glimpse.layers.attention_network import AttentionNetwork
from tf_glimpse.layers.retina import Retina
from tf_glimpse.layers.saccader_cell import SaccaderCell
from tf_glimpse.layers.unroll import fold
from tf_glimpse.models.bagnet import BagNet
from tf_glimpse.models.saccader_stages import SaccaderStages
from tf_glimpse.models.step import has_actions
from tf_glimpse.ops.coverage import seen_pixels
from tf_glimpse.ops.grids import field_cells, field_centres, gather_cells, ordered_cells
from tf_glimpse.ops.patches import in_range
from tf_glimpse.tasks import Classification
from tf_glimpse.types import Array, Trajectory, UserError, whole_number

if TYPE_CHECKING:
    from tf_glimpse.ops.grids import Fields


@keras.saving.register_keras_serializable("tf_glimpse")
class Saccader(SaccaderStages):
    """A BagNet whose answer is the mean of its logits at a few cells, and a policy that chooses them; trained in three stages.

    1. `model.bagnet.compile(...)`, `model.bagnet.fit(...)`: the BagNet learns to classify whole images.
    2. `model.compile(..., terms=[losses.Targets()])`, `model.fit(...)`: the policy learns to look where the BagNet's logits are highest.
    3. `model.compile(...)`, `model.fit(...)`: both learn from the answer after the last look.

    The defaults are the published sizes for 224x224 images; `Saccader.published()` has the authors' quirks too.

    Args:
        num_classes: K, at least 2.
        bagnet: a `BagNet` of as many classes, or a dict of its options, such as `{"receptive_field": 17, "width": 0.25}`.
        num_glimpses: T, how many looks.
        mixed_channels: channels of the features that cells are chosen by.
        even_spacing: False says that a look went to the centre of what its cell sees. True spreads the centres evenly between the borders,
            as the authors' code does: up to 3 pixels off at 224 pixels, so that what is drawn is not quite what was seen. A window that
            then lies between pixels is rounded to the nearest, theirs down.
        class_names: K names, kept with the model for drawing and serving; numbers if None.
        seed: seed of every draw in training.

    Call arguments:
        inputs: images `[B, H, W, C]` uint8 0-255 or float within the BagNet's `input_range`; or a dict with "images", "actions" `[B, T, 2]`
            and "has_actions" `[B]`.
            A given action looks at the cell with the nearest centre.
        training: Python bool; in the location stage, looks then go to the targets.
        sample: draw cells from the policy instead of taking its mode; as `training` if None.
        seed: int32 `[2]`, or `[B, 2]` with one seed a row; wanted where cells are drawn, (0, 0) if None.

    Output:
        a `Trajectory`: `logits[:, t]` the mean of the logits at the cells looked at so far, `locations` the centres of what these see,
        `policy` `[B, T, h * w]` each cell's logit, 1e5 less where it has looked, `hidden` the features that the cell's logits are made of.

    Raises:
        UserError: a wrong number of classes or class names; images smaller than the receptive field.

    Example:
        >>> model = Saccader(num_classes=5, bagnet={"receptive_field": 17, "width": 0.125}, num_glimpses=3, mixed_channels=32)
        >>> trajectory = model(tf.zeros([2, 48, 48, 3]))
        >>> trajectory.logits.shape, trajectory.locations.shape, trajectory.policy.shape
        (TensorShape([2, 3, 5]), TensorShape([2, 3, 2]), TensorShape([2, 3, 16]))

    Reference: Elsayed, Kornblith, Le 2019, Saccader: Improving Accuracy of Hard Attention Models for Vision,
        https://arxiv.org/abs/1908.07644.
    """

    cells = True

    def __init__(
        self,
        num_classes: int,
        bagnet: BagNet | Mapping | None = None,
        num_glimpses: int = 6,
        mixed_channels: int = 512,
        even_spacing: bool = False,
        class_names: Sequence[str] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        num_classes, num_glimpses = whole_number("num_classes", num_classes, 2), whole_number("num_glimpses", num_glimpses)
        mixed_channels = whole_number("mixed_channels", mixed_channels)
        if bagnet is not None and not isinstance(bagnet, BagNet | dict):
            raise UserError(f"bagnet expects a BagNet, or a dict of its options. Received: {bagnet!r}")
        if not isinstance(bagnet, BagNet):
            bagnet = BagNet(**{"dtype": self.dtype_policy, "name": "bagnet", "num_classes": num_classes, **(bagnet or {})})
        _check(num_classes, bagnet.num_classes)
        self.task = Classification(num_classes, class_names)
        self.bagnet = bagnet
        self.num_glimpses = num_glimpses
        self.mixed_channels = mixed_channels
        self.even_spacing = even_spacing
        self.attention = AttentionNetwork(mixed_channels, dtype=self.dtype_policy, name="attention")
        self.cell = SaccaderCell(name="cell")
        self.patch_size, self.num_scales = bagnet.receptive_field, 1
        self.image_shape = None

    @classmethod
    def published(cls, num_classes: int = 1000, **kwargs: Any) -> Saccader:
        """The authors' network for 224x224 photos of ImageNet, with their quirks: `second_norm="main"` and `even_spacing`.

        Example:
            >>> model = Saccader.published()
            >>> model.build((None, 224, 224, 3))
            >>> model.bagnet.count_params(), model.count_params()
            (20627880, 35583400)
        """
        pixels = {"pixel_mean": (0.485, 0.456, 0.406), "pixel_stddev": (0.229, 0.224, 0.225)}
        return cls(num_classes, bagnet={"second_norm": "main", **pixels}, even_spacing=True, **kwargs)

    def with_classes(self, num_classes: int, class_names: Sequence[str] | None = None) -> Saccader:
        """A copy with a new, untrained classifier for `num_classes` classes; every other weight is kept."""
        return self._copy(num_classes=num_classes, class_names=class_names)

    def with_glimpses(self, num_glimpses: int) -> Saccader:
        """A copy with the same weights that takes so many looks; the first ones are the same."""
        return self._copy(num_glimpses=num_glimpses)

    def seen(self, locations: Array, image_size: Sequence[int]) -> tf.Tensor:
        """Which pixels `[B, H, W]` bool of images of (H, W) the cells looked at, `locations` `[B, T, 2]`, have read: their true fields."""
        cells, fields = field_cells(locations, self.fields(image_size)), self.bagnet.fields(image_size)
        return seen_pixels(tf.gather(field_centres(fields), cells), image_size, fields.side)

    def blanked(self, images: Array, locations: Array, hidden: Array) -> tf.Tensor:
        """The images `[B, H, W, C]`, black wherever a look that `hidden` `[B, T]` marks has read; other looks there see black too."""
        images = in_range(images, self.input_range)
        windows = [self.seen(locations[:, look, None], images.shape[1:3]) for look in range(hidden.shape[1])]
        blank = tf.reduce_any(tf.stack(windows, axis=1) & tf.cast(hidden, tf.bool)[:, :, None, None], axis=1)
        return tf.where(blank[..., None], self.input_range[0], images)

    def _copy(self, **changes):
        if not self.built:
            raise UserError("a copy expects a model that was built: call it on images, or build((None, H, W, C)), first.")
        config = {**self.get_config(), **changes}
        config["bagnet"] = {**config["bagnet"], "num_classes": config["num_classes"]}
        other = type(self).from_config(config)
        other.build((None, *self.image_shape))
        fresh = {id(weight) for weight in other.bagnet.classifier.weights} if "num_classes" in changes else ()
        for weight, own in zip(other.weights, self.weights, strict=True):
            if id(weight) not in fresh:
                weight.assign(own)
        return other

    @property
    def retina(self) -> Retina:
        """A `Retina` that shows what a look saw, for `draw_glimpses`."""
        return Retina(self.patch_size, input_range=self.input_range)

    @property
    def input_range(self) -> tuple[float, float]:  # type: ignore[override]  # a plain value in the base
        """(black, white) of float images: the BagNet's, `Saccader(..., bagnet={"input_range": (0, 255)})`."""
        return self.bagnet.input_range

    def fields(self, image_size: Sequence[int]) -> Fields:
        """What each cell sees of an image of (H, W) pixels, as `tf_glimpse.ops.grids.Fields`: the cells of `policy`, in its order."""
        fields = self.bagnet.fields(image_size)
        if not self.even_spacing:
            return fields
        spans = zip(fields.grid, fields.image_size, fields.pitch, strict=True)
        pitch = tuple((pixels - fields.side) / (cells - 1) if cells > 1 else true for cells, pixels, true in spans)
        return fields._replace(pitch=pitch)

    def build(self, input_shape):
        shape = tuple(input_shape["images"] if isinstance(input_shape, dict) else input_shape)
        if len(shape) != 4:
            raise UserError(f"Saccader expects images [B, H, W, C]. Received: shape {shape}")
        self.bagnet.build(shape)  # refuses other channels than it was built for
        if self._trainable_before is not None:  # what was not there yet when it was frozen; Keras passes over what is set already
            self.bagnet.trainable = True
            self.bagnet.trainable = False
        self.image_shape = shape[1:]
        grid, (channels, what_channels) = self.fields(shape[1:3]).grid, self.bagnet.channels
        if not self.attention.built:
            self.attention.build((None, *grid, channels), (None, *grid, what_channels))
            self.cell.build([(None, None, self.mixed_channels)])
        self.attention.built = self.cell.built = self.built = True

    def rollout(self, inputs: Any, training: bool, sample: bool | None, seed: Array | None) -> tuple[Trajectory, Any]:
        images = inputs["images"] if isinstance(inputs, dict) else inputs
        if images.shape[-1] != self.image_shape[-1]:
            raise UserError(f"this model was built for {self.image_shape[-1]} channels. Received: images of shape {tuple(images.shape)}")
        seen, fields = self.bagnet.represent(images, training), self.fields(images.shape[1:3])
        actions, given, has_given = self._given(inputs, seen, fields, training)
        draws = training if sample is None else sample
        draw_seed = tf.convert_to_tensor((0, 0) if seed is None else seed, tf.int32) if draws else None
        cells, policy = self._look(self._mixed(seen, training), given, has_given, draw_seed)
        log_probs, entropies = self.cell.score(cells, policy)
        locations = tf.gather(field_centres(fields), cells)
        actions = tf.where(has_actions(inputs, tf.shape(images)[0])[:, None, None], actions, locations)
        logits = _running_mean(gather_cells(_flat(seen.logits), cells))
        hidden = tf.cast(gather_cells(_flat(seen.what), cells), tf.float32)
        return Trajectory(logits, locations, actions, log_probs, tf.zeros_like(log_probs), entropies, policy, hidden), None

    def _given(self, inputs, seen, fields, training):
        """Raw actions `[B, T, 2]` of the caller's, and the cells `[B, T]` that the policy does not choose, for which rows `[B]`."""
        taught, batch = self.targets if training else None, tf.shape(seen.logits)[0]
        looks = taught.num_targets if taught else self.num_glimpses
        actions, has_given = inputs.get("actions") if isinstance(inputs, dict) else None, has_actions(inputs, batch)
        actions = tf.zeros([batch, looks, 2]) if actions is None else tf.cast(actions, tf.float32)
        if looks > math.prod(fields.grid):
            raise UserError(f"{looks} looks need as many cells, each of which is looked at once. Received: images with {fields.grid} cells")
        if actions.shape[1] not in (None, looks) or actions.shape[2:] != [2]:
            raise UserError(f"{looks} looks expect actions [B, {looks}, 2]. Received: actions of shape {tuple(actions.shape)}")
        given = tf.ensure_shape(field_cells(actions, fields), [None, looks])
        if taught and taught.teacher_forcing:
            given, has_given = tf.where(has_given[:, None], given, ordered_cells(seen.logits, looks)), tf.ones([batch], tf.bool)
        return actions, given, has_given

    def _mixed(self, seen, training):
        """The features `[B, h * w, D]` float32 that cells are chosen by."""
        features, what = seen.features, seen.what
        if self.targets and self.targets.stop_gradient:
            features, what = tf.stop_gradient(features), tf.stop_gradient(what)
        return tf.cast(_flat(self.attention(features, what, training=training)), tf.float32)

    def _look(self, features, given, has_given, seed):
        """The cells `[B, T]` looked at and the logits `[B, T, h * w]` they were chosen by."""
        visited, looks = tf.zeros(tf.shape(features)[:2]), []
        for step in range(given.shape[1]):
            draw_seed = None if seed is None else fold(seed, step + 1)
            look, visited = self.cell((features, given[:, step], has_given), visited, draw_seed=draw_seed)
            looks.append(look)
        return tuple(tf.stack(parts, axis=1) for parts in zip(*looks, strict=True))

    def compute_output_shape(self, input_shape):
        shape = input_shape["images"] if isinstance(input_shape, dict) else input_shape
        looks, (height, width) = (shape[0], self.num_glimpses), self.fields(shape[1:3]).grid
        sizes = {"logits": (self.num_classes,), "locations": (2,), "actions": (2,), "policy": (height * width,)}
        sizes["hidden"] = self.bagnet.channels[1:]
        return Trajectory(**{field: looks + sizes.get(field, ()) for field in Trajectory._fields})

    def get_config(self):
        names = ("num_classes", "num_glimpses", "mixed_channels", "even_spacing", "class_names")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}, "bagnet": self.bagnet.get_config()}


def _flat(maps):
    """`[B, h, w, D]` as `[B, h * w, D]`."""
    _, height, width, channels = maps.shape
    return tf.reshape(maps, [-1, height * width, channels])


def _running_mean(logits):
    """The mean `[B, T, K]` of logits `[B, T, K]` up to each look."""
    return tf.cumsum(logits, axis=1) / tf.range(1, logits.shape[1] + 1, dtype=tf.float32)[:, None]


def _check(num_classes, bagnet_classes):
    if num_classes != bagnet_classes:
        raise UserError(f"Saccader expects a BagNet of {num_classes} classes. Received: a BagNet of {bagnet_classes}")
