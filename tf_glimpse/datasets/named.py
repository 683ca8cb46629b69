"""Reading prepared TFDS sets into memory."""

import numpy as np

from tf_glimpse.datasets.encoded import encoded_sources
from tf_glimpse.datasets.sources import array_source
from tf_glimpse.types import UserError


def read_sources(builder, image_size=None, channels=None, skip_corrupt=False):
    """Reads the train, validation and test splits of a prepared builder, as far as it has them and they have labels.

    Args:
        builder: a prepared `tfds.core.DatasetBuilder` with the features "image" and "label".
        image_size, channels, skip_corrupt: as in `load`.

    Returns:
        (dict of split -> `ImageSource`, how many images were left out).

    Raises:
        UserError: no image with one class label, or no labelled training split.
    """
    import tensorflow_datasets as tfds

    features = builder.info.features
    if [type(features[key]) for key in ("image", "label") if key in features] != [tfds.features.Image, tfds.features.ClassLabel]:
        raise UserError(f"'{builder.name}' has no feature 'image' with one class 'label'; it has {', '.join(features)}")
    names = [name for name in ("train", "validation", "test") if name in builder.info.splits]
    as_stored = hasattr(builder, "canvas") or _fits(features["image"], image_size, channels)
    splits = {name: read_split(builder, name, decode=as_stored) for name in names}
    splits = {name: (images, labels) for name, (images, labels) in splits.items() if labels.min(initial=0) >= 0}
    if "train" not in splits:
        raise UserError(f"'{builder.name}' has no labelled split called train; it has {', '.join(builder.info.splits)}")
    if as_stored:
        return {name: array_source(*split) for name, split in splits.items()}, 0
    return encoded_sources(splits, image_size, channels, skip_corrupt)


def _fits(feature, image_size, channels):
    """Whether all images are uint8 and of the size and channels asked for, so that TFDS can decode them straight into one array."""
    height, width, depth = feature.shape
    sized = height and width and image_size in (None, height) and image_size in (None, width)
    return sized and depth in (1, 3) and channels in (None, depth) and feature.np_dtype == np.uint8


def read_split(builder, split, decode=True):
    """(images, labels int64 `[N]`) of one split, in the order they are stored in.

    Args:
        builder: a prepared `tfds.core.DatasetBuilder`.
        split: its name.
        decode: True for images of one size, as uint8 `[N, H, W, C]`; False for a list of encoded bytes.
    """
    import tensorflow_datasets as tfds

    decoders = None if decode else {"image": tfds.decode.SkipDecoding()}
    examples = builder.as_dataset(split=split, decoders=decoders, shuffle_files=False)
    batches = list(examples.map(lambda example: (example["image"], example["label"])).batch(1000).as_numpy_iterator())
    images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return images if decode else list(images), labels
