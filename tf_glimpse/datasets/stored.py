"""Reading a prepared TFDS set's images and labels."""

import contextlib
import zipfile
from pathlib import Path

import numpy as np

from tf_glimpse.datasets.files import write_whole


def read_split(builder, split, decode=True):
    """(images, labels int64 `[N]`) of one split, in the order they are stored in.

    Reading records takes a tenth of a millisecond each; what was decoded once is kept beside them, if the folder can be written to.

    Args:
        builder: a prepared `tfds.core.DatasetBuilder`.
        split: its name.
        decode: True for images of one size, as uint8 `[N, H, W, C]`; False for a list of encoded bytes.
    """
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
