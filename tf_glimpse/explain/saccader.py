"""What a Saccader looked at and why: the scanpath over the photo, what was left unseen, and the policy's map before each look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy.special
import tensorflow as tf

from tf_glimpse.explain import captions, panels
from tf_glimpse.explain.draw import batch
from tf_glimpse.explain.scanpath import colour
from tf_glimpse.explain.views import channel_note, displayed, in_unit
from tf_glimpse.ops.coverage import seen_pixels
from tf_glimpse.ops.grids import PENALTY, field_centres
from tf_glimpse.ops.patches import to_float
from tf_glimpse.types import Array, Trajectory

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tf_glimpse.models.saccader import Saccader

_SIDE = 1.6  # inches
_TOLD = """Left: the photo, and the windows that answer, in the order they were chosen. Next: all that no window saw, darkened. Then, a
panel a look: where the policy expected most just before it (bright: probable), and the most probable class after it."""


def draw_saccades(
    images: Array, trajectory: Trajectory, model: Saccader, labels: Array | None = None, names: Sequence[str] | None = None
) -> Figure:
    """Draws each photo with its scanpath, with all it has not seen darkened, and with the policy's probabilities before each look.

    Args:
        images: one photo `[H, W, C]` or a batch `[B, H, W, C]`, uint8 0-255 or float 0-1.
        trajectory: the model's `Trajectory` for them.
        model: a built `Saccader`.
        labels: `[B]` true class numbers, to say and to colour the answers by; None if unknown.
        names: B names of the images, such as their files'; "image 1", "image 2", … if None.

    Returns:
        a `matplotlib.figure.Figure`, a row an image: scanpath, coverage, then a panel a look.

    Raises:
        UserError: images, trajectory, labels and names of different lengths.

    Example:
        >>> from tf_glimpse import Saccader
        >>> model = Saccader(5, {"receptive_field": 17, "width": 0.125}, num_glimpses=3, mixed_channels=32)
        >>> model.build((None, 48, 48, 3))
        >>> images = np.zeros([2, 48, 48, 3], np.uint8)
        >>> len(draw_saccades(images, model(images), model).axes)
        10
    """
    images, retina = in_unit(images, model.retina)
    images, trajectory, names = batch(images, trajectory, labels, names)
    class_names, shares = panels.drawable_names(model.class_names), scipy.special.softmax(trajectory.logits, axis=-1)
    answers = [captions.says(shares[row, -1], class_names, None if labels is None else labels[row]) for row in range(len(images))]
    heads = [(name, answer) for name, (answer, _) in zip(names, answers, strict=True)]
    looks, notes = trajectory.policy.shape[1], [" ".join(_TOLD.split()), channel_note(images.shape[-1])]
    figure, grid = _grid(heads, looks + 2, images.shape[1] / images.shape[2], notes)
    maps, seen = attention_maps(trajectory, model, images.shape[1:3]), _seen(images, trajectory, model)
    lit, covered_shares = _lit(images, seen), seen.numpy().mean(axis=(1, 2))
    for row, (scanpath, coverage, *views) in enumerate(grid):
        panels.show_scanpath(scanpath, images[row], trajectory.locations[row], retina)
        panels.set_title(scanpath, heads[row], panels.IMAGE_PANEL, right=answers[row][1])
        panels.show(coverage, lit[row])
        panels.set_title(coverage, [f"seen: {100 * covered_shares[row]:.0f} %"], _SIDE, fontsize=7)
        for look, panel in enumerate(views):
            _show_map(panel, images[row], maps[row, look], colour(look, looks))
            panels.set_title(panel, [f"look {look + 1}: {captions.likeliest(shares[row, look], class_names)}"], _SIDE, fontsize=7)
    panels.add_legend(figure, looks, retina, notes)
    return figure


def _grid(heads, columns, slope, notes):
    width = panels.IMAGE_PANEL + (columns - 1) * _SIDE
    row = panels.IMAGE_PANEL * slope + panels.title_height(heads, panels.IMAGE_PANEL, 8) + 0.15
    figure = panels.new_figure(width, len(heads) * row + panels.legend_height(width, notes), dpi=110)
    widths = [panels.IMAGE_PANEL / _SIDE] + [1] * (columns - 1)
    return figure, figure.subplots(len(heads), columns, squeeze=False, gridspec_kw={"width_ratios": widths})


def _show_map(panel, image, probabilities, shade):
    panels.show(panel, displayed(image).mean(axis=-1, keepdims=True), shade, 1.6)
    panel.imshow(probabilities, cmap="inferno", alpha=0.6, vmin=0)


def covered(images, trajectory, model):
    """The photos `[B, H, W, C]` float 0-1 with every pixel that no look saw darkened."""
    return _lit(in_unit(images, model.retina)[0], _seen(images, trajectory, model))


def attention_maps(trajectory, model, image_size):
    """The policy's probabilities before each look, `[B, T, H, W]` float32: a cell's is spread over what the cell sees, and sums up there.

    Args:
        trajectory: the model's `Trajectory`; cells already visited have none.
        model: the `Saccader`.
        image_size: (H, W).
    """
    probabilities = tf.nn.softmax(tf.convert_to_tensor(trajectory.policy))
    visited = tf.convert_to_tensor(trajectory.policy) < -PENALTY / 2
    probabilities = tf.where(visited, 0.0, probabilities).numpy()
    fields = model.fields(image_size)
    windows = seen_pixels(field_centres(fields)[:, None], image_size, fields.side).numpy()
    return np.einsum("btn,nhw->bthw", probabilities, windows.astype(np.float32))


def _seen(images, trajectory, model):
    return seen_pixels(tf.convert_to_tensor(trajectory.locations), images.shape[1:3], model.patch_size)


def _lit(images, seen):
    bright = to_float(tf.convert_to_tensor(images))
    return tf.where(seen[..., None], bright, 0.25 * bright).numpy()
