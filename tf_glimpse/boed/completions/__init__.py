"""What might the image be, of which glimpses have shown a part? Each kind of completion is a class in a file here, and a row of `KINDS`.

An object of the class is called as `completer(images, masks, origins, count, seeds)` and returns `Completions`:

    images    float32 `[B, H, W, C]`, 0-1; a completer may look at known pixels only
    masks     float32 `[B, H, W, 1]`, 1 where a pixel is known
    origins   int64 `[B]`, numbers of the images, so that none is completed by itself; -1 for an image from elsewhere
    count     N, samples an image
    seeds     int64 `[B, 3]`, one an image, so that a sample does not depend on its batch mates

To add a kind, derive a class from `Completer` and give it a row, from anywhere:

    >>> import numpy as np
    >>> class Noise(Completer):
    ...     def __call__(self, images, masks, origins, count, seeds):
    ...         drawn = [np.random.default_rng(seed).integers(0, 256, [count, *images.shape[1:]]) for seed in seeds]
    ...         owners = np.repeat(np.arange(len(images), dtype=np.int32), count)
    ...         return Completions(np.concatenate(drawn).astype(np.uint8), np.full(len(owners), 1 / count, np.float32), owners)
    >>> KINDS["noise"] = Noise  # from now on: generate_sequences(..., completions={"kind": "noise"})
    >>> find_kind("noise") is KINDS.pop("noise")
    True
"""

from __future__ import annotations

import pathlib
import pkgutil
from typing import TYPE_CHECKING, Any, NamedTuple

from tf_glimpse.types import UserError

if TYPE_CHECKING:
    from tf_glimpse.boed.plan import Plan
    from tf_glimpse.datasets.sources import ImageData

# Name -> the class, or where it lies, so that reading the names loads no TensorFlow.
KINDS = {
    "retrieval": "tf_glimpse.boed.completions.retrieval:Retrieval",
    "vae": "tf_glimpse.boed.completions.vae:VAECompletions",
    "hmc": "tf_glimpse.boed.completions.hmc:HMCCompletions",
}


def find_kind(name):
    """The class of a kind.

    Raises:
        UserError: no such kind; names those that there are.
    """
    if name not in KINDS:
        raise UserError(f"completions expects a kind of {', '.join(KINDS)}. Received: {name!r}")
    return pkgutil.resolve_name(KINDS[name]) if isinstance(KINDS[name], str) else KINDS[name]


class Completions(NamedTuple):
    """Weighted samples of whole images, those of all images of a batch in one row, M in all.

    Attributes:
        images: uint8 `[M, H, W, C]`; known pixels need not agree with what was seen, the true ones are put over them.
        weights: float32 `[M]`, which add up to 1 for each image of the batch.
        owners: int32 `[M]`, whose completion each is, a position in the batch, ascending.
    """

    images: Any
    weights: Any
    owners: Any


class Completer:
    """A kind of completion that takes no options and needs nothing made before; what needs more says it here.

    Attributes:
        options: names of the keyword arguments that `planned` and `prepared` take.
    """

    options: tuple[str, ...] = ()

    @classmethod
    def planned(cls, data: ImageData, **options: Any) -> dict:
        """The options as a plan keeps them, checked before anything is made or written.

        Args:
            data: the `ImageData` whose training images get sequences.
            **options: some of those in `cls.options`.

        Returns:
            a dict that JSON can hold; equal ones mean equal completions. Of a path it keeps what lies there.

        Raises:
            UserError: options that do not fit the data.
        """
        return options

    @classmethod
    def prepared(cls, folder: pathlib.Path, data: ImageData, plan: Plan, **options: Any) -> Completer:
        """A completer; what it needs is made or trained once and kept in the folder, which no other process prepares meanwhile.

        Args:
            folder: a `pathlib.Path`, of the sequences.
            data: as for `planned`.
            plan: the `Plan`, with `patch_size`, `num_glimpses` and `seed`.
            **options: as given, not as the plan keeps them.
        """
        return cls(**options)
