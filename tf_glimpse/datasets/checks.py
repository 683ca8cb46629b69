"""Bad input, told where data enter: what was expected, what came, and what to do."""

from collections.abc import Sequence

import numpy as np

from tf_glimpse.types import UNIT, Array, UserError

_SLACK = 1e-3  # of the range: what resizing and dividing by 255 may round up


def check_images(
    images: Array,
    labels: Array | None = None,
    num_classes: int | None = None,
    patch_size: int | None = None,
    input_range: Sequence[float] = UNIT,
) -> None:
    """Refuses images and labels that no model of this package can take.

    Args:
        images: array `[B, H, W, C]`; uint8, or float within `input_range`.
        labels: int `[B]`, 0 to num_classes - 1; not checked if None.
        num_classes: int; label range is not checked if None.
        patch_size: pixels of the smallest patch's side; not checked if None.
        input_range: (black, white) of float images.

    Raises:
        UserError: says what was expected and what came.

    Example:
        >>> import numpy as np
        >>> check_images(np.zeros([2, 28, 28, 1]), labels=[3, 7], num_classes=10, patch_size=8)
    """
    images = np.asarray(images)
    check_kind(images.shape, images.dtype, patch_size, input_range)
    if images.dtype != np.uint8:
        check_values(images, input_range)
    if labels is not None:
        check_labels(np.asarray(labels), len(images), num_classes)


def check_kind(shape, dtype, patch_size=None, input_range=UNIT):
    """Refuses images by shape and dtype alone, as they are known of a stream before its first batch.

    Args:
        shape: of a batch of images `[B, H, W, C]`; None where it is not known.
        dtype: a NumPy dtype.
        patch_size, input_range: as for `check_images`.

    Raises:
        UserError: says what was expected and what came.
    """
    if len(shape) != 4:
        hint = "; one image expects a batch axis, images[None], a tf.data set dataset.batch(32)" if len(shape) == 3 else ""
        raise UserError(f"images must have rank 4, [batch, height, width, channels], got shape {tuple(shape)}{hint}")
    if shape[1] in (1, 3) and (shape[3] or 0) > 4:
        raise UserError(f"images must have their channels on the last axis, got shape {tuple(shape)}; use np.moveaxis(images, 1, -1)")
    if not (dtype == np.uint8 or np.issubdtype(dtype, np.floating) or np.dtype(dtype).name == "bfloat16"):
        raise UserError(f"images must be uint8 (0 to 255) or float ({_words(input_range)}), got dtype {np.dtype(dtype)}")
    height, width = shape[1:3]
    if patch_size is not None and min(height or patch_size, width or patch_size) < patch_size:
        raise UserError(f"images must be at least as large as the smallest patch, {patch_size}x{patch_size}, got {height}x{width} pixels")


def check_values(images, input_range=UNIT):
    """Refuses float images `[N, ...]` with NaN or with pixels outside of `input_range`.

    Raises:
        UserError: says what was expected and what came.
    """
    if not images.size:
        return
    lowest, highest = images.min(), images.max()
    if np.isnan(lowest):
        broken = np.isnan(images.reshape(len(images), -1)).any(axis=1).sum()
        raise UserError(f"images must be numbers, {_words(input_range)}, got NaN in {broken} of {len(images)} images")
    smallest, largest = bounds(input_range)
    if lowest < smallest or highest > largest:
        as_bytes = tuple(input_range) == UNIT and lowest >= 0 and highest <= 255
        remedy = "divide by 255, pass uint8, or declare input_range=(0, 255)" if as_bytes else "declare the input_range that they have"
        raise UserError(f"float images must lie in {_words(input_range)}, got {lowest:g} to {highest:g}; {remedy} in the model")


def bounds(input_range):
    """The least and the greatest value that a float pixel may have: the range, and what rounding adds."""
    low, high = input_range
    slack = _SLACK * (high - low)
    return low - slack, high + slack


def _words(input_range):
    return f"{input_range[0]:g} to {input_range[1]:g}"


def check_labels(labels, num_images, num_classes=None):
    """Refuses labels that are not one whole number an image, from 0 to num_classes - 1.

    Raises:
        UserError: says what was expected and what came.
    """
    if labels.shape != (num_images,) or not np.issubdtype(labels.dtype, np.integer):
        raise UserError(f"labels must be {num_images} whole numbers, one an image, got shape {labels.shape} and dtype {labels.dtype}")
    if num_classes is not None and labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        raise UserError(f"labels must lie in 0 to {num_classes - 1} ({num_classes} classes), got {labels.min()} to {labels.max()}")
