"""The only place with shuffle, batch and prefetch: indices -> images -> augmentation or canvas -> given places.

Everything random comes from (seed, epoch, step), so epoch k is the same whether a run started at 0 or resumed at k.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_glimpse.datasets.canvas import compose, compose_clean, digit_places
from tf_glimpse.datasets.supervision import Supervision, places_of
from tf_glimpse.types import UserError

if TYPE_CHECKING:
    from tf_glimpse.datasets.sources import ImageData, ImageSource

_EVAL_BYTES = 2**26
_ORDER, _PIXELS, _CANVAS, _ACTIONS, _ROWS, _TAUGHT = range(6)  # one random stream each


def steps_per_epoch(data: ImageData, batch_size: int, passes: int = 1) -> int:
    """Training steps in an epoch of so many passes: whole batches only; one smaller batch if the epoch is smaller than a batch."""
    return max(passes * len(data.train) // batch_size, 1)


def train_batches(
    data: ImageData,
    batch_size: int,
    seed: int,
    epoch: int = 0,
    epochs: int | None = None,
    augment: Callable | None = None,
    actions: Callable | Supervision | None = None,
    passes: int = 1,
    clean: bool = False,
    places: bool = False,
) -> tf.data.Dataset:
    """All training batches of epochs `epoch` to `epochs - 1`, end to end; each epoch has its own order, places and clutter.

    For `model.fit(batches, initial_epoch=epoch, epochs=epochs, steps_per_epoch=steps_per_epoch(data, batch_size), shuffle=False)`.

    Args:
        data: `ImageData`.
        batch_size: images a batch; what is left of an epoch after the last whole batch is dropped.
        seed: int.
        epoch: first epoch, counted from 0.
        epochs: where to stop, as Keras counts; None goes on for ever.
        augment: None, an `Augmentation`, or any function of (images uint8 `[B, H, W, C]`, seed `[2]`) that returns images. It sees digits
            before they are placed on a canvas.
        actions: None, a policy of `tf_glimpse.policies` or of one's own, which gives every row its places, or `Supervision` by one on some
            rows. It runs inside tf.data, and sees what the model sees.
        passes: how many times an epoch goes through the training split, each time in another order.
        clean: whether the images without clutter come beside those with it, to learn reconstructions by.
        places: whether the places of the digits' centres on their canvases come too, to guide a policy by.

    Returns:
        `tf.data.Dataset` of known length, of (images uint8 `[B, H, W, C]`, labels int64 `[B]`), or, with `actions` or `clean`, of
        ({"images", "actions" float32 `[B, T, 2]`, "has_actions" bool `[B]`, "clean" uint8 `[B, H, W, C]`, "places" float32 `[B, 2]`},
        labels), with those of them that were asked for.

    Raises:
        UserError: a batch size or `passes` below 1, `epochs` not above `epoch`, supervision until some part of a run without an end, or
            `places` of images without a canvas.
    """
    if batch_size < 1:
        raise UserError(f"batch_size must be at least 1, got {batch_size}")
    if passes < 1:
        raise UserError(f"passes must be at least 1, got {passes}")
    if epochs is not None and epochs <= epoch:
        raise UserError(f"epochs must be greater than the first epoch, got epochs={epochs} and epoch={epoch}")
    teaching = actions if isinstance(actions, Supervision) or actions is None else Supervision(actions)
    if epochs is None and teaching is not None and teaching.until is not None:
        raise UserError("supervision until a fraction of the run expects the run's epochs, got epochs=None")
    if places and data.canvas is None:
        raise UserError(f"only a set on a canvas, such as cluttered_mnist/60, knows the places of its digits, got {data.name}")
    steps, source = steps_per_epoch(data, batch_size, passes), data.train
    batch_size = min(batch_size, passes * len(source))

    def epoch_indices(epoch):
        indices, seeds = tf.range(len(source), dtype=tf.int64), [_seed(seed, _ORDER, epoch, number) for number in range(passes)]
        order = tf.concat([tf.random.experimental.stateless_shuffle(indices, seed) for seed in seeds], 0)
        batches = tf.reshape(order[: steps * batch_size], [steps, batch_size])
        return tf.data.Dataset.from_tensor_slices((tf.fill([steps], epoch), tf.range(steps, dtype=tf.int64), batches))

    def make_batch(epoch, step, indices):
        if teaching is not None:
            progress = 0 if epochs is None else (epoch * steps + step) / (epochs * steps)
            rows = teaching.rows(batch_size, _seed(seed, _ROWS, epoch, step), progress)
            indices = teaching.images(indices, rows, _seed(seed, _TAUGHT, epoch, step))
        images = source.fetch(indices)
        if augment is not None:
            changed = augment(images, _seed(seed, _PIXELS, epoch, step))
            stored = teaching is not None and teaching.among is not None  # places found for the image as it is
            images = tf.where(rows[:, None, None, None], tf.cast(images, changed.dtype), changed) if stored else changed
        shown = {"images": images, **({"clean": images} if clean else {})}
        if data.canvas is not None:
            draws = tf.random.stateless_uniform([batch_size, data.canvas.draws_per_image], _seed(seed, _CANVAS, epoch, step))
            made_by = {"images": compose, "clean": compose_clean}
            shown = {name: made_by[name](digits, indices, draws, source, data.canvas) for name, digits in shown.items()}
        inputs = {name: tf.ensure_shape(pixels, [batch_size, *data.image_shape]) for name, pixels in shown.items()}
        if places:
            inputs["places"] = digit_places(draws, source.image_shape[:2], data.canvas)
        if teaching is not None:
            given = places_of(teaching.policy, inputs["images"], indices, _seed(seed, _ACTIONS, epoch, step))
            inputs |= {"actions": given, "has_actions": rows}
        return inputs if len(inputs) > 1 else inputs["images"], tf.gather(source.labels, indices)

    last = np.iinfo(np.int64).max if epochs is None else epochs
    length = tf.data.INFINITE_CARDINALITY if epochs is None else (epochs - epoch) * steps
    indices = tf.data.Dataset.range(epoch, last).flat_map(epoch_indices).apply(tf.data.experimental.assert_cardinality(length))
    return _mapped(indices, make_batch)


def eval_batches(source: ImageSource, batch_size: int | None = None, actions: Callable | None = None, seed: int = 0) -> tf.data.Dataset:
    """A split's batches in its own order, all images, the last batch smaller.

    Args:
        source: `ImageSource`.
        batch_size: images a batch; None for 500, or fewer where they are more than 64 MiB of pixels.
        actions: None, or a policy of `tf_glimpse.policies` or of one's own, which gives the places; its seed is (seed, 0).
        seed: int, for `actions` only.

    Returns:
        `tf.data.Dataset` of known length, of batches as in `train_batches`.

    Raises:
        UserError: a batch size below 1.
    """
    if batch_size is None:
        batch_size = min(500, max(1, _EVAL_BYTES // int(np.prod(source.image_shape))))
    if batch_size < 1:
        raise UserError(f"batch_size must be at least 1, got {batch_size}")

    def make_batch(indices):
        images = tf.ensure_shape(source.fetch(indices), [None, *source.image_shape])
        if actions is None:
            return images, tf.gather(source.labels, indices)
        given = places_of(actions, images, indices, tf.constant([seed, 0], tf.int32))
        inputs = {"images": images, "actions": given, "has_actions": tf.ones([tf.shape(images)[0]], tf.bool)}
        return inputs, tf.gather(source.labels, indices)

    indices = tf.data.Dataset.range(len(source)).batch(batch_size)
    return _mapped(indices, make_batch)


def _mapped(indices, make_batch):
    """The batches; a user's mistake in a function of theirs comes out as the one line it is, not as AutoGraph's account of it."""
    try:
        return indices.map(make_batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)
    except Exception as error:
        if isinstance(error.__context__, UserError):
            raise error.__context__ from None
        raise


def _seed(seed, stream, epoch, step):
    seed = tf.stack([tf.constant(seed, tf.int64), tf.constant(stream, tf.int64)])
    return tf.random.fold_in(tf.random.fold_in(seed, epoch), step)
