"""Where images come from: one split as labels and a function that fetches images by index."""

import dataclasses
import hashlib
import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tf_glimpse.datasets.canvas import Canvas
from tf_glimpse.datasets.checks import check_images, check_labels
from tf_glimpse.types import UserError


@dataclasses.dataclass(frozen=True)
class ImageSource:
    """One split.

    Attributes:
        labels: int64 `[N]`.
        image_shape: (H, W, C) of what `fetch` returns.
        fetch: indices int64 `[n]` -> uint8 `[n, H, W, C]`; runs inside tf.data. `len(source)` is N.
        files: tuple of N "CLASS/name", where the images come from a folder.
    """

    labels: np.ndarray
    image_shape: tuple
    fetch: Callable
    files: tuple | None = None

    def __len__(self):
        """Number of images."""
        return len(self.labels)

    def subset(self, positions):
        """The images at `positions` (int `[n]`), in that order, sharing this source's memory."""
        positions = np.asarray(positions, np.int64)
        files = self.files and tuple(self.files[position] for position in positions)
        return ImageSource(self.labels[positions], self.image_shape, lambda indices: self.fetch(tf.gather(positions, indices)), files)


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
        recompose: with a canvas, a function (split's name, its images, pieces) -> images, for `with_clutter`.

    Raises:
        UserError: labels outside of 0 to num_classes - 1.
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
    recompose: Callable | None = None

    def __post_init__(self):
        """Checks the labels of every split."""
        for source in self._splits():
            check_labels(source.labels, len(source), self.num_classes)

    @property
    def fingerprint(self):
        """16 hex digits of the name, each split's labels and, for a folder, each split's files: to know the same data again."""
        splits = [(source.labels.tolist(), source.files) for source in self._splits()]
        return hashlib.sha256(repr((self.name, splits)).encode()).hexdigest()[:16]

    def with_clutter(self, split, pieces=0):
        """The split's images with so many pieces of clutter: the same digits at the same places, 0 for the clean images.

        Args:
            split: "validation" or "test".
            pieces: how many; more pieces are added to those that there are with fewer.

        Returns:
            `ImageSource`, in the order of the split.

        Raises:
            UserError: no such split, or pieces for images without a canvas.

        Example:
            >>> from tf_glimpse.datasets import load
            >>> data = load("digits_canvas")
            >>> float(tf.reduce_mean(tf.cast(data.test.fetch([0]) >= data.with_clutter("test").fetch([0]), tf.float32)))
            1.0
        """
        source = {"validation": self.validation, "test": self.test}.get(split)
        fixed = self.recompose is None and (pieces or self.canvas is not None)
        if source is None or fixed:
            wanted = "a split, validation or test, that the set has" if source is None else "a canvas of at most 256 px that is kept whole"
            raise UserError(f"with_clutter wants {wanted}. Received: {self.name}, {split=}, {pieces=}")
        if self.recompose is None:
            return source
        return array_source(self.recompose(split, source.fetch(np.arange(len(source))).numpy(), pieces), source.labels)

    def in_order_of(self, class_names):
        """The same set with its classes in the order of `class_names`, the labels numbered so; as it is if those are not its classes.

        Example:
            >>> from tf_glimpse.datasets import load
            >>> data = load("digits_canvas")
            >>> turned = data.in_order_of(data.class_names[::-1])
            >>> turned.class_names[0], bool(np.all(turned.test.labels == 9 - data.test.labels))
            ('9', True)
        """
        if sorted(class_names) != sorted(self.class_names):
            return self
        numbers = np.array([list(class_names).index(name) for name in self.class_names], np.int64)
        splits = {name: getattr(self, name) for name in ("train", "validation", "test")}
        splits = {name: source and dataclasses.replace(source, labels=numbers[source.labels]) for name, source in splits.items()}
        return dataclasses.replace(self, class_names=list(class_names), **splits)

    def _splits(self):
        return [source for source in (self.train, self.validation, self.test) if source is not None]


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


def split_files(files, labels, fraction, seed):
    """Parts as `split_positions` does, but by each file's own name: a new file changes the part of one other at most.

    Args:
        files: N "CLASS/name"; within a class those with the lowest SHA-256 of "SEED/CLASS/name" are held out.
        labels: int `[N]`.
        fraction: share of the validation part, 0 to below 1; `round(fraction * N)` of each class's N files, but never all of them.
        seed: int.

    Returns:
        Two int64 arrays of positions, training and validation.

    Example:
        >>> files = ["cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg"]
        >>> train, validation = split_files(files, [0, 0, 1, 1], fraction=0.5, seed=0)
        >>> len(train), len(validation)
        (2, 2)
    """
    labels = np.asarray(labels)
    hashes = [hashlib.sha256(os.fsencode(f"{seed}/{file}")).digest() for file in files]
    ranked = np.array(sorted(range(len(files)), key=hashes.__getitem__), np.int64)
    classes = [ranked[labels[ranked] == label] for label in np.unique(labels)]
    held_out = np.concatenate([members[: min(round(fraction * len(members)), len(members) - 1)] for members in classes])
    return np.setdiff1d(np.arange(len(files)), held_out), np.sort(held_out)
