"""What may be searched: for each family of models a space, choices by name, and a keras-tuner HyperModel over it.

A space is a dict of name -> list of choices, plain enough for a JSON file. A candidate is a dict of name -> one choice.
"""

import itertools
import json
import math
import pathlib
import typing

import keras_tuner

from tf_glimpse.models import AdaptiveModel, Saccader
from tf_glimpse.ops.receptive_fields import receptive_field_of
from tf_glimpse.search.baselines import mobilenet_v2, shufflenet_v2
from tf_glimpse.search.flops import LookCosts, look_costs, model_flops
from tf_glimpse.training.recipe import Recipe
from tf_glimpse.training.run import build_model
from tf_glimpse.types import AnyPath, UserError

RAM_SPACE = {
    "patch_size": [4, 6, 8, 10, 12],
    "num_scales": [1, 2, 3],
    "num_glimpses": [4, 6, 8],
    "encoder": ["dense", "conv"],
    "what_units": [16, 32, 64, 128],
    "filters": [4, 8, 16],
    "where_units": [8, 16, 32],
    "core": ["rectified", "gru", "lstm"],
    "units": [16, 32, 48, 64, 96],
    "location": ["gaussian", "categorical"],
    "location_units": [0, 16, 32],
    "stddev": [0.05, 0.1, 0.2],
    "grid": [5, 7, 9],
    "look_ahead_weight": [0.0, 0.1],
    "reinforce_weight": [0.03, 0.1, 0.3],
    "anytime_weight": [0.2, 0.5, 1.0],
    "learning_rate": [1e-3, 2e-3, 4e-3],
}
SACCADER_SPACE = {
    "first_stride": [2, 4],
    "wide_groups": [2, 3],
    "filters": [1, 2, 4, 8, 12, 16],
    "mixed_channels": [4, 8, 16, 32],
    "num_glimpses": [2, 4, 6],
    "reinforce_weight": [0.03, 0.1, 0.3],
    "learning_rate": [1e-3, 3e-3, 1e-2],
}
CNN_SPACE = {
    "width": [0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5],
    "shrink": [1, 2, 3, 4, 5, 6],
    "learning_rate": [1e-3, 3e-3, 1e-2, 3e-2],
}
# Choices that count only where another one is taken.
ONLY_WITH = {
    "what_units": ("encoder", "dense"),
    "filters": ("encoder", "conv"),
    "stddev": ("location", "gaussian"),
    "grid": ("location", "categorical"),
}
LARGE_PATCH = 8  # from which on a convolutional encoder has room for a second convolution, and pools before it
# Sizes of which neither the least nor the largest is always the cheapest; of all the rest it is the least, or the largest.
EITHER_WAY = ("first_stride", "wide_groups")
LARGEST = ("shrink",)
# Sizes of which either the least is the cheapest, or the least of those from here on: a large patch is pooled, hidden units are a detour.
FROM = {"patch_size": LARGE_PATCH, "location_units": 1}
# Choices that change no operation.
COST_NOTHING = ("learning_rate", "look_ahead_weight", "reinforce_weight", "anytime_weight", "stddev")


class Space(keras_tuner.HyperModel):
    """The candidates of one family for one data set.

    Args:
        data: `ImageData`.
        choices: a space; what it leaves out is as in the family's own. None for that.
        image_size: that the images were brought to, as for `tf_glimpse.datasets.load`; written into recipes.

    Raises:
        UserError: an unknown key, one without choices, or choices of another kind than the family's own.
    """

    default: typing.ClassVar[dict] = {}

    def __init__(self, data, choices=None, image_size=None):
        super().__init__()
        self.data = data
        self.image_size = image_size
        self.choices = self.checked(choices)
        self._counted = {}

    @classmethod
    def checked(cls, choices=None):
        """The space as it was given, with the family's own choices where it says nothing."""
        choices = choices or {}
        if unknown := sorted(set(choices) - set(cls.default)):
            raise UserError(f"this space has the keys {', '.join(cls.default)}. Received unknown: {', '.join(unknown)}")
        empty = [name for name, options in choices.items() if not isinstance(options, list) or not options]
        if empty:
            raise UserError(f"a space expects a list of choices for each key. Received none for {', '.join(empty)}")
        return {name: _alike(name, choices.get(name, options), options) for name, options in cls.default.items()}

    def declare_hyperparameters(self, hp):
        self.candidate(hp)

    def candidate(self, hp):
        """The candidate that keras-tuner's hyperparameters stand for, without the choices that do not count in it."""
        return {name: value for name, options in self.choices.items() if (value := self._choose(hp, name, options)) is not None}

    def _choose(self, hp, name, options):
        """The choice, or None where it does not count; keras-tuner is told of it all the same."""
        parent, value = ONLY_WITH.get(name, (None, None))
        if parent not in self.choices:
            return hp.Choice(name, options)
        with hp.conditional_scope(parent, [value]):
            choice = hp.Choice(name, options)
        return choice if hp.get(parent) == value else None

    def build(self, hp):
        return self.model(self.candidate(hp))

    def model(self, candidate):
        """The candidate's untrained model, built."""
        raise NotImplementedError(f"{type(self).__name__} expects a method model(candidate)")

    def costs(self, candidate):
        """What a candidate costs, `LookCosts` or the operations of one image, each counted once; infinity where it cannot be built."""
        key = json.dumps({name: value for name, value in candidate.items() if name not in COST_NOTHING}, sort_keys=True)
        if key not in self._counted:
            self._counted[key] = self.count(self.model(candidate))
        return self._counted[key]

    @staticmethod
    def count(model):
        """What a model of this family costs."""
        return model_flops(model)

    def cheapest(self, enough=0):
        """`(operations, candidate)` of the cheapest candidate, or of the first found that costs no more than `enough`.

        Each combination of names, and of sizes that may cost either way, is counted.
        """
        sizes, best = {name: _least(name, options) for name, options in self.choices.items()}, None
        for values in itertools.product(*sizes.values()):
            candidate = dict(zip(sizes, values, strict=True))
            flops = least_flops(self.costs(candidate))
            best = min(best or (flops, candidate), (flops, candidate), key=lambda pair: pair[0])
            if flops <= enough:
                break
        return best


def _alike(name, given, own):
    """The choices given, whole numbers as floats where the family's own are; no size below the least that makes sense."""
    kind, least = type(own[0]), 0 if 0 in own or isinstance(own[0], float) or name == "wide_groups" else 1
    numbers = all(isinstance(choice, int | kind) and not isinstance(choice, bool) for choice in given)
    fits = set(given) <= set(own) if kind is str else numbers and min(given) >= least
    if not fits:
        raise UserError(f"a space expects choices for {name} such as {', '.join(map(str, own))}. Received: {', '.join(map(str, given))}")
    return [kind(choice) for choice in given]


def _least(name, options):
    """Those of a choice's options among which the cheapest is."""
    if isinstance(options[0], str) or name in EITHER_WAY:
        return options
    if name in LARGEST:
        return [max(options)]
    return sorted({min(options), min((size for size in options if size >= FROM.get(name, size)), default=min(options))})


class _AttentionSpace(Space):
    count = staticmethod(look_costs)


class RAMSpace(_AttentionSpace):
    """Retina, looks, encoder, core, location head and loss of a `RAM`.

    Example:
        >>> from tf_glimpse.datasets import load
        >>> space = RAMSpace(load("digits_canvas"))
        >>> candidate = {name: options[0] for name, options in RAM_SPACE.items()}
        >>> space.recipe(candidate).model["core"], space.model(candidate).num_glimpses
        ('rectified', 4)
    """

    default: typing.ClassVar[dict] = RAM_SPACE

    def recipe(self, candidate, epochs=1, passes=1):
        """The `Recipe` that trains the candidate, as `tf-glimpse train` would."""
        location = {"hidden_units": candidate["location_units"]}
        if candidate["location"] == "gaussian":
            location["stddev"] = candidate["stddev"]
        else:
            location["grid"] = [candidate["grid"]] * 2
        model = {name: candidate[name] for name in ("patch_size", "num_scales", "num_glimpses", "units", "core")}
        model |= {"encoder": self._encoder(candidate), "location": [candidate["location"], location], "first_location": "centre"}
        settings = {"epochs": epochs, "passes": passes, "learning_rate": candidate["learning_rate"], "jit_compile": False}
        settings["image_size"] = self.image_size
        return Recipe("search", "a candidate of a search", self.data.name, model, self._loss(candidate), **settings)

    def _encoder(self, candidate):
        where = {"where_units": candidate["where_units"]}
        if candidate["encoder"] == "dense":
            return ["dense", {"what_units": candidate["what_units"], **where}]
        width, large = candidate["filters"], candidate["patch_size"] >= LARGE_PATCH
        return ["conv", {"filters": [width, 2 * width] if large else [width], "pools": [2, 1] if large else [1], **where}]

    def _loss(self, candidate):
        anytime = {"anytime": {"weight": candidate["anytime_weight"]}, "supervision": {}}
        if candidate["look_ahead_weight"]:
            look_ahead = {"look_ahead": {"weight": candidate["look_ahead_weight"], "candidates": 4, "share": 0.25}}
            return {"terms": {**look_ahead, **anytime}, "sample": False}
        reinforce = {"weight": candidate["reinforce_weight"], "reward": "final_probability"}
        return {"terms": {"reinforce": reinforce, "baseline": {}, **anytime}}

    def costs(self, candidate):
        return super().costs(candidate) if candidate["patch_size"] <= min(self.data.image_shape[:2]) else math.inf

    def model(self, candidate):
        return AdaptiveModel(build_model(self.recipe(candidate), self.data))


class SaccaderSpace(_AttentionSpace):
    """A small BagNet, looks and features of a `Saccader`.

    A cell sees 9 or 17 pixels, with 2 or 3 groups of a 3x3 kernel; 13 or 29 where the first stride is 4.
    """

    default: typing.ClassVar[dict] = SACCADER_SPACE

    def costs(self, candidate):
        wide, strides = self._groups(candidate)
        field, pitch = receptive_field_of(wide, strides), math.prod(strides)
        cells = [max(0, (side - field) // pitch + 1) for side in self.data.image_shape[:2]]
        return super().costs(candidate) if math.prod(cells) >= candidate["num_glimpses"] else math.inf

    @staticmethod
    def _groups(candidate):
        """The BagNet's blocks of 3x3 kernels, and its strides."""
        return tuple(int(group < candidate["wide_groups"]) for group in range(3)), (candidate["first_stride"], 2, 2)

    def model(self, candidate):
        wide, strides = self._groups(candidate)
        filters = [candidate["filters"] * factor for factor in (1, 2, 4)]
        bagnet = {"wide_blocks": wide, "blocks": (1, 1, 1), "filters": filters, "strides": strides}
        model = Saccader(
            self.data.num_classes,
            {**bagnet, "stem_filters": candidate["filters"]},
            candidate["num_glimpses"],
            candidate["mixed_channels"],
            class_names=self.data.class_names,
        )
        model.build((None, *self.data.image_shape))
        return AdaptiveModel(model)


class CNNSpace(Space):
    """Width, resolution and learning rate of a low-power CNN; what does not divide the image's side is passed over."""

    default: typing.ClassVar[dict] = CNN_SPACE
    network: typing.Any = None

    def __init__(self, data, choices=None, image_size=None):
        super().__init__(data, choices, image_size)
        fitting = [shrink for shrink in self.choices["shrink"] if not any(side % shrink for side in data.image_shape[:2])]
        self.choices = {**self.choices, "shrink": fitting or [1]}

    def model(self, candidate):
        return type(self).network(self.data.image_shape, self.data.num_classes, candidate["width"], candidate["shrink"])


class MobileNetSpace(CNNSpace):
    """`mobilenet_v2`."""

    network = staticmethod(mobilenet_v2)


class ShuffleNetSpace(CNNSpace):
    """`shufflenet_v2`."""

    network = staticmethod(shufflenet_v2)


def least_flops(costs):
    """Operations of one look, or of the whole of a model that does not look."""
    return costs.adaptive(1) if isinstance(costs, LookCosts) else costs


def most_flops(costs, candidate):
    """Operations of all looks, or of the whole of a model that does not look."""
    return costs.adaptive(candidate["num_glimpses"]) if isinstance(costs, LookCosts) else costs


def read_space(path: AnyPath | None) -> dict | None:
    """The space in a JSON file, or None for no file.

    Raises:
        UserError: no such file, or one that is no object of lists.
    """
    if path is None:
        return None
    try:
        content = json.loads(pathlib.Path(path).expanduser().read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"`space` expects a JSON file of choices by name. {path}: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"`space` expects a JSON object of choices by name. Received: {type(content).__name__} in {path}")
    return content


SPACES = {"ram": RAMSpace, "saccader": SaccaderSpace, "mobilenet_v2": MobileNetSpace, "shufflenet_v2": ShuffleNetSpace}
