"""The loop over looks at images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import tensorflow as tf
from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

from tf_glimpse.layers.scene import scene_of
from tf_glimpse.types import Array, Glimpse, UserError

if TYPE_CHECKING:
    from tf_glimpse.layers.glimpse_cell import GlimpseCell

# Layers of these packages keep a tensor between calls only if one of these attributes asks for it; a user's own may do so unasked.
KNOWN = ("tf_glimpse.", "keras.")
KEPT = ("dropout", "recurrent_dropout", "activity_regularizer")


class Looks(NamedTuple):
    """What `unroll` returns.

    Attributes:
        glimpses: a `Glimpse` stacked on axis 1.
        log_probs: `[B, T]`, the score of each action.
        entropies: `[B, T]`, of the policy it was chosen from.
        states: the core's states before each look, a nest of `[B, T, ...]`.
    """

    glimpses: Any
    log_probs: Any
    entropies: Any
    states: Any


def unroll(
    cell: GlimpseCell,
    images: tf.Tensor,
    num_glimpses: int,
    actions: Array | None = None,
    has_actions: Array | None = None,
    seed: Array | None = None,
    training: bool = False,
    views: Any = None,
    start: tf.Tensor | None = None,
) -> Looks:
    """Looks `num_glimpses` times at an image, or once at each frame of a film.

    Args:
        cell: a `GlimpseCell`.
        images: `[B, H, W, C]`, or one frame a look, `[B, T, H, W, C]`.
        num_glimpses: T, the number of looks.
        actions: `[B, T, 2]` float32, places that somebody else chose, or None.
        has_actions: `[B]` bool, the rows whose actions are given; all of them if None.
        seed: None for the policy's mode at each look, else int32 `[2]`, or `[B, 2]` with one seed a row.
        training: passed to the core; with a seed, also draws a "random" first location.
        views: what the retina reads of an image in place of `retina.prepare(images)`, as for `StillImage`; None for not.
        start: the core's output `[B, U]` before the first look; zeros if None.

    Raises:
        UserError: a number of frames or of actions that is not the number of looks.

    Returns:
        `Looks`.

    Example:
        >>> from tf_glimpse.layers import *
        >>> cell = GlimpseCell(Retina(4), GlimpseEncoder(), RectifiedCore(), GaussianLocation())
        >>> unroll(cell, tf.ones([2, 16, 16, 1]), num_glimpses=3).glimpses.location.shape
        TensorShape([2, 3, 2])
    """
    if actions is not None and actions.shape[1] not in (None, num_glimpses):
        raise UserError(f"{num_glimpses} looks expect {num_glimpses} actions. Received: actions of shape {tuple(actions.shape)}")
    if not cell.built:
        cell.build(images.shape[:1] + images.shape[-3:])
    given, has_given = _given(cell, images, num_glimpses, actions, has_actions, seed, training)
    _reset_dropout(cell.core)
    scene, states = scene_of(cell.retina, images, num_glimpses, views), cell.get_initial_state(tf.shape(images)[0], start)
    look, looks, before = _look(cell, training), [], []
    for step in range(num_glimpses):
        before.append(states[1])
        draw_seed = None if seed is None else fold(seed, step + 1)
        glimpse, states = look((scene.view(step), given[:, step], has_given[:, step]), states, draw_seed)
        looks.append(glimpse)
    glimpses = Glimpse(*(tf.stack(field, axis=1) for field in zip(*looks, strict=True)))
    scores = cell.score(glimpses.action, glimpses.policy)
    return Looks(glimpses, *scores, tf.nest.map_structure(lambda *each: tf.stack(each, axis=1), *before))


def _look(cell, training):
    """A look of the cell; in a graph it is traced once for all looks, if no part keeps a tensor of a look (a dropout mask, a loss).

    Not for XLA, which would compile the gradient of a function within a function anew at every call.
    """

    def look(inputs, states, draw_seed):
        return cell(inputs, states, draw_seed=draw_seed, training=training)

    if tf.executing_eagerly() or GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()):
        return look
    parts = cell._flatten_layers(include_self=False)
    keeps = any(not type(part).__module__.startswith(KNOWN) or any(getattr(part, name, None) for name in KEPT) for part in parts)
    return look if keeps else tf.function(look, autograph=False)


def _reset_dropout(core):
    """Keras' cells keep a dropout mask until they are told that another sequence begins, as `keras.layers.RNN` tells them."""
    for part in (core, *getattr(core, "cells", ())):
        for reset in ("reset_dropout_mask", "reset_recurrent_dropout_mask"):
            getattr(part, reset, lambda: None)()


def _given(cell, images, num_glimpses, actions, has_actions, seed, training):
    """The actions that the policy does not choose, `[B, T, 2]`, and where they hold, `[B, T]`: somebody else's, and the first place."""
    batch = tf.shape(images)[0]
    if actions is None:
        actions, has_actions = tf.zeros([batch, num_glimpses, 2]), tf.zeros([batch], tf.bool)
    elif has_actions is None:
        has_actions = tf.ones([batch], tf.bool)
    everywhere = tf.repeat(tf.cast(has_actions, tf.bool)[:, None], num_glimpses, axis=1)
    if cell.first_location == "learned":
        return actions, everywhere
    first = tf.zeros([batch, 2])
    if cell.first_location == "random" and training and seed is not None:
        first = _uniform(batch, fold(seed, 0))
    first = tf.where(everywhere[:, :1], tf.cast(actions[:, 0], tf.float32), first)
    return tf.concat([first[:, None], tf.cast(actions[:, 1:], tf.float32)], axis=1), everywhere | (tf.range(num_glimpses) == 0)


def _uniform(batch, seed):
    if len(seed.shape) == 1:
        return tf.random.stateless_uniform([batch, 2], seed, -1.0, 1.0)
    return tf.map_fn(lambda row: tf.random.stateless_uniform([2], row, -1.0, 1.0), seed, fn_output_signature=tf.float32)


def fold(seed, number):
    """A seed of its own for each look; seeds are int32 `[2]`, or `[B, 2]` row by row."""
    seed = tf.cast(seed, tf.int32)
    if len(seed.shape) == 1:
        return tf.random.experimental.stateless_fold_in(seed, number)
    return tf.map_fn(lambda row: tf.random.experimental.stateless_fold_in(row, number), seed)
