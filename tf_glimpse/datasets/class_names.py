"""Names of classes: strings, one a class, all different."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tf_glimpse.types import UserError

if TYPE_CHECKING:
    import numpy as np


def checked_class_names(class_names: Sequence[str | bytes] | np.ndarray | None, num_classes: int) -> list[str] | None:
    """The names as a list of `num_classes` str; None stays None.

    Args:
        class_names: a sequence of str, or of bytes in UTF-8 or Latin-1, such as a NumPy array; or None.
        num_classes: how many there must be.

    Raises:
        UserError: one string, names that are no strings, names that are equal, or another number of them.

    Example:
        >>> checked_class_names([b"cat", "dog"], 2)
        ['cat', 'dog']
    """
    if class_names is None:
        return None
    if isinstance(class_names, str | bytes) or not hasattr(class_names, "__iter__"):
        raise UserError(f"class_names expects a list of {num_classes} strings. Received: {class_names!r}")
    names = list(class_names)
    wrong = [name for name in names if not isinstance(name, str | bytes)]
    if wrong:
        raise UserError(f"class_names expects strings. Received: {wrong[0]!r}, a {type(wrong[0]).__name__}")
    if len(names) != num_classes:
        raise UserError(f"class_names expects {num_classes} names, one a class. Received: {len(names)}")
    names = [readable(name) for name in names]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise UserError(f"class_names expects a different name for each class. Received more than once: {', '.join(twice)}")
    return names


def readable(name):
    """Bytes, or a file's name as Python gives it, as text: UTF-8, or Latin-1 where it is not that."""
    encoded = name if isinstance(name, bytes) else os.fsencode(name)
    try:
        return encoded.decode("utf-8")
    except UnicodeDecodeError:
        return encoded.decode("latin-1")
