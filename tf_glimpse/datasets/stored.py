"""Reading a prepared TFDS set's images and labels."""

import contextlib
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tf_glimpse.files import write_whole
from tf_glimpse.types import UserError

HELD_BYTES = 2 * 2**30  # of a split's encoded images: more are read when they are wanted


def read_split(builder, split, decode=True):
    """(images, labels int64 `[N]`) of one split, in the order they are stored in.

    Reading records takes a tenth of a millisecond each; what was decoded once is kept beside them, if the folder can be written to.

    Args:
        builder: a prepared `tfds.core.DatasetBuilder`.
        split: its name.
        decode: True for images of one size, as uint8 `[N, H, W, C]`; False for a sequence of encoded bytes.
    """
    if not decode and builder.info.splits[split].num_bytes > HELD_BYTES:
        images = StoredImages(builder, split)
        return images, images.labels()
    if not decode:
        return _read(builder, split, decode)
    file = Path(builder.data_path) / f"decoded-{split}.npz"
    try:
        with file.open("rb") as opened, np.load(opened) as stored:
            return stored["images"], stored["labels"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # none yet, or a damaged one
        images, labels = _read(builder, split, decode)
    with contextlib.suppress(OSError):
        write_whole(file, lambda part: np.savez(part, images=images, labels=labels))
    return images, labels


def _read(builder, split, decode):
    import tensorflow_datasets as tfds

    decoders = None if decode else {"image": tfds.decode.SkipDecoding()}
    examples = builder.as_dataset(split=split, decoders=decoders, shuffle_files=False)
    batches = list(examples.map(lambda example: (example["image"], example["label"])).batch(1000).as_numpy_iterator())
    images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return images if decode else list(images), labels


class StoredImages(Sequence):
    """A split's encoded images, each read from its TFRecord when it is asked for; finding them reads 8 bytes an image.

    Args:
        builder: a prepared `tfds.core.DatasetBuilder` with the features `image` and `label`.
        split: its name.

    Raises:
        UserError: a set that was prepared in another format than TFRecord.
    """

    def __init__(self, builder, split):
        self.files = [str(path) for path in builder.info.splits[split].filepaths]
        if not all(".tfrecord" in Path(file).name for file in self.files):
            raise UserError(f"'{builder.name}' is too large to hold in memory, and is read from TFRecords only. Found: {self.files[0]}")
        self.places = [place for file in self.files for place in _records(file)]

    def __len__(self):
        return len(self.places)

    def __getitem__(self, index):
        file, start, length = self.places[index]
        with open(file, "rb") as opened:
            opened.seek(start)
            example = tf.train.Example.FromString(opened.read(length))
        return example.features.feature["image"].bytes_list.value[0]

    def labels(self):
        """int64 `[N]`; reads the split once."""
        label = {"label": tf.io.FixedLenFeature([], tf.int64)}
        records = tf.data.TFRecordDataset(self.files).batch(1000)
        parsed = records.map(lambda batch: tf.io.parse_example(batch, label)["label"], num_parallel_calls=tf.data.AUTOTUNE)
        return np.concatenate(list(parsed.as_numpy_iterator()))


def _records(file):
    """(file, start, length) of each record: it lies between its length with a checksum (8 + 4 bytes) and one of its own (4)."""
    place, size = 0, Path(file).stat().st_size
    with open(file, "rb") as opened:
        while place < size:
            (length,) = struct.unpack("<Q", opened.read(8))
            yield file, place + 12, length
            place += length + 16
            opened.seek(place)
