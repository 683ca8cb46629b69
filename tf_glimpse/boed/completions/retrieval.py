"""Completions by retrieval: images of a bank that look like what is known."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_glimpse.boed.bank import Bank, build_bank
from tf_glimpse.boed.completions import Completer, Completions
from tf_glimpse.boed.plan import digest
from tf_glimpse.types import UserError

if TYPE_CHECKING:
    from tf_glimpse.boed.plan import Plan
    from tf_glimpse.datasets.sources import ImageData


class Retrieval(Completer):
    """Images of a bank, drawn by how likely the known pixels are under a Gaussian around them.

    The index proposes the nearest images, their likelihood is taken on all known pixels, and N are drawn from them. An image drawn twice
    is kept once with twice the weight, which is the same estimate for fewer passes of the network.

    Its options are "path", the folder of a bank already there, whose origins are positions in the training split, or -1; or "flips",
    "shifts" and "components" of `build_bank`, for one of the training images.

    Args:
        bank: a `Bank`.
        proposals: how many images the index proposes.
        stddev: of a pixel, in units of the full range.
        effective: the likelihood is flattened as far as needed for so many effective samples, or a few near twins would be all that is
            drawn once many pixels are known.

    Raises:
        UserError: numbers that are not above zero.

    Reference: Harvey et al. 2019, section 3 (probabilistic image retrieval); effective samples: Kong, Liu, Wong 1994.
    """

    options = ("path", "flips", "shifts", "components")

    def __init__(self, bank: Bank, proposals: int = 1000, stddev: float = 0.2, effective: float = 20) -> None:
        if min(proposals, stddev, effective) <= 0:
            raise UserError(f"Retrieval expects numbers above zero. Received: {proposals=}, {stddev=}, {effective=}")
        self.bank = bank
        self.proposals = proposals
        self.stddev = stddev
        self.effective = effective

    @classmethod
    def planned(cls, data: ImageData, **options: Any) -> dict:
        if "path" in options:
            bank = Bank(options["path"])
            bank.check(data.image_shape, data.num_classes)
            bank.check_origins(data.train)
            return {"digest": digest(bank.folder / "bank.json")}
        missing = sorted(set(range(data.num_classes)) - set(np.unique(data.train.labels).tolist()))
        if missing:
            classes = ", ".join(map(str, missing))
            raise UserError(f"a bank of {data.name}'s training images would lack class {classes}; add images, or pass the path of a bank")
        return options

    @classmethod
    def prepared(cls, folder: pathlib.Path, data: ImageData, plan: Plan, **options: Any) -> Retrieval:
        if "path" in options:
            return cls(Bank(options["path"]))
        images = data.train.fetch(np.arange(len(data.train))).numpy()
        return cls(build_bank(folder / "bank", images, data.train.labels, seed=plan.seed, **options))

    def __call__(self, images: np.ndarray, masks: np.ndarray, origins: np.ndarray, count: int, seeds: np.ndarray) -> Completions:
        drawn = [self._draw(*row, count) for row in zip(np.asarray(images), np.asarray(masks), origins, seeds, strict=True)]
        owners = np.repeat(np.arange(len(drawn), dtype=np.int32), [len(numbers) for numbers, _ in drawn])
        numbers, weights = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
        return Completions(self.bank.images[numbers], weights.astype(np.float32), owners)

    def _draw(self, image, mask, origin, seed, count):
        """(numbers of the different images drawn, their shares of the draws)."""
        random = np.random.default_rng(seed)
        if mask.any():
            own = np.count_nonzero(self.bank.origins == origin) if origin >= 0 else 0
            wanted = min(self.proposals + own, len(self.bank))
            found = np.sort(self.bank.nearest(image, mask, wanted))
        else:
            found = np.arange(len(self.bank))
        found = found[self.bank.origins[found] != origin] if origin >= 0 else found
        if not len(found):
            raise UserError(f"the bank in {self.bank.folder} holds nothing but image {origin} itself; add other images")
        shares = np.full(len(found), 1 / len(found))
        if mask.any():
            shares = flattened(-self._distances(found, image, mask) / (2 * self.stddev**2), self.effective)
        times = random.multinomial(count, shares)
        return found[times > 0], times[times > 0] / count

    def _distances(self, found, image, mask):
        """Squared distances `[n]` of the known pixels."""
        known = np.broadcast_to(mask > 0, image.shape)
        return np.square(self.bank.images[found][:, known].astype(np.float32) / 255 - image[known]).sum(axis=1)


def flattened(log_weights, effective):
    """Normalised weights from log-weights `[n]`, raised to the largest power of at most 1 that leaves so many effective samples.

    Effective samples are 1 / sum(w^2). Fewer weights than asked for come out equal.

    Example:
        >>> flattened(np.array([0.0, -1.0]), effective=1).round(3).tolist()
        [0.731, 0.269]
        >>> flattened(np.array([0.0, -50.0, -100.0]), effective=3).round(3).tolist()
        [0.333, 0.333, 0.333]
    """
    low, high = 0.0, 1.0
    if _effective(_softmax(log_weights)) >= effective:
        return _softmax(log_weights)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _effective(_softmax(middle * log_weights)) >= effective else (low, middle)
    return _softmax(low * log_weights)


def _softmax(log_weights):
    weights = np.exp(np.asarray(log_weights, np.float64) - np.max(log_weights))
    return weights / weights.sum()


def _effective(weights):
    return 1 / np.square(weights).sum()
