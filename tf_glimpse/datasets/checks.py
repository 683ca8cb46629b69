"""Bad input, told where data enter: what was wanted and what came."""

import numpy as np

from tf_glimpse.types import UserError


def check_images(images, labels=None, num_classes=None, patch_size=None):
    """Refuses images and labels that no model of this package can take.

    Args:
        images: array `[B, H, W, C]` with C 1 or 3; uint8, or float in 0 to 1.
        labels: int `[B]`, 0 to num_classes - 1; not checked if None.
        num_classes: int; label range is not checked if None.
        patch_size: pixels of the smallest patch's side; not checked if None.

    Raises:
        UserError: says what was wanted and what came.

    Example:
        >>> import numpy as np
        >>> check_images(np.zeros([2, 28, 28, 1]), labels=[3, 7], num_classes=10, patch_size=8)
    """
    images = np.asarray(images)
    if images.ndim != 4:
        raise UserError(f"images must have rank 4, [batch, height, width, channels], got shape {images.shape}")
    if images.shape[-1] not in (1, 3):
        raise UserError(f"images must have 1 or 3 channels on the last axis, got shape {images.shape}")
    if not (images.dtype == np.uint8 or np.issubdtype(images.dtype, np.floating)):
        raise UserError(f"images must be uint8 (0 to 255) or float (0 to 1), got dtype {images.dtype}")
    if patch_size is not None and min(images.shape[1:3]) < patch_size:
        height, width = images.shape[1:3]
        raise UserError(f"images must be at least as large as the smallest patch, {patch_size}x{patch_size}, got {height}x{width} pixels")
    if images.dtype != np.uint8:
        _check_range(images)
    if labels is not None:
        check_labels(np.asarray(labels), len(images), num_classes)


def _check_range(images):
    broken = np.isnan(images).any(axis=(1, 2, 3)).sum()
    if broken:
        raise UserError(f"images must be numbers from 0 to 1, got NaN in {broken} of {len(images)} images")
    if images.size and (images.min() < 0 or images.max() > 1):
        raise UserError(f"float images must lie in 0 to 1, got {images.min():g} to {images.max():g}; divide by 255, or pass uint8")


def check_labels(labels, num_images, num_classes=None):
    """Refuses labels that are not one whole number an image, from 0 to num_classes - 1.

    Raises:
        UserError: says what was wanted and what came.
    """
    if labels.shape != (num_images,) or not np.issubdtype(labels.dtype, np.integer):
        raise UserError(f"labels must be {num_images} whole numbers, one an image, got shape {labels.shape} and dtype {labels.dtype}")
    if num_classes is not None and labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        raise UserError(f"labels must lie in 0 to {num_classes - 1} ({num_classes} classes), got {labels.min()} to {labels.max()}")
