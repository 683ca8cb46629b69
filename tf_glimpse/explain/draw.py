"""Seeing where a model looked: a figure of scanpaths and of what the retina saw, and the same as a film."""

import numpy as np
import tensorflow as tf

from tf_glimpse.ops.coordinates import patch_corners
from tf_glimpse.ops.patches import extract_patches, to_float
from tf_glimpse.types import Trajectory, UserError

_PANEL = 1.6  # inches


def draw_glimpses(images, trajectory, retina=None, class_names=None, labels=None, reconstructions=None):
    """Draws each image with its scanpath, and beside it what the retina saw at each look and what the model then believed.

    Args:
        images: one image `[H, W, C]` or a batch `[B, H, W, C]`, uint8 0-255 or float 0-1, grey or RGB.
        trajectory: the model's `Trajectory` for them.
        retina: the model's `Retina` (`model.retina`): draws the patches' frames and what they show; without it, places only.
        class_names: K names; numbers if None.
        labels: `[B]` true class numbers, to colour the last prediction by; None if unknown.
        reconstructions: `[B, T, H, W, C]` float 0-1, the image as the state after each look knows it, drawn in a row of its own; or None.

    Returns:
        a `matplotlib.figure.Figure`, a row an image (two with reconstructions); `figure.savefig("glimpses.png")` writes it.

    Raises:
        UserError: images and trajectory of different lengths, or images of a wrong rank.

    Example:
        >>> from tf_glimpse import RAM
        >>> model, image = RAM(num_classes=10, num_glimpses=3), np.zeros([28, 28, 1], np.uint8)
        >>> len(draw_glimpses(image, model(image[None]), model.retina).axes)
        4
    """
    images, trajectory = _batch(images, trajectory)
    looks = trajectory.logits.shape[1]
    columns = 1 + (looks if retina or reconstructions is not None else 0)
    rows = len(images) * (1 if reconstructions is None else 2)
    figure = _figure((1.4 + columns - 1) * _PANEL, (1.4 * images.shape[1] / images.shape[2] + 0.2) * _PANEL * rows, dpi=110)
    grid = figure.subplots(rows, columns, squeeze=False, gridspec_kw={"width_ratios": [1.4] + [1] * (columns - 1)})
    if reconstructions is not None:
        _draw_reconstructions(grid[1::2], reconstructions)
    for row, panels in enumerate(grid[:: rows // len(images)]):
        _draw_scanpath(panels[0], images[row], trajectory.locations[row], retina)
        text, style = _belief(trajectory.logits[row, -1], class_names, None if labels is None else labels[row])
        panels[0].set_title(text, fontsize=9, **style)
        for look, panel in enumerate(panels[1:] if retina else ()):
            _show(panel, foveate(images[row], trajectory.locations[row, look], retina))
            panel.set_title(f"{look + 1}: {_belief(trajectory.logits[row, look], class_names)[0]}", fontsize=7, color=_colour(look, looks))
    return figure


def save_glimpses_gif(path, image, trajectory, retina, class_names=None, milliseconds=700):
    """Writes a film of one rollout: the image comes to light where the model has looked.

    Args:
        path: where to write the GIF.
        image: `[H, W, C]`, uint8 0-255 or float 0-1.
        trajectory: the model's `Trajectory` for it, one row.
        retina: the model's `Retina`.
        class_names: K names; numbers if None.
        milliseconds: time of a look; the last one stays three times as long.
    """
    from PIL import Image

    images, trajectory = _batch(image, trajectory)
    looks = trajectory.logits.shape[1]
    frames = [Image.fromarray(_frame(images[0], trajectory, retina, class_names, look)) for look in range(looks)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[milliseconds] * (looks - 1) + [3 * milliseconds], loop=0)


def foveate(image, location, retina):
    """What the retina saw, as one picture `[side, side, C]` float 0-1: sharp in the middle, coarser outwards.

    Args:
        image: `[H, W, C]`.
        location: `[2]` (y, x).
        retina: a `Retina`.
    """
    size, scales = retina.patch_size, retina.num_scales
    side = size * 2 ** (scales - 1)
    picture, image = np.zeros((side, side, image.shape[-1]), np.float32), tf.convert_to_tensor(image)
    for scale in reversed(range(scales)):
        patch = extract_patches(image[None], tf.convert_to_tensor(location[None]), size, 2**scale, retina.aligned)[0].numpy()
        margin = (side - size * 2**scale) // 2
        picture[margin : side - margin, margin : side - margin] = patch.repeat(2**scale, 0).repeat(2**scale, 1)
    return picture


def figure_to_array(figure):
    """The figure's pixels, `[H, W, 3]` uint8."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def _frame(image, trajectory, retina, class_names, look):
    figure = _figure(3.0, 3.3, dpi=100)
    panel = figure.subplots()
    dim = to_float(tf.convert_to_tensor(image)).numpy()
    lit = np.zeros(image.shape[:2], bool)
    side, step = retina.window(retina.num_scales - 1)
    for top, left in _corners(trajectory.locations[0, : look + 1], image, side, step):
        lit[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = True
    _draw_scanpath(
        panel, np.where(lit[..., None], dim, 0.35 * dim), trajectory.locations[0, : look + 1], retina, trajectory.logits.shape[1]
    )
    panel.set_title(f"look {look + 1}: {_belief(trajectory.logits[0, look], class_names)[0]}", fontsize=9)
    return figure_to_array(figure)


def _draw_reconstructions(grid, reconstructions):
    """A row an image: what the state after each look says of the whole of it."""
    for panels, pictures in zip(grid, reconstructions, strict=True):
        panels[0].set_axis_off()
        panels[0].text(0.5, 0.5, "reconstructed\nafter each look", fontsize=8, ha="center", va="center")
        for panel, picture in zip(panels[1:], pictures, strict=True):
            _show(panel, picture)


def _draw_scanpath(panel, image, locations, retina, looks=None):
    """The image, a numbered dot a look, lines between them, and a frame for the sharpest and the widest patch."""
    from matplotlib.patches import Rectangle

    looks = looks or len(locations)
    _show(panel, to_float(tf.convert_to_tensor(image)).numpy())
    centres = (np.asarray(locations) + 1) / 2 * image.shape[:2] - 0.5
    panel.plot(centres[:, 1], centres[:, 0], color="white", linewidth=0.8, alpha=0.7)
    windows = {retina.window(0), retina.window(retina.num_scales - 1)} if retina else ()
    panel.set(xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
    for look, (row, column) in enumerate(centres):
        colour = _colour(look, looks)
        for side, step in windows:
            top, left = _corners(locations[look : look + 1], image, side, step)[0]
            faint = side != retina.patch_size
            style = {"linewidth": 0.5, "alpha": 0.5} if faint else {"linewidth": 1.3}
            panel.add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, color=colour, **style))
        panel.text(column, row, str(look + 1), color=colour, fontsize=8, weight="bold", ha="center", va="center", clip_on=True)


def _corners(locations, image, side, step):
    return patch_corners(tf.convert_to_tensor(locations), image.shape[:2], side, step).numpy()


def _belief(logits, class_names, label=None):
    """`(text, style)`: the likeliest class and its probability, green or red where the truth is known."""
    scores = np.exp(logits - logits.max())
    best = int(scores.argmax())
    name = str(best) if class_names is None else class_names[best]
    text = f"{name} {100 * scores[best] / scores.sum():.0f} %"
    return text, {} if label is None else {"color": "green" if best == int(label) else "red"}


def _show(panel, picture):
    panel.imshow(
        np.clip(picture[..., 0] if picture.shape[-1] == 1 else picture, 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest"
    )
    panel.set_axis_off()


def _colour(look, looks):
    import matplotlib

    return matplotlib.colormaps["plasma"](0.35 + 0.6 * look / max(looks - 1, 1))


def _figure(width, height, dpi):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _batch(images, trajectory):
    images = np.asarray(images)
    images = images[None] if images.ndim == 3 else images
    if images.ndim != 4 or len(images) != len(trajectory.logits):
        raise UserError(
            f"draw_glimpses wants [H, W, C] or [B, H, W, C] and as many rollouts. Received: {images.shape} and {len(trajectory.logits)}"
        )
    return images, Trajectory(*(np.asarray(field) for field in trajectory))
