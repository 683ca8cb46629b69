"""The policies that have a name, one row each. Importing this loads no TensorFlow.

To add one: a class in a file of this room, a function below that makes it for a model, and a row of `POLICIES`. Evaluation, training,
command line, benchmarks and the tests of all policies read the table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tf_glimpse.types import UserError

if TYPE_CHECKING:
    from tf_glimpse.datasets.sources import ImageData
    from tf_glimpse.models.attention_model import AttentionModel


@dataclasses.dataclass(frozen=True)
class Row:
    """A policy that has a name.

    Attributes:
        meaning: where it looks, in a few words.
        make: a function (model, data, look) -> policy.
        trained: whether its places come from the trained model, so that a model cannot be trained at them from the start.
        cells: whether it chooses among cells, and so needs a model that does: a `Saccader`.
        looks: whether its name may end in a number, NAME:K.
    """

    meaning: str
    make: Callable
    trained: bool = True
    cells: bool = False
    looks: bool = False


def _random(model, data, look):
    from tf_glimpse.policies.cells import RandomCells
    from tf_glimpse.policies.random import Random

    return RandomCells(model, model.num_glimpses) if model.cells else Random(model.num_glimpses)


def _centre(model, data, look):
    from tf_glimpse.policies.fixed import Centre

    return Centre(model.num_glimpses)


def _constant(model, data, look):
    from tf_glimpse.policies.constant import mean_places
    from tf_glimpse.policies.fixed import Scan

    return Scan(mean_places(model, data))


def _frozen(model, data, look):
    from tf_glimpse.policies.frozen import Frozen

    return Frozen(model, look)


def _ordered_logits(model, data, look):
    from tf_glimpse.policies.cells import OrderedLogits

    return OrderedLogits(model, model.num_glimpses)


def _sobel(statistic):
    def make(model, data, look):
        from tf_glimpse.policies.cells import Sobel

        return Sobel(model, model.num_glimpses, statistic)

    return make


POLICIES = {
    "random": Row("places drawn uniformly; of a Saccader, its cells", _random, trained=False),
    "centre": Row("the image's centre", _centre, trained=False),
    "constant": Row("the mean places of the model's own policy over training images, the same for every image", _constant),
    "frozen": Row("the model's own places up to look K (1 if left out), then that place again", _frozen, looks=True),
    "ordered_logits": Row("the cells most certain of the whole image's class", _ordered_logits, cells=True),
    "sobel_mean": Row("the cells of most edges", _sobel("mean"), cells=True),
    "sobel_variance": Row("the cells of most uneven edges", _sobel("variance"), cells=True),
}
"""The policies that have a name, a `Row` each."""

UNTRAINED = tuple(name for name, row in POLICIES.items() if not row.trained)
"""The names of those at whose places a model can be trained from the start."""


def get_policy(name: str | None, model: AttentionModel, data: ImageData | None = None) -> Callable | None:
    """The policy of a name, made for a model.

    Args:
        name: one of `POLICIES`: "random", "centre", "constant", "frozen" or "frozen:K"; for a `Saccader` also "ordered_logits",
            "sobel_mean" and "sobel_variance". None is the model's own policy.
        model: a built `AttentionModel`; the policy looks as often as it does. For a `Saccader` "random" draws among its cells, each once.
        data: `ImageData` that "constant" takes training images from, as `mean_places` says; the others need none.

    Returns:
        the policy, as `tf_glimpse.policies` describes it; None for None.

    Raises:
        UserError: another name, which the message answers with those there are for this model; a K that the model does not have; no
            training images for "constant".

    Example:
        >>> from tf_glimpse.models.ram import RAM
        >>> model = RAM(10, num_glimpses=6)
        >>> get_policy("centre", model)
        Centre(num_glimpses=6)
    """
    if name is None:
        return None
    check_policy_name(name, [row for row, policy in POLICIES.items() if model.cells or not policy.cells], type(model).__name__)
    word, _, look = name.partition(":")
    return POLICIES[word].make(model, data, int(look or 1))


def check_policy_name(name: str, names: Sequence[str] = tuple(POLICIES), whose: str = "any model") -> None:
    """Refuses what is no policy's name, before TensorFlow loads.

    Args:
        name: what was given.
        names: keys of `POLICIES` that there are.
        whose: the model's class, for the message.

    Raises:
        UserError: another name, or a number after a name that takes none.
    """
    word, colon, look = str(name).partition(":")
    right = word in names and (not colon or (POLICIES[word].looks and look.isdecimal()))
    if not right:
        there = ", ".join(f"{name} or {name}:K" if POLICIES[name].looks else name for name in names)
        raise UserError(f"policy expects, for {whose}, one of {there}. Received: {name!r}")
