"""The arguments of `compile` and of constructors, told before anything is made of them."""

import difflib
import inspect
import warnings

from tf_glimpse.losses import Supervision
from tf_glimpse.types import UserError

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
            hint = f"did you mean {meant[0]}?" if meant else f"it knows {', '.join(sorted(known))}"
            raise UserError(f"{owner.__name__}{'' if function == '__init__' else '.' + function} knows no argument {name}; {hint}")


def check_terms(model):
    """Refuses terms that a model cannot learn by, and draws that nobody makes.

    Args:
        model: an `AttentionModel` with its `terms` and `sample`.

    Raises:
        UserError: names the term, and what it expects.
    """
    if model.sample not in (True, False):
        raise UserError(f"compile expects sample=True or False, or None. Received: sample={model.sample!r}")
    for term in model.terms:
        term.check(model, model.terms)
        if term.draws and not model.sample:
            raise UserError(f"{type(term).__name__} learns from places drawn from the policy; leave out sample=False, or this term.")


def warn_of_idle_policy(terms, chooses):
    """Warns where a policy will learn nothing: it chooses no look, or only given places could teach it.

    Args:
        terms: those that the model was compiled with.
        chooses: whether the policy chooses the place of at least one look.

    Warns:
        UserWarning: what is missing, and what to pass.
    """
    if not chooses:
        advice = "pass num_glimpses of at least 2, or first_location='learned'"
        warnings.warn(f"the model looks once, at a place that no policy chooses, and never learns where to look; {advice}.", stacklevel=3)
    elif not any(term.teaches for term in terms) and any(isinstance(term, Supervision) for term in terms):
        advice = "add Reinforce, LookAhead or Hindsight, or pass no terms for the default"
        warnings.warn(f"the policy learns from given places alone: no other term teaches it where to look; {advice}.", stacklevel=3)
