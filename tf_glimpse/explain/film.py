"""A film of rollouts: every image comes to light where the model has looked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy.special

from tf_glimpse.explain import captions, panels
from tf_glimpse.explain.draw import batch
from tf_glimpse.explain.views import channel_note, displayed, in_unit
from tf_glimpse.ops.coverage import seen_pixels
from tf_glimpse.types import AnyPath, Array, Trajectory

if TYPE_CHECKING:
    from tf_glimpse.layers.retina import Retina

MOST_IMAGES = 12
_SIDE = 2.0  # inches


def save_glimpses_gif(
    path: AnyPath,
    images: Array,
    trajectory: Trajectory,
    retina: Retina,
    class_names: Sequence[str] | None = None,
    milliseconds: int = 700,
    labels: Array | None = None,
    names: Sequence[str] | None = None,
) -> None:
    """Writes a film of the rollouts, the images side by side, a frame a look.

    Args:
        path: where to write the GIF.
        images: one image `[H, W, C]` or a batch `[B, H, W, C]`, uint8 0-255 or float 0-1; the first 12 of more.
        trajectory: the model's `Trajectory` for them.
        retina: the model's `Retina`.
        class_names: K names; numbers if None.
        milliseconds: time of a look; the last one stays three times as long.
        labels: `[B]` true class numbers, told at the last look; None if unknown.
        names: B names of the images, such as their files'; "image 1", "image 2", … if None.

    Raises:
        UserError: as `draw_glimpses`.
    """
    from PIL import Image

    images, retina = in_unit(images, retina)
    images, trajectory, names = batch(images, trajectory, labels, names)
    titles, right = _titles(trajectory, panels.drawable_names(class_names), labels, names)
    notes = ["Bright: seen by its looks so far.", channel_note(images.shape[-1])]
    notes += [f"The first {MOST_IMAGES} of {len(images)} images."] if len(images) > MOST_IMAGES else []
    looks, shown = trajectory.logits.shape[1], slice(MOST_IMAGES)
    frames = [
        _frame(images[shown], trajectory.locations[shown], retina, [rows[look] for rows in titles[shown]], right, look, notes)
        for look in range(looks)
    ]
    palette = Image.fromarray(np.concatenate([frames[0], frames[-1]])).quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    first, *rest = [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    durations = [milliseconds] * (looks - 1) + [3 * milliseconds]
    first.save(path, save_all=True, append_images=rest, duration=durations, loop=0, optimize=True)


def _titles(trajectory, class_names, labels, names):
    """`(titles, right)`: an image's lines at each look, as many at one as at another; whether each answer is right, None if unknown."""
    shares = scipy.special.softmax(trajectory.logits, axis=-1)
    answers = [captions.says(row[-1], class_names, None if labels is None else labels[index]) for index, row in enumerate(shares)]
    titles = []
    for row, name, (answer, _) in zip(shares, names, answers, strict=True):
        before = [f"says {captions.likeliest(share, class_names)}" for share in row[:-1]]
        titles.append([panels.wrapped([name, text], _SIDE, 8) for text in (*before, answer)])
    most = max(len(lines) for rows in titles for lines in rows)
    return [[lines + [""] * (most - len(lines)) for lines in rows] for rows in titles], [right for _, right in answers]


def _frame(images, locations, retina, titles, right, look, notes):
    """One frame `[H, W, 3]` uint8: all images after one look."""
    columns = math.ceil(math.sqrt(len(images)))
    rows, looks = math.ceil(len(images) / columns), locations.shape[1]
    slope = min(max(images.shape[1] / images.shape[2], 0.4), 2.5)
    width = _SIDE * columns + 0.2
    row = _SIDE * slope + 0.16 * len(titles[0])
    figure = panels.new_figure(width, rows * row + 0.25 + panels.legend_height(width, notes), dpi=100)
    figure.suptitle(f"look {look + 1} of {looks}", fontsize=9)
    grid = figure.subplots(rows, columns, squeeze=False).flat
    for panel in grid[len(images) :]:
        panel.set_axis_off()
    for index, panel in zip(range(len(images)), grid, strict=False):
        panels.show_scanpath(panel, _lit(images[index], locations[index, : look + 1], retina), locations[index, : look + 1], retina, looks)
        panels.set_title(panel, titles[index], 2 * _SIDE, right=right[index] if look == looks - 1 else None)
    panels.add_legend(figure, looks, retina, notes)
    return panels.figure_to_array(figure)


def _lit(image, locations, retina):
    """The image with all that no look has seen dimmed."""
    window = retina.window(retina.num_scales - 1)
    seen = seen_pixels(locations[None], image.shape[:2], *window).numpy()[0]
    bright = displayed(image)
    return np.where(seen[..., None], bright, 0.35 * bright)
