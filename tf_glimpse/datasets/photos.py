"""Training-time augmentation of photos: the Inception crop, mirroring, colours, RandAugment; all drawn from a stateless seed."""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tf_glimpse.datasets.loading import hold_out_part, load
from tf_glimpse.datasets.notes import leak_notes, tell
from tf_glimpse.datasets.rand_augment import rand_augment
from tf_glimpse.types import AnyPath, Array, DataWarning, UserError

if TYPE_CHECKING:
    from tf_glimpse.datasets.sources import ImageData

_BOXES, _MIRRORS, _COLOURS, _RAND = range(4)  # one random stream each
_GREY = [0.2989, 0.587, 0.114]  # how bright red, green and blue are


@dataclasses.dataclass(frozen=True)
class PhotoAugmentation:
    """A random part of each photo, brought to one size, mirrored half of the time, its colours changed, with RandAugment if wanted.

    The crop is Inception's on the squares that `load_photos` makes: what lies beside the square in a photo's middle is never seen.
    Normalising by mean and deviation is the model's own first step (`BagNet(pixel_mean=..., pixel_stddev=...)`), so that photos stay uint8.

    Args:
        size: side in pixels of what comes out.
        area: smallest and largest share of the photo's area that a part has; (1, 1) with `aspect` (1, 1) takes the whole photo.
        aspect: smallest and largest width divided by height, before the part is cut off at the photo's border.
        flip: whether half of the images are mirrored (left to right).
        colours: up to which fraction brightness, contrast and saturation change; 0 for not at all.
        layers: how many operations of RandAugment each image goes through; 0 for none.
        magnitude: of these, 0 to 10.

    Call arguments:
        images: `[B, H, W, C]` uint8, better larger than `size`: a part is enlarged where it is smaller.
        seed: int32 or int64 `[2]`; the same seed draws the same.

    Returns:
        `[B, size, size, C]` uint8.

    Raises:
        UserError: images that are no uint8; a size below 1, shares or ratios that are no range, a magnitude outside of 0 to 10.

    Example:
        >>> photos = tf.zeros([2, 120, 120, 3], tf.uint8)
        >>> PhotoAugmentation(size=96, area=(0.3, 1.0), colours=0.2)(photos, seed=[1, 2]).shape
        TensorShape([2, 96, 96, 3])

    Reference: Szegedy et al. 2015, Going Deeper with Convolutions, section 6 (the crop); Cubuk et al. 2020, RandAugment,
        https://arxiv.org/abs/1909.13719.
    """

    size: int
    area: tuple = (0.08, 1.0)
    aspect: tuple = (3 / 4, 4 / 3)
    flip: bool = True
    colours: float = 0.0
    layers: int = 0
    magnitude: float = 10.0

    def __post_init__(self):
        if self.size < 1 or self.layers < 0 or not 0 <= self.colours < 1:
            raise UserError(f"expected a size of at least 1, layers of at least 0 and colours from 0 to below 1. Received: {self}")
        if not 0 < self.area[0] <= self.area[1] <= 1 or not 0 < self.aspect[0] <= self.aspect[1] or not 0 <= self.magnitude <= 10:
            wanted = "area as (smallest, largest) share in (0, 1], aspect as (smallest, largest), a magnitude from 0 to 10"
            raise UserError(f"expected {wanted}. Received: {self}")

    def __call__(self, images: tf.Tensor, seed: Array) -> tf.Tensor:
        """Photos `[B, H, W, C]` uint8, each changed by its own draws."""
        if images.dtype != tf.uint8:
            raise UserError(f"PhotoAugmentation expects images [B, H, W, C] uint8, 0 to 255. Received: {tf.as_dtype(images.dtype).name}")
        streams = [tf.random.fold_in(tf.cast(seed, tf.int64), stream) for stream in range(4)]
        count = images.shape[0] or tf.shape(images)[0]  # TensorFlow grumbles where it could know and does not
        boxes = self._mirrored(self._boxes(count, streams[_BOXES]), streams[_MIRRORS])
        parts = tf.image.crop_and_resize(images, boxes, tf.range(count), [self.size, self.size])
        parts = _recoloured(parts, self.colours, streams[_COLOURS]) if self.colours else parts
        parts = tf.cast(tf.round(tf.clip_by_value(parts, 0.0, 255.0)), tf.uint8)
        return rand_augment(parts, self.layers, self.magnitude, streams[_RAND]) if self.layers else parts

    def _boxes(self, count, seed):
        """`[B, 4]` (top, left, bottom, right), fractions of the photo's height and width."""
        draws = tf.random.stateless_uniform([4, count], seed)
        area = self.area[0] + draws[0] * (self.area[1] - self.area[0])
        aspect = self.aspect[0] * (self.aspect[1] / self.aspect[0]) ** draws[1]
        height, width = tf.minimum(tf.sqrt(area / aspect), 1.0), tf.minimum(tf.sqrt(area * aspect), 1.0)
        top, left = draws[2] * (1 - height), draws[3] * (1 - width)
        return tf.stack([top, left, top + height, left + width], axis=1)

    def _mirrored(self, boxes, seed):
        """Half of the boxes from right to left, which reads the image so."""
        chosen = tf.random.stateless_uniform([boxes.shape[0] or tf.shape(boxes)[0], 1], seed) < 0.5
        return tf.where(chosen, tf.gather(boxes, [0, 3, 2, 1], axis=1), boxes) if self.flip else boxes


def _recoloured(images, strength, seed):
    """Images 0 to 255 as floats with another saturation, contrast and brightness each."""
    draws = 1 + strength * tf.random.stateless_uniform([3, tf.shape(images)[0], 1, 1, 1], seed, -1.0, 1.0)
    if images.shape[-1] == 3:
        grey = tf.reduce_sum(images * _GREY, axis=-1, keepdims=True)
        images = grey + (images - grey) * draws[0]
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return (mean + (images - mean) * draws[1]) * draws[2]


def load_photos(
    name: AnyPath, image_size: int | None = None, train_size: int | None = None, hold_out: float = 0.0, **options: Any
) -> ImageData:
    """`load`, with training photos of another size than the others, for parts to be cut from.

    Args:
        name: as for `load`.
        image_size: side of what a model sees, and of the photos to validate and test on.
        train_size: side of the training photos; None for `image_size`.
        hold_out: share of the training photos, 0 to below 1, to validate on where there is a validation split but no test split: what the
            set calls validation is then only tested on, as is the custom with ImageNet; so is the part that `load` splits off a set
            without either. 0 validates on it.
        **options: as for `load`.

    Returns:
        `ImageData`; its `image_shape` is what a model sees, `train.image_shape` what `PhotoAugmentation` takes.

    Raises:
        UserError: a `hold_out` outside of 0 to 1; as `load`.
    """
    if not 0 <= hold_out < 1:
        raise UserError(f"hold_out expects a share from 0 to below 1. Received: {hold_out}")

    data = _held_out(load(name, image_size=image_size, **options), hold_out, options)
    tell([note for note in leak_notes({"train": data.train, "validation": data.validation}) if note not in data.notes])
    if train_size in (None, image_size):
        return data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # told already
        whole = {} if data.train.files is None else {"validation_fraction": 0.0}
        large = load(name, image_size=train_size, **{**options, **whole})
    if data.train.files is None:
        return dataclasses.replace(data, train=_held_out(large, hold_out, options).train)
    places = {file: place for place, file in enumerate(large.train.files or ())}
    train = large.train.subset([places[file] for file in data.train.files])
    return dataclasses.replace(data, train=dataclasses.replace(train, copies=data.train.copies))


def _held_out(data, fraction, options):
    """The data with a part of its training photos to validate on and its validation photos to test on, if it has no test photos."""
    if not fraction or data.test is not None or data.validation is None:
        return data
    train, validation = hold_out_part(data.train, fraction, options.get("seed", 0), options.get("group_duplicates", False))
    return dataclasses.replace(data, train=train, validation=validation, test=data.validation)
