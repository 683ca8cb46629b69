"""The picture that suits a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tf_glimpse.explain.draw import draw_glimpses
from tf_glimpse.explain.saccader import draw_saccades
from tf_glimpse.types import Array, Trajectory

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tf_glimpse.models.attention_model import AttentionModel


def draw_looks(
    images: Array, trajectory: Trajectory, model: AttentionModel, labels: Array | None = None, names: Sequence[str] | None = None
) -> Figure:
    """Draws where a model looked: `draw_saccades` of one that chooses among cells, else `draw_glimpses`.

    Args:
        images: one image `[H, W, C]` or a batch `[B, H, W, C]`, uint8 0-255 or float 0-1.
        trajectory: the model's `Trajectory` for them.
        model: a built `AttentionModel`.
        labels: `[B]` true class numbers, to say and to colour the answers by; None if unknown.
        names: B names of the images, such as their files'; "image 1", "image 2", … if None.

    Returns:
        a `matplotlib.figure.Figure`, a row an image.

    Raises:
        UserError: images, trajectory, labels and names of different lengths.

    Example:
        >>> import numpy as np
        >>> from tf_glimpse import RAM
        >>> model, images = RAM(3, patch_size=4, num_glimpses=2, units=8), np.zeros([2, 16, 16, 1], np.uint8)
        >>> len(draw_looks(images, model(images), model).axes)
        6
    """
    model = model.innermost()
    if model.cells:
        return draw_saccades(images, trajectory, model, labels, names)
    return draw_glimpses(images, trajectory, model.retina, model.class_names, labels, names=names)
