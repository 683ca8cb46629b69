"""Where images come from: one split as labels and a function that fetches images by index."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tf_glimpse.datasets.canvas import Canvas
from tf_glimpse.datasets.checks import check_images, check_labels
from tf_glimpse.types import Array, UserError


@dataclasses.dataclass(frozen=True)
class ImageSource:
    """One split.

    Attributes:
        labels: int64 `[N]`.
        image_shape: (H, W, C) of what `fetch` returns.
        fetch: indices int64 `[n]` -> uint8 `[n, H, W, C]`; runs inside tf.data. `len(source)` is N.
        files: tuple of N "CLASS/name", where the images come from a folder.
        copies: int64 `[N]`, equal for images of the same pixels, in whichever split; None where nobody looked.
    """

    labels: np.ndarray
    image_shape: tuple
    fetch: Callable
    files: tuple | None = None
    copies: np.ndarray | None = None

    def __len__(self):
        """Number of images."""
        return len(self.labels)

    def subset(self, positions: Array) -> ImageSource:
        """The images at `positions` (int `[n]`), in that order, sharing this source's memory."""
        positions = np.asarray(positions, np.int64)
        files = self.files and tuple(self.files[position] for position in positions)
        copies = None if self.copies is None else self.copies[positions]
        return dataclasses.replace(
            self, labels=self.labels[positions], fetch=lambda indices: self.fetch(tf.gather(positions, indices)), files=files, copies=copies
        )


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
        notes: tuple of what a user should know about the data, a line each, as `load` told it.

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
    notes: tuple = ()

    def __post_init__(self):
        """Checks the labels of every split."""
        for source in self._splits():
            check_labels(source.labels, len(source), self.num_classes)

    @property
    def fingerprint(self) -> str:
        """16 hex digits of the name, each split's labels and, for a folder, each split's files: to know the same data again."""
        splits = [(source.labels.tolist(), source.files) for source in self._splits()]
        return hashlib.sha256(repr((self.name, splits)).encode()).hexdigest()[:16]

    def with_clutter(self, split: str, pieces: int = 0) -> ImageSource:
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
            raise UserError(f"with_clutter expects {wanted}. Received: {self.name}, {split=}, {pieces=}")
        if self.recompose is None:
            return source
        return array_source(self.recompose(split, source.fetch(np.arange(len(source))).numpy(), pieces), source.labels)

    def in_order_of(self, class_names: Sequence[str]) -> ImageData:
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


def array_source(images: np.ndarray, labels: np.ndarray) -> ImageSource:
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
        raise UserError(f"expected uint8 images, 0 to 255, got dtype {images.dtype}; multiply by 255 and round")
    with tf.device("CPU:0"):
        stored = tf.constant(images)
    return ImageSource(labels.astype(np.int64), tuple(stored.shape[1:]), lambda indices: tf.gather(stored, indices))
