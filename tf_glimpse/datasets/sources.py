"""Where images come from: one split as labels and a function that fetches images by index."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tf_glimpse.datasets.canvas import Canvas
from tf_glimpse.datasets.checks import check_images
from tf_glimpse.types import UserError


@dataclasses.dataclass(frozen=True)
class ImageSource:
    """One split.

    Attributes:
        labels: int64 `[N]`.
        image_shape: (H, W, C) of what `fetch` returns.
        fetch: indices int64 `[n]` -> uint8 `[n, H, W, C]`; runs inside tf.data. `len(source)` is N.
    """

    labels: np.ndarray
    image_shape: tuple
    fetch: Callable

    def __len__(self):
        """Number of images."""
        return len(self.labels)

    def subset(self, positions):
        """The images at `positions` (int `[n]`), in that order, sharing this source's memory."""
        positions = np.asarray(positions, np.int64)
        return ImageSource(self.labels[positions], self.image_shape, lambda indices: self.fetch(tf.gather(positions, indices)))


@dataclasses.dataclass(frozen=True)
class ImageData:
    """A set as `load` returns it.

    Attributes:
        name: the name or path it was loaded by.
        train: `ImageSource`. With a `canvas` it holds bare digits, which the pipeline places afresh every epoch.
        validation: `ImageSource` split from train, or None if none was asked for.
        test: `ImageSource`, or None if the set has no test split. Never used for validation.
        num_classes: labels are 0 to num_classes - 1.
        class_names: list of str.
        image_shape: (H, W, C) of what a model sees.
        canvas: `Canvas` that training digits are placed on, or None.
        skipped: how many corrupt files were left out (with `skip_corrupt=True`).
    """

    name: str
    train: ImageSource
    validation: ImageSource | None
    test: ImageSource | None
    num_classes: int
    class_names: list
    image_shape: tuple
    canvas: Canvas | None = None
    skipped: int = 0


def array_source(images, labels):
    """`ImageSource` over uint8 images `[N, H, W, C]` and whole-number labels `[N]` in memory.

    Raises:
        UserError: wrong rank, channels, dtype or number of labels.

    Example:
        >>> import numpy as np
        >>> source = array_source(np.zeros([5, 28, 28, 1], np.uint8), np.arange(5))
        >>> source.fetch([4, 0]).shape
        TensorShape([2, 28, 28, 1])
    """
    images, labels = np.asarray(images), np.asarray(labels)
    check_images(images, labels)
    if images.dtype != np.uint8:
        raise UserError(f"wanted uint8 images, 0 to 255, got dtype {images.dtype}; multiply by 255 and round")
    with tf.device("CPU:0"):
        stored = tf.constant(images)
    return ImageSource(labels.astype(np.int64), tuple(stored.shape[1:]), lambda indices: tf.gather(stored, indices))


def split_positions(labels, fraction, seed):
    """Positions of a training and a validation part with the classes' shares kept: fixed by `seed`, both in ascending order.

    Args:
        labels: int `[N]`.
        fraction: share of the validation part, 0 to below 1; `round(fraction * N)` images.
        seed: int.

    Returns:
        Two int64 arrays.

    Example:
        >>> train, validation = split_positions([0] * 50 + [1] * 50, fraction=0.1, seed=0)
        >>> len(train), len(validation), int((validation < 50).sum())
        (90, 10, 5)
    """
    labels = np.asarray(labels)
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    count = round(fraction * len(labels))
    held_out = by_class[((np.arange(count) + 0.5) * len(labels) / max(count, 1)).astype(np.int64)]
    return np.setdiff1d(np.arange(len(labels)), held_out), np.sort(held_out)
