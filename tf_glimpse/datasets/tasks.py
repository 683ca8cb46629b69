"""Tasks made from the labels of a set."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from tf_glimpse.types import UserError

if TYPE_CHECKING:
    from tf_glimpse.datasets.sources import ImageData


def one_against_rest(data: ImageData, number: int) -> ImageData:
    """The same images, labelled 1 if they show class `number`, else 0.

    Args:
        data: `ImageData`.
        number: of the class.

    Returns:
        `ImageData` of two classes, whose images are at the same positions.

    Raises:
        UserError: no such class.

    Example:
        >>> from tf_glimpse.datasets import load
        >>> one_against_rest(load("digits_canvas"), 3).class_names
        ['rest', '3']
    """
    if not 0 <= number < data.num_classes:
        raise UserError(f"one_against_rest expects a class number from 0 to {data.num_classes - 1}. Received: {number}")
    splits = {split: getattr(data, split) for split in ("train", "validation", "test")}
    labelled = {
        split: source and dataclasses.replace(source, labels=(source.labels == number).astype(np.int64)) for split, source in splits.items()
    }
    return dataclasses.replace(data, num_classes=2, class_names=["rest", data.class_names[number]], **labelled)
