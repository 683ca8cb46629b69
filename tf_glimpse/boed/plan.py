"""The plan that sequences are made by: all that they depend on, as it stands in their folder."""

import dataclasses
import hashlib
import pathlib

import numpy as np

from tf_glimpse.files import claim, damaged, read_json
from tf_glimpse.types import AnyPath, UserError

_NOTE = "plan.json"


@dataclasses.dataclass(frozen=True)
class Plan:
    """All that sequences depend on; two folders of equal plans hold equal sequences.

    Attributes:
        data: name of the data, and `fingerprint` of its splits and labels.
        image_shape: [H, W, C].
        against_rest: the number of the class to tell from the rest, or None for all classes.
        patch_size: pixels of a glimpse's side.
        num_glimpses: T.
        grid: [h, w] of candidates.
        count: how many images of the training split, drawn at random.
        samples: N, completions an image and look.
        first_samples: N of the first glimpse, which is computed once.
        completions: their "kind", and its options as `Completer.planned` returns them, such as the "digest" of a bank that was taken.
        posterior: keyword arguments of `train_posterior`, or the "digest" of the file that was taken.
        shard_size: sequences a shard.
        seed: of everything drawn.
    """

    data: str
    fingerprint: str
    image_shape: list
    against_rest: int | None
    patch_size: int
    num_glimpses: int
    grid: list
    count: int
    samples: int
    first_samples: int
    completions: dict
    posterior: dict
    shard_size: int
    seed: int

    @property
    def shard_lengths(self) -> list[int]:
        """How many sequences each shard holds."""
        return [min(self.shard_size, self.count - start) for start in range(0, self.count, self.shard_size)]

    def positions(self, num_images: int) -> np.ndarray:
        """Positions `[count]` of the images in the training split, ascending; those of a smaller count are among those of a larger."""
        return np.sort(np.random.default_rng(self.seed).permutation(num_images)[: self.count])

    def shard_positions(self, shard: int, num_images: int) -> np.ndarray:
        return self.positions(num_images)[shard * self.shard_size : (shard + 1) * self.shard_size]


def claim_folder(folder, plan):
    """Writes the plan into an empty folder, or compares it with the one there.

    Raises:
        UserError: another plan or other things in the folder; nothing is overwritten.
    """
    claim(folder, _NOTE, "sequences", dataclasses.asdict(plan), lambda _: dataclasses.asdict(read_plan(folder)))


def read_plan(folder: AnyPath) -> Plan | None:
    """The `Plan` in a folder, or None.

    Raises:
        UserError: a damaged one.
    """
    file = pathlib.Path(folder) / _NOTE
    if not file.exists():
        return None
    settings = read_json(file)
    try:
        return Plan(**(settings if isinstance(settings.get("completions"), dict) else _grouped(**settings)))
    except TypeError as error:
        raise damaged(file, error) from error


def _grouped(completions, bank, vae=None, **others):
    """The settings of a plan from before completions were one dict, when their options stood beside the kind's name."""
    return {**others, "completions": {"kind": completions, **bank, **(vae or {})}}


def check_options(what, options, known):
    """Refuses options of other names, and the path of what is there already beside how to make it.

    Args:
        what: whose options they are, in words.
        options: a dict.
        known: the names that there are.

    Raises:
        UserError: says what was expected and what came.
    """
    unknown = [name for name in options if name not in known]
    if unknown:
        raise UserError(f"{what} expects {', '.join(known) or 'no options'}. Received: {', '.join(unknown)}")
    if "path" in options and len(options) > 1:
        raise UserError(f"{what} expects a path to one already there, or how to make one. Received: {options}")


def digest(file):
    """16 hex digits of what a file, a `pathlib.Path`, holds."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
