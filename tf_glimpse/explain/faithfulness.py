"""Only what was seen can have driven the answer: a number for that, and what each look was worth to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import scipy.special
import tensorflow as tf

from tf_glimpse.layers import unroll
from tf_glimpse.ops.patches import in_range
from tf_glimpse.types import Array, Trajectory, UserError

if TYPE_CHECKING:
    from tf_glimpse.models.attention_model import AttentionModel


class Faithfulness(NamedTuple):
    """What became of the answers when all that was not seen was replaced; means over images.

    Attributes:
        seen_share: the share of the pixels that lie in at least one look's receptive field.
        change: the largest change of any class's probability, with the same places looked at; 0 for a faithful model.
        flipped: the share of images with another answer then.
        own_flipped: the share with another answer when the policy chooses its places in the replaced image.
        moved: how far its places then lie from the first ones, in sides of the image (2 in the units of places); 0 without context.
        control_flipped: the share with another answer when what *was* seen is replaced instead: the check that this can tell.
    """

    seen_share: float
    change: float
    flipped: float
    own_flipped: float
    moved: float
    control_flipped: float


def faithfulness(model: AttentionModel, images: Array, filler: Array, actions: Array | None = None) -> Faithfulness:
    """Replaces everything outside of the seen patches, and looks whether the answer stays.

    A RAM is asked with its own policy, which sees no more than the patches. A Saccader chooses by the whole image, so that `change` and
    `flipped` are taken at the same places, and how far its choice moves stands apart.

    Args:
        model: a `RAM` or a `Saccader`.
        images: `[B, H, W, C]` uint8 0-255 or float 0-1.
        filler: what takes the place of the unseen pixels, of the images' shape: noise, or other images.
        actions: `[B, T, 2]` somebody else's places; the model's own if None.

    Returns:
        a `Faithfulness`.

    Example:
        >>> from tf_glimpse import RAM
        >>> model = RAM(num_classes=3, patch_size=4, num_glimpses=2, units=8, seed=0)
        >>> images = tf.random.stateless_uniform([4, 16, 16, 1], (0, 0))
        >>> faithfulness(model, images, images[::-1]).change
        0.0
    """
    images, filler = (in_range(pixels, model.input_range) for pixels in (images, filler))
    before = model(images if actions is None else {"images": images, "actions": actions})
    seen = seen_mask(model, before.locations, images.shape[1:3])[..., None]
    kept, lost = tf.where(seen, images, filler), tf.where(seen, filler, images)
    replayed = model({"images": kept, "actions": before.actions})
    own = model(kept) if actions is None else replayed
    control = model({"images": lost, "actions": before.actions})
    shares = [tf.nn.softmax(trajectory.logits) for trajectory in (before, replayed)]
    return Faithfulness(
        seen_share=float(tf.reduce_mean(tf.cast(seen, tf.float32))),
        change=float(tf.reduce_max(tf.abs(shares[0] - shares[1]))),
        flipped=_flipped(before, replayed),
        own_flipped=_flipped(before, own),
        moved=float(tf.reduce_mean(tf.norm(own.locations - before.locations, axis=-1))) / 2,
        control_flipped=_flipped(before, control),
    )


def seen_mask(model: AttentionModel, locations: Array, image_size: Sequence[int]) -> tf.Tensor:
    """Which pixels `[B, H, W]` bool the looks at `locations` `[B, T, 2]` have read: every scale of a retina, or a cell's true field.

    Raises:
        UserError: a model that does not say what it sees.
    """
    if not hasattr(model, "seen"):
        raise UserError(f"seen_mask expects a RAM or a Saccader, whose fields are known. Received: {type(model).__name__}")
    return model.seen(locations, image_size)


def answers_without(model, images, trajectory, hidden):
    """The class scores `[B, K]` after the last look, were some looks blank and all places the same.

    Args:
        model: one that says what to show for that, as `RAM` and `Saccader` do (`blanked`).
        images: `[B, H, W, C]`.
        trajectory: its `Trajectory` for them.
        hidden: `[B, T]` bool, the looks that show nothing.
    """
    shown = model.blanked(images, trajectory.locations, hidden)
    return model({"images": shown, "actions": trajectory.actions}).logits[:, -1]


def attribution(model: AttentionModel, images: Array, trajectory: Trajectory) -> np.ndarray:
    """What each look was worth to the answer `[B, T]`: the fall of its log-odds in nats when that look alone is blank.

    Log-odds, not log-probabilities, which hardly move while the answer is sure.
    """
    looks = trajectory.logits.shape[1]
    before = _answer_odds(trajectory.logits[:, -1], trajectory)
    falls = []
    for look in range(looks):
        hidden = np.repeat(np.arange(looks)[None] == look, len(before), axis=0)
        falls.append(before - _answer_odds(answers_without(model, images, trajectory, hidden), trajectory))
    return np.stack(falls, axis=1)


def scale_attribution(model, images, trajectory):
    """What each scale of the retina was worth to the answer `[B, S]`: the fall of its log-odds in nats when that scale alone is blank.

    The places stay the same. Of a model with one scale, as a Saccader, it is what all looks together were worth.
    """
    looks, scales = trajectory.logits.shape[1], model.retina.num_scales
    before = _answer_odds(trajectory.logits[:, -1], trajectory)
    if scales == 1:
        hidden = np.ones([len(before), looks], bool)
        return (before - _answer_odds(answers_without(model, images, trajectory, hidden), trajectory))[:, None]
    views = model.retina.prepare(in_range(images, model.input_range), looks)
    falls = []
    for scale in range(scales):
        glimpses = unroll(model.cell, images, looks, trajectory.actions, views=model.retina.without(views, scale)).glimpses
        logits = model.classifier(tf.cast(glimpses.hidden[:, -1], tf.float32))
        falls.append(before - _answer_odds(logits, trajectory))
    return np.stack(falls, axis=1)


def deletion_curve(model: AttentionModel, images: Array, trajectory: Trajectory, order: np.ndarray) -> np.ndarray:
    """The answer's probability `[B, T + 1]` while looks are made blank one after the other.

    Args:
        model: a `RAM` or a `Saccader`.
        images: `[B, H, W, C]`.
        trajectory: its `Trajectory` for them.
        order: `[B, T]` numbers of looks, the first to go first: `attribution(...).argsort()[:, ::-1]` hides the worthiest first.

    Reference: Petsiuk, Das, Saenko 2018, RISE, section 4.3 (the deletion game), with looks in place of pixels.
    """
    hidden = np.zeros(order.shape, bool)
    scores = [_answer_odds(trajectory.logits[:, -1], trajectory)]
    for looks in np.asarray(order).T:
        hidden[np.arange(len(hidden)), looks] = True
        scores.append(_answer_odds(answers_without(model, images, trajectory, hidden), trajectory))
    return scipy.special.expit(np.stack(scores, axis=1))


def _answer_odds(logits, trajectory):
    """The log-odds `[B]` that logits `[B, K]` give to the class the model answered with, against all others together."""
    logits = np.asarray(logits, np.float64)
    chosen = np.argmax(trajectory.logits[:, -1], axis=-1)[:, None] == np.arange(logits.shape[-1])
    others = scipy.special.logsumexp(np.where(chosen, -np.inf, logits), axis=-1)
    return logits[chosen] - others


def _flipped(before, after):
    answers = [np.argmax(trajectory.logits[:, -1], axis=-1) for trajectory in (before, after)]
    return float(np.mean(answers[0] != answers[1]))
