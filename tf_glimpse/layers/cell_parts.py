"""What a `GlimpseCell` expects of its parts, told before anything is built of them."""

import inspect

import keras

from tf_glimpse.types import UserError

_HEAD = ("parameters", "distribution", "to_action", "to_draw", "policy_size")


def check_parts(encoder, core, location):
    """Refuses what cannot be an encoder, a core or a location head.

    Raises:
        UserError: says what the part should be.
    """
    for role, part in {"encoder": encoder, "core": core, "location": location}.items():
        if not isinstance(part, keras.layers.Layer):
            instance = f"an instance, such as {part.__name__}(...)" if isinstance(part, type) else "a Keras layer"
            raise UserError(f"{role} expects {instance}. Received: {part!r}")
    if not _takes_locations(encoder):
        expected = "a layer whose call takes two tensors, (patches [B, P, P, S*C], locations [B, 2])"
        raise UserError(f"encoder expects {expected}; wrap yours in one that does. Received: {_named(encoder)}, which takes one")
    if isinstance(core, keras.layers.RNN):
        cell = type(core.cell).__name__
        raise UserError(f"core expects a cell, which takes one look at a time, such as keras.layers.{cell}(...). Received: {_named(core)}")
    if not hasattr(core, "state_size") or not hasattr(core, "get_initial_state"):
        expected = "an RNN cell, such as keras.layers.GRUCell(256): a layer (inputs, states) with state_size and get_initial_state"
        raise UserError(f"core expects {expected}. Received: {_named(core)}")
    if not all(hasattr(location, name) for name in _HEAD):
        expected = "a location head, such as tf_glimpse.GaussianLocation() or a LocationHead of your own"
        raise UserError(f"location expects {expected}. Received: {_named(location)}")


def check_policy(location, distribution):
    """Refuses a distribution of one image that does not draw and score one place.

    Raises:
        UserError: says of what shape actions or scores are.
    """
    expected = f"location {_named(location)} expects a tfp distribution over one place (y, x) an image"
    try:
        draw = distribution.mode()
        action, score, entropy = location.to_action(draw), distribution.log_prob(draw), distribution.entropy()
    except (AttributeError, NotImplementedError) as error:
        received = f"{type(distribution).__name__} ({error})"
        raise UserError(f"{expected}, with mode, log_prob, entropy and sample. Received: {received}") from error
    shapes = [tuple(tensor.shape) for tensor in (action, score, entropy)]
    if shapes != [(1, 2), (1,), (1,)]:
        received = "actions {}, scores {}, entropies {}".format(*shapes)
        raise UserError(f"{expected}: actions (1, 2), scores (1,) and entropies (1,) for one. Received: {received}")


def _takes_locations(encoder):
    """Whether the second argument of the call may be the locations, not one of Keras' own."""
    kinds = inspect.Parameter
    parameters = inspect.signature(encoder.call).parameters.values()
    if any(parameter.kind == kinds.VAR_POSITIONAL for parameter in parameters):
        return True
    names = [parameter.name for parameter in parameters if parameter.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    return len(names) > 1 and names[1] not in ("training", "mask")


def _named(layer):
    return f"{type(layer).__name__}()"
