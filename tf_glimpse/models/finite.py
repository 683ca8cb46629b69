"""NaN and infinity, seen where they would hide: outside XLA a fused relu makes 0 of NaN, so that a broken model answers with confidence."""

import numpy as np
import tensorflow as tf

from tf_glimpse.types import UserError


def all_finite(variables):
    """Whether every number in Keras variables is finite, a bool tensor, in graphs too: one sum a variable, which NaN and infinity survive.

    Example:
        >>> import keras
        >>> bool(all_finite([keras.Variable([1.0, 2.0])])), bool(all_finite([keras.Variable([1.0, float("nan")])]))
        (True, False)
    """
    sums = [tf.cast(tf.reduce_sum(variable.value), tf.float32) for variable in variables if tf.as_dtype(variable.dtype).is_floating]
    return tf.reduce_all(tf.math.is_finite(tf.stack(sums))) if sums else tf.constant(True)


def is_whole(model):
    """Whether all weights of a model are finite; True of one that has none yet."""
    return bool(all_finite(model.weights))


def check_weights(model):
    """Refuses a model whose weights are not all finite.

    Raises:
        UserError: names the first weight that is not.
    """
    if is_whole(model):
        return
    name = next(weight.path for weight in model.weights if not all_finite([weight]))
    remedy = "load or train it again; a lower learning rate, or clipnorm=1.0 of the optimiser, keeps them finite"
    raise UserError(f"this model's weights are broken: NaN or infinity in {name}; {remedy}")


def check_answer(answer):
    """Refuses class scores that are NaN or infinite.

    Args:
        answer: a `Trajectory` or scores `[B, ...]`, arrays or tensors.

    Raises:
        UserError: says how many answers are not finite.
    """
    scores = getattr(answer, "logits", answer)
    if not hasattr(scores, "shape") or not len(scores.shape):
        return
    scores = np.asarray(scores)
    broken = int((~np.isfinite(scores.reshape(len(scores), -1).astype(np.float32))).any(axis=1).sum())
    if broken:
        remedy = "numbers grew too large on the way; try float32 in place of half precision"
        raise UserError(f"the answers to {broken} of {len(scores)} images are NaN or infinite: {remedy}")
