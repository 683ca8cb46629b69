"""Seeing where a model looked: a figure of scanpaths and of what the retina saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy.special

from tf_glimpse.datasets import check_images
from tf_glimpse.explain import captions, panels
from tf_glimpse.explain.scanpath import colour
from tf_glimpse.explain.views import channel_note, foveate, in_unit, rim_note
from tf_glimpse.types import Array, Trajectory, UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tf_glimpse.layers.retina import Retina

_TOLD = "Left: the image, and where the model looked. Right: what the retina saw at each look, and the most probable class after it."
_PLACES = "Where the model looked, and what it says after the last look."
_RECONSTRUCTED = "Below: the image as the model's state after each look knows it."


def draw_glimpses(
    images: Array,
    trajectory: Trajectory,
    retina: Retina | None = None,
    class_names: Sequence[str] | None = None,
    labels: Array | None = None,
    reconstructions: Array | None = None,
    names: Sequence[str] | None = None,
) -> Figure:
    """Draws each image with its scanpath, and beside it what the retina saw at each look and what the model then believed.

    Images of 2 channels are shown in red and cyan; of more than 3, the first three. The legend below says so.

    Args:
        images: one image `[H, W, C]` or a batch `[B, H, W, C]`, uint8 0-255 or float 0-1.
        trajectory: the model's `Trajectory` for them.
        retina: the model's `Retina` (`model.retina`): draws the patches' frames and what they show; without it, places only.
        class_names: K names; numbers if None.
        labels: `[B]` true class numbers, to say and to colour the answers by; None if unknown.
        reconstructions: `[B, T, H, W, C]` float 0-1, the image as the state after each look knows it, drawn in a row of its own; or None.
        names: B names of the images, such as their files'; "image 1", "image 2", … if None.

    Returns:
        a `matplotlib.figure.Figure`, a row an image (two with reconstructions); `figure.savefig("glimpses.png")` writes it.

    Raises:
        UserError: images, trajectory, labels and names of different lengths, images of a wrong rank or out of their range.

    Example:
        >>> from tf_glimpse import RAM
        >>> model, image = RAM(num_classes=10, num_glimpses=3), np.zeros([28, 28, 1], np.uint8)
        >>> len(draw_glimpses(image, model(image[None]), model.retina).axes)
        4
    """
    images, retina = in_unit(images, retina)
    images, trajectory, names = batch(images, trajectory, labels, names)
    class_names, shares = panels.drawable_names(class_names), scipy.special.softmax(trajectory.logits, axis=-1)
    answers = [captions.says(shares[row, -1], class_names, None if labels is None else labels[row]) for row in range(len(images))]
    heads = [(name, answer) for name, (answer, _) in zip(names, answers, strict=True)]
    looks = trajectory.logits.shape[1]
    columns = 1 + (looks if retina or reconstructions is not None else 0)
    notes = [_TOLD if retina else _PLACES, "" if reconstructions is None else _RECONSTRUCTED, channel_note(images.shape[-1])]
    notes += [rim_note(retina, images.shape[1:3], trajectory.locations)] if retina else []
    figure, grid = _grid(heads, columns, images.shape[1] / images.shape[2], reconstructions is not None, notes)
    if reconstructions is not None:
        _draw_reconstructions(grid[1::2], reconstructions)
    for row, (image_panel, *views) in enumerate(grid[:: len(grid) // len(images)]):
        panels.show_scanpath(image_panel, images[row], trajectory.locations[row], retina)
        panels.set_title(image_panel, heads[row], panels.IMAGE_PANEL, right=answers[row][1])
        for look, panel in enumerate(views if retina else ()):
            panels.show(panel, foveate(images[row], trajectory.locations[row, look], retina), colour(look, looks), 1.6)
            text = f"look {look + 1}: {captions.likeliest(shares[row, look], class_names)}"
            panels.set_title(panel, [text], panels.PANEL, fontsize=7)
    panels.add_legend(figure, looks, retina, notes)
    return figure


def batch(images, trajectory, labels=None, names=None):
    """Images `[B, H, W, C]`, their trajectory and their names, all NumPy, as many as each other.

    Raises:
        UserError: different lengths, images of a wrong rank, floats that are not 0-1, or NaN.
    """
    images = np.asarray(images)
    images = images[None] if images.ndim == 3 else images
    if images.ndim != 4 or len(images) != len(trajectory.logits):
        came = f"{images.shape} and {len(trajectory.logits)}"
        raise UserError(f"drawing expects images [H, W, C] or [B, H, W, C] and as many rollouts. Received: {came}")
    check_images(images)
    for role, given in (("labels", labels), ("names", names)):
        if given is not None and len(given) != len(images):
            raise UserError(f"drawing expects as many {role} as images. Received: {len(given)} and {len(images)}")
    return images, Trajectory(*(np.asarray(field) for field in trajectory)), captions.image_names(names, len(images))


def _grid(heads, columns, slope, doubled, notes):
    """An empty figure, and its panels `[rows, columns]`: the first of each row for the image, whose height is `slope` times its width."""
    rows = len(heads) * (2 if doubled else 1)
    width = max(panels.IMAGE_PANEL + (columns - 1) * panels.PANEL, 3.2)
    row = max(panels.IMAGE_PANEL * slope, panels.PANEL if columns > 1 else 0) + 0.15
    height = rows * row + len(heads) * panels.title_height(heads, panels.IMAGE_PANEL, 8) + panels.legend_height(width, notes)
    figure = panels.new_figure(width, height, dpi=110)
    widths = [panels.IMAGE_PANEL / panels.PANEL] + [1] * (columns - 1)
    return figure, figure.subplots(rows, columns, squeeze=False, gridspec_kw={"width_ratios": widths})


def _draw_reconstructions(grid, reconstructions):
    """A row an image: what the state after each look says of the whole of it."""
    for (words, *views), pictures in zip(grid, reconstructions, strict=True):
        words.set_axis_off()
        words.text(0.5, 0.5, "reconstructed\nafter each look", fontsize=8, ha="center", va="center")
        for panel, picture in zip(views, pictures, strict=True):
            panels.show(panel, picture)
