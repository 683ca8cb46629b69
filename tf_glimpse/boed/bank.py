"""A bank of images on disk with a PCA index: which of them look like an image of which only some pixels are known?"""

from __future__ import annotations

import functools
import hashlib
import json
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tf_glimpse.files import is_claimed, read_json, write_whole
from tf_glimpse.types import AnyPath, Array, UserError

if TYPE_CHECKING:
    from tf_glimpse.datasets.sources import ImageSource

_NOTE = "bank.json"
_FITTED_ON = 10_000  # images that the principal components are found from
_CODED_AT_ONCE = 2_000
_COMPARED = 50  # images of a bank with those they are said to be


class Bank:
    """Images in one folder, memory-mapped, so that a bank larger than memory works and several processes share it.

    Args:
        folder: as `build_bank` made it.

    Attributes:
        images: uint8 `[M, H, W, C]`.
        labels: int64 `[M]`.
        origins: int64 `[M]`, the number of the image that each was made from; a mirrored copy has its original's.
        codes: float32 `[M, D]`, coordinates along the principal components.

    Raises:
        UserError: no bank there, or a damaged one.
    """

    def __init__(self, folder: AnyPath) -> None:
        folder = pathlib.Path(folder).expanduser()
        if not (folder / _NOTE).exists():
            raise UserError(f"No bank in {folder}. Expected a folder that build_bank made.")
        self.folder = folder
        try:
            files = {
                name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("images", "labels", "origins", "codes", "basis", "mean")
            }
        except (ValueError, OSError, EOFError) as error:
            raise UserError(f"the bank in {folder} is damaged ({error}); delete it and build it again.") from error
        self.images, self.labels, self.origins, self.codes = (files[name] for name in ("images", "labels", "origins", "codes"))
        self._basis, self._mean = np.asarray(files["basis"]), np.asarray(files["mean"])

    def __len__(self):
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(H, W, C)."""
        return self.images.shape[1:]

    @functools.cached_property
    def class_counts(self) -> np.ndarray:
        """How many images of each class, `[K]`."""
        return np.bincount(self.labels)

    def nearest(self, image: np.ndarray, mask: np.ndarray, count: int) -> np.ndarray:
        """The `count` images whose known pixels are nearest by the index, in no particular order.

        The squared distance over known pixels of a point of the principal subspace is a quadratic form of its coordinates, so that the
        search never touches the images themselves.

        Args:
            image: `[H, W, C]` float 0-1; only known pixels count.
            mask: `[H, W, 1]`, 1 where a pixel is known.
            count: at most as many as there are images.

        Returns:
            int64 `[count]`.
        """
        if count >= len(self):
            return np.arange(len(self))
        known = np.broadcast_to(mask > 0, image.shape).reshape(-1)
        basis, target = self._basis[:, known], (image.reshape(-1) - self._mean)[known]
        # with a @ a.T = basis @ basis.T, of no more columns than there are pixels or components
        values, vectors = np.linalg.eigh(basis @ basis.T)
        kept = values > 1e-6 * values[-1]
        half = (vectors[:, kept] * np.sqrt(values[kept])).astype(np.float32)
        distances = np.square(self.codes @ half).sum(axis=1) - 2 * (self.codes @ (basis @ target).astype(np.float32))
        return np.argpartition(distances, count)[:count]

    def check(self, image_shape: Sequence[int], num_classes: int) -> None:
        """Refuses to complete images of another shape, or of classes that no image of the bank shows.

        Raises:
            UserError: says what was expected and what is there.
        """
        if tuple(image_shape) != tuple(self.image_shape):
            raise UserError(f"the bank in {self.folder} holds images of shape {self.image_shape}, expected {tuple(image_shape)}")
        missing = sorted(set(range(num_classes)) - set(np.flatnonzero(self.class_counts).tolist()))
        if missing:
            raise UserError(f"the bank in {self.folder} has no image of class {', '.join(map(str, missing))} of {num_classes}; add some")

    def check_origins(self, source: ImageSource) -> None:
        """Refuses a bank whose origins number images of another set, as far as some of them tell.

        Args:
            source: of the training split that origins are positions in.

        Raises:
            UserError: an image or label that is not the one of its origin.
        """
        unmoved = np.flatnonzero(self.origins[: len(self) // self._copies] >= 0)
        rows = unmoved[:: max(1, len(unmoved) // _COMPARED)]
        places = self.origins[rows]
        if len(rows) and (
            places.max() >= len(source)
            or not np.array_equal(self.labels[rows], source.labels[places])
            or not np.array_equal(self.images[rows], source.fetch(places).numpy())
        ):
            raise UserError(f"the bank in {self.folder} is of other images than this training split; generated ones have the origin -1")

    @property
    def _copies(self):
        """How many times each image is there, moved or not; the first are not."""
        facts = read_json(self.folder / _NOTE, "flips", "shifts")
        return len(_moves(facts["flips"], facts["shifts"]))


def build_bank(
    folder: AnyPath,
    images: np.ndarray,
    labels: Array,
    *,
    origins: Array | None = None,
    flips: bool = False,
    shifts: int = 0,
    components: int = 64,
    seed: int = 0,
) -> Bank:
    """Writes images and their PCA index once into a folder, whole or not at all; an existing bank is opened if it is of the same images.

    Args:
        folder: where to.
        images: uint8 `[M, H, W, C]`; generated ones may stand among them.
        labels: int `[M]`.
        origins: int `[M]`, numbers that tell images apart, -1 for one that nobody asks about (a generated one); 0 to M - 1 if None.
        flips: whether to add every image's mirror image.
        shifts: add copies moved by so many pixels up, down, left and right; 0 for none.
        components: D, principal components of the index, as far as there are so many.
        seed: int, of the images that they are found from.

    Returns:
        a `Bank`.

    Raises:
        UserError: no images, labels that do not fit, or another bank or other things in the folder.
    """
    folder = pathlib.Path(folder).expanduser()
    images, labels = np.asarray(images), np.asarray(labels, np.int64)
    moves = _moves(flips, shifts)
    if len(images) * len(moves) < 2 or images.dtype != np.uint8 or images.ndim != 4 or labels.shape != (len(images),):
        raise UserError(
            f"a bank expects at least two uint8 images [M, H, W, C] and M labels. Received: {images.dtype} {images.shape}, {labels.shape}"
        )
    origins = np.arange(len(images)) if origins is None else np.asarray(origins, np.int64)
    facts = {"count": len(images) * len(moves), "shape": list(images.shape[1:]), "flips": flips, "shifts": shifts, "components": components}
    facts |= {"seed": seed, "digest": _digest(images, labels, origins)}
    try:
        if not is_claimed(folder, _NOTE, "a bank", facts):
            write_whole(folder, lambda part: _write(part, images, labels, origins, moves, facts))
    except OSError:
        if not is_claimed(folder, _NOTE, "a bank", facts):  # else another process was faster
            raise
    return Bank(folder)


def _digest(*arrays):
    """16 hex digits of all values."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array))
    return found.hexdigest()[:16]


def _write(folder, images, labels, origins, moves, facts):
    """A whole bank in a new folder, its facts last."""
    folder.mkdir()
    pixels = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (facts["count"], *images.shape[1:]))
    for number, move in enumerate(moves):
        pixels[number * len(images) : (number + 1) * len(images)] = move(images)
    pixels.flush()
    np.save(folder / "labels.npy", np.tile(labels, len(moves)))
    np.save(folder / "origins.npy", np.tile(origins, len(moves)))
    _index(folder, pixels, facts["components"], facts["seed"])
    (folder / _NOTE).write_text(json.dumps(facts) + "\n")  # byte for byte as ever: plans keep the digest


def _moves(flips, shifts):
    """Functions of images `[M, H, W, C]`, the first of which does nothing."""
    offsets = [(0, 0), *([(shifts, 0), (-shifts, 0), (0, shifts), (0, -shifts)] if shifts else [])]
    steps = [slice(None), slice(None, None, -1)] if flips else [slice(None)]
    return [functools.partial(_moved, offset=offset, columns=columns) for columns in steps for offset in offsets]


def _moved(images, offset, columns):
    """Images moved by whole pixels, zeros coming in, then perhaps mirrored."""
    height, width = images.shape[1:3]
    (down, right), reach = offset, max(map(abs, offset))
    padded = np.pad(images, [(0, 0), (reach, reach), (reach, reach), (0, 0)]) if reach else images
    return padded[:, reach - down : reach - down + height, reach - right : reach - right + width][:, :, columns]


def _index(folder, images, components, seed):
    """Writes mean `[H*W*C]`, basis `[D, H*W*C]` and every image's coordinates `[M, D]`."""
    from sklearn.decomposition import PCA

    chosen = np.sort(np.random.default_rng(seed).permutation(len(images))[:_FITTED_ON])
    sample = images[chosen].reshape(len(chosen), -1).astype(np.float32) / 255
    analysis = PCA(min(components, *sample.shape), svd_solver="randomized", random_state=seed).fit(sample)
    codes = np.lib.format.open_memmap(folder / "codes.npy", "w+", np.float32, (len(images), analysis.n_components_))
    for start in range(0, len(images), _CODED_AT_ONCE):
        block = images[start : start + _CODED_AT_ONCE].reshape(-1, sample.shape[1]).astype(np.float32) / 255
        codes[start : start + len(block)] = (block - analysis.mean_) @ analysis.components_.T
    codes.flush()
    np.save(folder / "basis.npy", analysis.components_.astype(np.float32))
    np.save(folder / "mean.npy", analysis.mean_.astype(np.float32))
