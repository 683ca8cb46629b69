"""Answers in words: a name, probabilities and places for each image, of arrays or of files."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from tf_glimpse.datasets.decode import decode_image
from tf_glimpse.models.finite import check_answer
from tf_glimpse.types import UserError

_SHOWN = 20  # images that a printed answer shows


class Classified(NamedTuple):
    """What `model.classify` answers about N images. Printed, it shows a line an image.

    Attributes:
        names: list of N str, the name of each image's most probable class; its number as text if the model knows no names.
        labels: int64 `[N]`, the number of that class, 0 to K - 1.
        probabilities: float32 `[N, K]`, of every class; each row adds up to 1.
        places: float32 `[N, T, 2]`, (y, x) in [-1, 1], where each look went; NaN after the last look of a model that stopped early.
    """

    names: list
    labels: Any
    probabilities: Any
    places: Any

    def __repr__(self):
        """A line an image: name, probability, where it looked."""
        width = max(map(len, self.names))
        rows = zip(self.names, self.probabilities.max(axis=-1), self.places, strict=True)
        lines = [f"{name:{width}} {100 * probability:5.1f} %  looked at (y, x): {_written(places)}" for name, probability, places in rows]
        more = len(lines) - _SHOWN
        return "\n".join(lines[:_SHOWN] + ([f"... and {more} more"] if more > 0 else []))


def classification(model, images, batch_size, answer, white_level=None):
    """The `Classified` of all images, a batch at a time.

    Args:
        model: an `AttentionModel`, which says how files are read and what the classes are called.
        images: as for `AttentionModel.classify`.
        batch_size: images at once.
        answer: a function of a batch of inputs that returns `(probabilities [B, K], places [B, T, 2])`, arrays.
        white_level: as for `decode_image`, of files.

    Raises:
        UserError: no images, images that no model can take, a file that cannot be read, scores that are no numbers.
    """
    if batch_size < 1:
        raise UserError(f"classify expects a batch_size of at least 1. Received: {batch_size}")
    answers = [answer(batch) for batch in _batches(model, images, batch_size, white_level)]
    probabilities, places = (np.concatenate(parts) for parts in zip(*answers, strict=True))
    check_answer(probabilities)
    labels = np.argmax(probabilities, axis=-1)
    class_names = getattr(model, "class_names", None)
    names = [str(label) if class_names is None else class_names[label] for label in labels]
    return Classified(names, labels, probabilities, places)


def _batches(model, images, batch_size, white_level):
    """The images in batches: of files, no more than one batch is ever decoded."""
    images = list(images) if hasattr(images, "__next__") else images  # such as Path.glob gives
    paths = _paths(images)
    if paths is not None:
        shape = file_shape(model)
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            for start in range(0, len(paths), batch_size):
                some = paths[start : start + batch_size]
                yield np.stack(list(threads.map(lambda path: decode_image(path, shape[2], shape[:2], white_level), some)))
        return
    inputs = images if isinstance(images, dict) else {"images": images}
    try:
        inputs = {name: np.asarray(value) for name, value in inputs.items()}
    except ValueError as error:
        raise UserError(f"classify expects images of one size in an array; of several sizes, pass their files ({error}).") from error
    if "images" in inputs and inputs["images"].ndim == 3:
        inputs = {name: value[None] for name, value in inputs.items()}
    model.expected.check(inputs)
    if not len(inputs["images"]):
        raise UserError(f"classify expects at least one image. Received: shape {inputs['images'].shape}")
    for start in range(0, len(inputs["images"]), batch_size):
        batch = {name: value[start : start + batch_size] for name, value in inputs.items()}
        yield batch if isinstance(images, dict) else batch["images"]


def _paths(images):
    """The files' paths, or None for arrays."""
    if isinstance(images, str | os.PathLike):
        return [images]
    if hasattr(images, "element_spec"):
        raise UserError("classify expects an array or paths of files; of a tf.data set, classify each batch's images.")
    if isinstance(images, list | tuple):
        if not images:
            raise UserError("classify expects at least one image. Received: an empty list")
        if all(isinstance(image, str | os.PathLike) for image in images):
            return list(images)
    return None


def file_shape(model):
    """(H, W, C) that files are brought to: what the model was built for.

    Raises:
        UserError: a model that was built for no size.
    """
    shape = getattr(model, "image_shape", None)
    if shape is None or None in tuple(shape):
        raise UserError(
            f"files are brought to the size that the model was built for, which is {shape}: fit it, or build((None, H, W, C)), first."
        )
    return tuple(shape)


def _written(places):
    return " ".join(f"({row:+.2f}, {column:+.2f})" for row, column in places if not np.isnan(row))
