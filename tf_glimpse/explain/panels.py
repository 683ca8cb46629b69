"""The parts of figures, by matplotlib: a panel of pixels, a scanpath that can be read on black and on white, titles, the legend."""

from __future__ import annotations

import functools
import io
import textwrap
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_glimpse.explain import captions
from tf_glimpse.explain.scanpath import colour, numbered
from tf_glimpse.explain.views import displayed
from tf_glimpse.ops.coordinates import patch_corners

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANEL = 1.6  # inches
IMAGE_PANEL = 1.4 * PANEL
RIGHT, WRONG = "#197a43", "#b42318"
_LINE = 0.155  # inches of a line of a title
_FONT = 8  # points


def new_figure(width, height, dpi):
    """An empty figure, drawn without a display; notebooks show it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = figure_class()(figsize=(width, height), dpi=dpi, layout="constrained")
    figure.get_layout_engine().set(h_pad=0.06)
    FigureCanvasAgg(figure)
    return figure


@functools.cache
def figure_class():
    """matplotlib's `Figure`, with a picture of itself for notebooks, where only pyplot's figures have one."""
    from matplotlib.figure import Figure

    class ShownFigure(Figure):
        def _repr_png_(self):
            stream = io.BytesIO()
            self.savefig(stream, format="png")
            return stream.getvalue()

    return ShownFigure


def figure_to_array(figure: Figure) -> np.ndarray:
    """The figure's pixels, `[H, W, 3]` uint8."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()  # type: ignore[attr-defined]  # Agg's canvas, as `figure` makes


def show(panel, picture, frame="0.6", width=0.8):
    """Pixels `[H, W, C]` with a thin frame, or with a thick one in a look's colour."""
    picture = displayed(picture)
    panel.imshow(picture[..., 0] if picture.shape[-1] == 1 else picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    panel.set(xticks=[], yticks=[])
    for spine in panel.spines.values():
        spine.set(color=frame, linewidth=width, path_effects=None if isinstance(frame, str) else _outlined(width))


def show_scanpath(panel, image, locations, retina, looks=None):
    """The image, a numbered dot a look, lines between them, and frames for the sharpest and the widest patch.

    Args:
        panel: matplotlib axes.
        image: `[H, W, C]`.
        locations: `[t, 2]`, as many looks as are to be seen.
        retina: a `Retina`, or None for places alone.
        looks: T, how many there are in all, for the colours.
    """
    looks, size = looks or len(locations), image.shape[:2]
    show(panel, image)
    panel.set(xlim=(-0.5, size[1] - 0.5), ylim=(size[0] - 0.5, -0.5))
    centres = (np.asarray(locations) + 1) / 2 * size - 0.5
    panel.plot(centres[:, 1], centres[:, 0], color="white", linewidth=0.8, path_effects=_outlined(0.8))
    for look, place in enumerate(locations if retina else ()):
        _add_frames(panel, size, place, retina, colour(look, looks))
    for look, (row, column) in enumerate(centres):
        panel.plot(column, row, **_dot(colour(look, looks)))
    font = _FONT / 72 * max(size[1] / IMAGE_PANEL, size[0] / IMAGE_PANEL)
    for text, anchor, place, look in numbered(centres + 0.5, font, size):
        _add_number(panel, text, anchor - 0.5, place - 0.5, colour(look, looks))


def _add_frames(panel, image_size, place, retina, shade):
    from matplotlib.patches import Rectangle

    for side, step in {retina.window(0), retina.window(retina.num_scales - 1)}:
        top, left = patch_corners(tf.convert_to_tensor(place), image_size, side, step).numpy()
        panel.add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, **_frame_style(shade, side == retina.patch_size)))


def _add_number(panel, text, anchor, place, shade):
    panel.plot(*np.stack([anchor, place])[:, ::-1].T, color=shade, linewidth=0.6, path_effects=_outlined(0.6))
    row, column = place
    style = {"fontsize": _FONT, "weight": "bold", "ha": "center", "va": "center", "clip_on": True}
    panel.text(column, row, text, color=shade, path_effects=_outlined(1.2), **style)


def set_title(panel, lines, inches, fontsize=8, right=None):
    """Lines of text above a panel, each broken where it would be wider; green or red where it is known whether the answer is right."""
    shade = "black" if right is None else RIGHT if right else WRONG
    panel.set_title("\n".join(wrapped(lines, inches, fontsize)), fontsize=fontsize, color=shade, parse_math=False)


def wrapped(lines, inches, fontsize):
    """Lines broken so that they fit a width, without characters that the font lacks."""
    width = max(int(inches * 72 / (0.66 * fontsize)), 8)
    return [part for line in lines for part in textwrap.wrap(_drawable(line), width) or [""]]


def title_height(titles, inches, fontsize):
    """Inches that the highest of several titles takes, each a list of lines."""
    return _LINE * fontsize / 8 * max(len(wrapped(lines, inches, fontsize)) for lines in titles)


def drawable_names(class_names):
    """The class names, in place of those that the font cannot draw "class 3"; None stays None."""
    if class_names is None:
        return None
    names = map(captions.readable, class_names)
    return [name if _drawable(name) == name else f"class {number}" for number, name in enumerate(names)]


def add_legend(figure, looks, retina, notes):
    """What the marks mean, below everything, and sentences about the rest."""
    handles = _legend_handles(looks, retina)
    width = figure.get_figwidth() - 0.2
    text = "\n".join(wrapped([" ".join(note for note in notes if note)], 1.1 * width, 7))
    columns = min(len(handles), max(int(width / 1.5), 1))
    style = {"fontsize": 7, "title_fontsize": 7, "frameon": False, "alignment": "left", "handlelength": 1.6}
    legend = figure.legend(handles=handles, loc="outside lower left", ncols=columns, title=text, **style)
    legend.get_title().set_parse_math(False)


def legend_height(width, notes, marks=4):
    """About how many inches `add_legend` takes below a figure of so many."""
    lines = wrapped([" ".join(note for note in notes if note)], 1.1 * (width - 0.2), 7)
    return 0.16 * (len(lines) + -(-marks // max(int((width - 0.2) / 1.5), 1))) + 0.1


def _legend_handles(looks, retina):
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    ends = {0: "look 1", looks - 1: f"look {looks}, the last"} if looks > 1 else {0: "the one look"}
    handles = [Line2D([], [], linestyle="", label=label, **_dot(colour(look, looks))) for look, label in ends.items()]
    for scale in {0: True, retina.num_scales - 1: True} if retina else ():
        which = "the" if retina.num_scales == 1 else "sharpest" if scale == 0 else "widest"
        style = _frame_style(colour(scale and looks - 1, looks), scale == 0)
        handles.append(Patch(fill=False, label=f"{which} patch, {retina.window(scale)[0]} px", **style))
    return handles


def _dot(shade):
    return {"marker": "o", "markersize": 4, "color": shade, "markeredgecolor": "black", "markeredgewidth": 0.7}


def _frame_style(shade, sharp):
    width = 1.3 if sharp else 0.6
    return {"edgecolor": shade, "linewidth": width, "path_effects": _outlined(width), "alpha": 1.0 if sharp else 0.7}


def _outlined(width):
    """A dark line on both sides, so that bright colours can be seen on white."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=width + 1.2, foreground="black")]


@functools.cache
def _glyphs():
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties())).get_charmap())


def _drawable(text):
    """Text with an empty box for each character that the font lacks."""
    return "".join(letter if letter.isspace() or ord(letter) in _glyphs() else "\u25a1" for letter in captions.readable(text))
