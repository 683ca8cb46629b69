"""Floating point operations of one image, counted by one tool for everything: tf-models-official's counter on the traced graph.

A multiply-add counts two, a bias, an addition or a comparison one an element, also in the arithmetic of places; a mean counts its
additions. What moves data only (gather, reshape, pad, cast), relu, tanh and sigmoid count nothing. A Keras batch norm counts as the bias
that is left of it once it is folded into the convolution before it. The retina's pooling and a CNN's down-sampling are both counted as what
they are.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import keras
import tensorflow as tf

from tf_glimpse.models.adaptive_looks import looks_of
from tf_glimpse.types import UserError

if TYPE_CHECKING:
    from tf_glimpse.models.adaptive import AdaptiveModel


class LookCosts(NamedTuple):
    """Floating point operations of the parts of adaptive inference, an image.

    Attributes:
        begin: before the first look: the retina's pooling, a Saccader's BagNet.
        look: one look, its classification with it.
        stop: asking the stopping head once.
    """

    begin: int
    look: int
    stop: int

    def fixed(self, num_glimpses):
        """Of always so many looks."""
        return self.begin + num_glimpses * self.look

    def adaptive(self, mean_glimpses):
        """Expected, where so many looks are taken on average; the head is asked after each."""
        return self.begin + mean_glimpses * (self.look + self.stop)


def count_flops(function: Callable, *specifications: tf.TensorSpec) -> int:
    """Floating point operations of a call.

    Args:
        function: of tensors, one for each specification; variables it uses must exist already.
        *specifications: `tf.TensorSpec` of known shapes, with a batch of 1 for the cost of one image.

    Returns:
        int.

    Raises:
        UserError: a size that is unknown, or a graph that the counter cannot read.

    Example:
        >>> import keras
        >>> layer = keras.layers.Dense(4)
        >>> layer.build([None, 8])
        >>> count_flops(layer, tf.TensorSpec([1, 8]))  # 2 * 8 * 4 for the product, 4 for the bias
        68
    """
    from official.core import train_utils

    if not all(specification.shape.is_fully_defined() for specification in specifications):
        raise UserError(f"operations are counted where every size is known. Received: {[tuple(each.shape) for each in specifications]}")
    names = [f"input_{index}" for index in range(len(specifications))]
    with _quiet(), _folded_batch_norms():
        flops = train_utils.try_count_flops(_Counted(function, names), dict(zip(names, specifications, strict=True)))
    if flops is None:
        raise UserError(f"the operations of {function} cannot be counted: tf-models-official's counter could not read its graph.")
    return int(flops)


def model_flops(model: keras.Model) -> int:
    """Floating point operations of a built model's ordinary call on one float image.

    Args:
        model: a Keras model with `image_shape`, or one with one input.
    """
    shape = getattr(model, "image_shape", None) or model.input_shape[1:]
    return count_flops(lambda images: tf.nest.flatten(model(images, training=False)), tf.TensorSpec([1, *shape], tf.float32))


def look_costs(model: AdaptiveModel) -> LookCosts:
    """The `LookCosts` of a built `AdaptiveModel`."""
    looks = looks_of(model.model)
    images = tf.TensorSpec([1, *model.image_shape], tf.float32)
    started = looks.begin(tf.zeros(images.shape))
    flat = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tf.nest.flatten(started)]

    def look(*tensors):
        seen, states = tf.nest.pack_sequence_as(started, tensors)
        return tf.nest.flatten(looks.look(seen, states, tf.constant(1)))

    stop = tf.TensorSpec([1, model.num_classes], tf.float32)
    begin = count_flops(lambda images: tf.nest.flatten(looks.begin(images)), images)
    return LookCosts(begin, count_flops(look, *flat), count_flops(model.stopping, stop))


class _Counted:
    """What the counter takes for a model: without `inputs`, for it cannot read a Keras 3 model's, and with a `call` by keywords."""

    inputs = None

    def __init__(self, function, names):
        self.function = function
        self.names = names

    @tf.autograph.experimental.do_not_convert
    def call(self, **tensors):
        return self.function(*(tensors[name] for name in self.names))


@contextlib.contextmanager
def _folded_batch_norms():
    """Keras' batch norms as a bias; their own arithmetic would count twice as much, and some more a channel."""
    layer = keras.layers.BatchNormalization
    call = layer.call
    layer.call = lambda self, inputs, *_, **__: inputs + keras.ops.cast(self.beta, inputs.dtype) if self.center else inputs
    try:
        yield
    finally:
        layer.call = call


@contextlib.contextmanager
def _quiet():
    """Without what freezing a graph prints: a deprecation by TensorFlow's logger, and lines on stderr that no log level hides."""
    logger = logging.getLogger("tensorflow")
    level, stderr = logger.level, os.dup(2)
    logger.setLevel(logging.ERROR)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        logger.setLevel(level)
