"""What a policy learns from places that are tried beside the model's own looks: look-ahead and hindsight."""

import tensorflow as tf

from tf_glimpse import losses


def losses_of_tries(model, images, numbers, trajectory, seed):
    """Tries `model.hybrid["candidates"]` places at each look, on the first rows of a batch.

    Args:
        model: a compiled `AttentionModel` that can `look_ahead`.
        images: `[B, H, W, C]`.
        numbers: `[B]`, the right classes.
        trajectory: the `Trajectory` of these images.
        seed: int32 `[2]`.

    Returns:
        a dict of losses `[R]` by name, of the first R rows, as many as `candidate_share` says: "look_ahead", and "hindsight" if it has a
        weight.
    """
    hybrid = model.hybrid
    rows = tf.cast(tf.math.ceil(tf.cast(tf.shape(numbers)[0], tf.float32) * hybrid["candidate_share"]), tf.int32)
    images, numbers, trajectory = tf.nest.map_structure(lambda values: values[:rows], (images, numbers, trajectory))
    count, anywhere = hybrid["candidates"], hybrid["candidates"] if hybrid["hindsight_weight"] else 0
    log_probs, logits, places = model.look_ahead(images, trajectory, count, seed, anywhere)
    right = right_probability(logits, numbers)
    found = {"look_ahead": losses.look_ahead(log_probs, right[..., :count])}
    return {**found, "hindsight": _hindsight(model, places, right, numbers, trajectory)} if anywhere else found


def _hindsight(model, places, right, numbers, trajectory):
    """Minus the log-likelihood of the place that turned out best under the policy after each look, times what was gained there `[R]`.

    The model's own looks are not among the places: a policy that learns from them what it does anyhow stops searching.
    """
    own = right_probability(trajectory.logits, numbers)
    before = tf.pad(own[:, :-1], [[0, 0], [1, 0]], constant_values=1 / model.num_classes)[:, -right.shape[1] :, None]
    place, gain = losses.best_in_hindsight(_flat(places), _flat(right - before))
    return gain * losses.location_likelihood(model.place_log_probs(trajectory, place))


def right_probability(logits, numbers):
    """The right class's probability `[B, ...]`, of class scores `[B, ..., K]`."""
    return tf.einsum("b...k,bk->b...", tf.nn.softmax(logits), tf.one_hot(numbers, logits.shape[-1]))


def _flat(values):
    """`[R, T, N, ...]` with the tries of all looks in one row."""
    return tf.reshape(values, [-1, values.shape[1] * values.shape[2], *values.shape[3:]])
