"""Rollouts of a whole split, batch by batch, the model as a graph."""

import functools

import tensorflow as tf

from tf_glimpse.datasets import eval_batches, places_of
from tf_glimpse.models.finite import check_weights


def split_rollouts(model, source, rollouts=1, seed=0, policy=None, batch_size=None):
    """Yields `(inputs, labels [B], trajectories)` for each batch of a split, with a `Trajectory` a rollout.

    Args:
        model: an `AttentionModel`.
        source: an `ImageSource`.
        rollouts: 1 is the one deterministic rollout; more are drawn from the policy.
        seed: of draws; those of a batch also depend on its number, and so on `batch_size`, a policy's do not.
        policy: a policy of `tf_glimpse.policies` that gives the places, or None for the model's own.
        batch_size: images at once, as for `eval_batches`.
    """
    rollout, first = compiled(model), 0
    for index, (inputs, labels) in enumerate(eval_batches(source, batch_size)):
        if policy is not None:
            indices = tf.range(first, first + len(labels), dtype=tf.int64)
            inputs = {"images": inputs, "actions": places_of(policy, inputs, indices, tf.constant([seed, 0], tf.int32))}
        first += len(labels)
        draws = [tf.constant([seed, index * rollouts + draw], tf.int32) for draw in range(rollouts)]
        yield inputs, labels, [rollout(inputs, rollouts > 1, draw) for draw in draws]


def compiled(model):
    """The model as a graph: a function of inputs, of whether places are drawn (no), and of the draws' seed (int32 `[2]`).

    Raises:
        UserError: weights that are not finite.
    """
    check_weights(model)

    def rollout(inputs, sample=False, seed=(0, 0)):
        images = inputs["images"] if isinstance(inputs, dict) else inputs
        return _compiled(model, model.num_glimpses, tuple(images.shape[1:]))(inputs, sample, tf.convert_to_tensor(seed, tf.int32))

    return rollout


@functools.lru_cache(maxsize=1)
def _compiled(model, num_glimpses, image_shape):
    """Kept for the next images of the same model and size, looking as often: a graph of several sizes knows none, and some layers must.

    A partial function, as TensorFlow counts all functions of one place in the code together when it warns of too many traces.
    """
    return tf.function(functools.partial(_rollout, model), reduce_retracing=True, autograph=False)


def _rollout(model, inputs, sample, seed):
    return model(inputs, sample=sample, seed=seed)
