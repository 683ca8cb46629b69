"""The arguments of `compile` and of constructors, told before anything is made of them."""

import difflib
import inspect
import math

import keras

from tf_glimpse.types import UserError, whole_number

LAYER_KEYWORDS = ("name", "dtype", "trainable", "autocast", "activity_regularizer")


def check_keywords(function, owner, given, more):
    """Refuses keywords that neither a method of a class nor Keras knows, with the name that may have been meant.

    Args:
        function: the method's name, such as "compile".
        owner: the class.
        given: the keywords.
        more: names that Keras knows besides those in the signatures of the class and the classes above it.

    Raises:
        UserError: names the first unknown keyword.
    """
    methods = [vars(base)[function] for base in owner.__mro__ if base is not object and function in vars(base)]
    known = {name for method in methods for name in inspect.signature(method).parameters} | set(more)
    known -= {"self", "args", "kwargs"}
    for name in given:
        if name not in known:
            meant = difflib.get_close_matches(name, known, n=1)
            told = f"did you mean {meant[0]}?" if meant else f"it knows {', '.join(sorted(known))}"
            raise UserError(f"{owner.__name__}{'' if function == '__init__' else '.' + function} knows no argument {name}; {told}")


def check_hybrid(hybrid):
    """Refuses what cannot be a setting of the hybrid loss.

    Raises:
        UserError: names the setting and what came.
    """
    for name, value in hybrid.items():
        if name.endswith("_weight") and not (isinstance(value, keras.optimizers.schedules.LearningRateSchedule) or _is_number(value, 0)):
            raise UserError(f"compile expects for {name} a number of at least 0, or a schedule. Received: {name}={value!r}")
    whole_number("rollouts", hybrid["rollouts"])
    candidates, candidate_share, discount = (hybrid[name] for name in ("candidates", "candidate_share", "discount"))
    if not _is_number(candidate_share, 0, 1) or not candidate_share or not _is_number(candidates, 2) or candidates != int(candidates):
        wanted = "candidates of at least 2 and candidate_share in (0, 1]"
        raise UserError(f"compile wants {wanted}. Received: {candidates=}, {candidate_share=}")
    if not _is_number(discount, 0, 1):
        raise UserError(f"compile expects a discount from 0 to 1. Received: {discount=}")
    if hybrid["sample"] not in (True, False):
        raise UserError(f"compile expects sample=True or False. Received: sample={hybrid['sample']!r}")


def _is_number(value, least, most=math.inf):
    try:
        return not isinstance(value, str | bool) and math.isfinite(value) and least <= value <= most
    except (TypeError, ValueError):
        return False
