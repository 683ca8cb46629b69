"""What a Saccader looked at and why: the scanpath over the photo, what was left unseen, and the policy's map before each look."""

import numpy as np
import tensorflow as tf

from tf_glimpse.explain import draw
from tf_glimpse.ops.coverage import seen_pixels
from tf_glimpse.ops.grids import PENALTY, field_centres
from tf_glimpse.ops.patches import to_float
from tf_glimpse.types import Trajectory, UserError


def draw_saccades(images, trajectory, model, labels=None):
    """Draws each photo with its scanpath, with all it has not seen darkened, and with the policy's probabilities before each look.

    Args:
        images: `[B, H, W, C]`, uint8 0-255 or float 0-1.
        trajectory: the model's `Trajectory` for them.
        model: a built `Saccader`.
        labels: `[B]` true class numbers, to colour the answer by; None if unknown.

    Returns:
        a `matplotlib.figure.Figure`, a row an image: scanpath, coverage, then a panel a look.

    Raises:
        UserError: images and trajectory of different lengths.

    Example:
        >>> from tf_glimpse import Saccader
        >>> model = Saccader(5, {"receptive_field": 17, "width": 0.125}, num_glimpses=3, mixed_channels=32)
        >>> model.build((None, 48, 48, 3))
        >>> images = np.zeros([2, 48, 48, 3], np.uint8)
        >>> len(draw_saccades(images, model(images), model).axes)
        10
    """
    images, trajectory = np.asarray(images), Trajectory(*(np.asarray(field) for field in trajectory))
    if images.ndim != 4 or len(images) != len(trajectory.logits):
        raise UserError(f"draw_saccades wants [B, H, W, C] and as many rollouts. Received: {images.shape} and {len(trajectory.logits)}")
    looks = trajectory.policy.shape[1]
    figure = draw._figure(1.5 * (looks + 2), 1.7 * len(images), dpi=110)
    maps, seen = attention_maps(trajectory, model, images.shape[1:3]), _seen(images, trajectory, model)
    lit, shares = _lit(images, seen), seen.numpy().mean(axis=(1, 2))
    for row, panels in enumerate(figure.subplots(len(images), looks + 2, squeeze=False)):
        draw._draw_scanpath(panels[0], images[row], trajectory.locations[row], model.retina)
        text, style = draw._belief(trajectory.logits[row, -1], model.class_names, None if labels is None else labels[row])
        panels[0].set_title(text, fontsize=8, **style)
        draw._show(panels[1], lit[row])
        panels[1].set_title(f"seen: {100 * shares[row]:.0f} %", fontsize=8)
        for look, panel in enumerate(panels[2:]):
            draw._show(panel, to_float(tf.convert_to_tensor(images[row])).numpy())
            panel.imshow(maps[row, look], cmap="inferno", alpha=0.6, vmin=0)
            panel.set_title(f"{look + 1}: {draw._belief(trajectory.logits[row, look], model.class_names)[0]}", fontsize=7)
    return figure


def covered(images, trajectory, model):
    """The photos `[B, H, W, C]` float 0-1 with every pixel that no look saw darkened."""
    return _lit(images, _seen(images, trajectory, model))


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
