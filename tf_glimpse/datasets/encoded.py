"""Sources over encoded images (files or bytes): every image is checked once, and kept decoded where the set is small enough."""

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tf_glimpse.datasets.decode import decode_image, image_header, read_image, size_pair
from tf_glimpse.datasets.notes import channel_notes, level_notes, listed, skipped_note
from tf_glimpse.datasets.sources import ImageSource, array_source
from tf_glimpse.types import UserError

DEFAULT_SIZE = 128  # pixels a side, for sets of mixed sizes
CACHE_BYTES = 2 * 2**30  # a split up to here is held decoded
_LONG_SCAN = 2000  # images from where on a progress bar shows


class Encoded(NamedTuple):
    """A split's encoded images: a sequence of paths or bytes, labels int `[N]`, and N names "CLASS/name" or None."""

    items: Any
    labels: Any
    files: tuple | None = None


class _Scanned(NamedTuple):
    """What decoding an image for the first time told: `Decoded` without its pixels, which `kept` has where they are to be held."""

    kept: Any
    digest: bytes
    decoded: Any


def encoded_sources(splits, image_size=None, channels=None, skip_corrupt=False, checked=False, white_level=None):
    """Sources that all give the same image shape.

    Args:
        splits: dict of name -> `Encoded`.
        image_size: (H, W), or an int for squares; None keeps the images' own size if all have the same one, else means 128.
        channels: 1, 3, 4, or None: 1 if every image is stored grey, else 3.
        skip_corrupt: leave out images that cannot be decoded, instead of raising.
        checked: whether all are known to be whole; a split too large to be held is then not decoded to find out; where size and channels
            are given, no image is read before it is wanted.
        white_level: as for `decode_image`.

    Returns:
        (dict of name -> `ImageSource`, how many images were left out, a list of what the user should know, a line each).

    Raises:
        UserError: images that cannot be decoded (all of them named), or a split without a readable image.
    """
    splits, size = {name: Encoded(*split) for name, split in splits.items()}, size_pair(image_size)
    if checked and size and channels and not skip_corrupt:
        return {name: _streamed(split, (*size, channels), size, white_level) for name, split in splits.items()}, 0, []
    headers, broken = _scan_all(splits, image_header, "reading sizes")
    if not skip_corrupt and any(len(broken[name]) == len(headers[name]) > 0 for name in splits):
        raise _undecodable(splits, broken)
    while True:
        shape, fitted = _common_shape(splits, headers, size, channels, broken)
        sources, scans, torn = _decoded_sources(splits, broken, shape, fitted, checked and not skip_corrupt, white_level)
        if not torn:
            break
        broken = {name: broken[name] | torn.get(name, {}) for name in splits}  # what is left out must not decide the common shape
        if not skip_corrupt:
            raise _undecodable(splits, broken)
    if not skip_corrupt and any(broken.values()):
        raise _undecodable(splits, broken)
    sources = _with_copies(sources, scans)
    seen = [scan for scanned in scans.values() for scan in scanned]
    grey = [headers[name][place].channels == 1 for name in splits for place in range(len(headers[name])) if place not in broken[name]]
    notes = [*channel_notes(seen, grey, shape[2]), *level_notes(seen, white_level)]
    skipped = sum(map(len, broken.values()))
    return sources, skipped, [*([skipped_note(_errors(broken))] if skipped else []), *notes]


def _scan_all(splits, read, description):
    """(dict of split -> what `read` gave of each image, None where it failed; dict of split -> {place: error})."""
    found, broken = {}, {}
    for name, split in splits.items():
        answers = _scan(split.items, read, f"{name}: {description}")
        broken[name] = {place: answer for place, answer in enumerate(answers) if isinstance(answer, UserError)}
        found[name] = [None if place in broken[name] else answer for place, answer in enumerate(answers)]
    return found, broken


def _common_shape(splits, headers, size, channels, broken):
    """(H, W, C) of all readable images, and the size to pass to `decode_image` (None: as they are)."""
    readable = {name: [header for place, header in enumerate(headers[name]) if place not in broken[name]] for name in splits}
    for name, found in readable.items():
        if not found:
            why = listed(broken[name].values(), most=1, joint="; ")
            raise UserError(f"the {name} split has no readable image: {why or 'it is empty'}")
    found = [header for headers in readable.values() for header in headers]
    sizes = {header[:2] for header in found}
    channels = channels or max(header.channels for header in found)
    if size is None and len(sizes) == 1:
        return (*sizes.pop(), channels), None
    size = size or (DEFAULT_SIZE, DEFAULT_SIZE)
    return (*size, channels), size


def _decoded_sources(splits, broken, shape, size, checked, white_level):
    """(sources of what is not broken, dict of split -> `_Scanned` of each, dict of split -> {place: error} of what could not be decoded).

    A split that is too large to be held, and known to be whole, is not scanned.
    """
    sources, scans, torn = {}, {}, {}
    for name, split in splits.items():
        places = [place for place in range(len(split.items)) if place not in broken[name]]
        files = split.files and tuple(split.files[place] for place in places)
        split = Encoded(_Kept(split.items, places), np.asarray(split.labels)[places], files)
        held = len(places) * np.prod(shape) <= CACHE_BYTES
        if checked and not held:
            sources[name] = _streamed(split, shape, size, white_level)
            continue
        answers = _scan(split.items, _scanner(shape, size, white_level, held), f"{name}: reading images")
        if failed := {place: answer for place, answer in zip(places, answers, strict=True) if isinstance(answer, UserError)}:
            torn[name] = failed
            continue
        sources[name] = _held(split, answers) if held else _streamed(split, shape, size, white_level)
        scans[name] = [scan._replace(kept=None) for scan in answers]
    return sources, scans, torn


def _scanner(shape, size, white_level, held):
    def scan(item):
        decoded = read_image(item, shape[2], size, white_level)
        if decoded.pixels.shape != shape:
            raise UserError(f"cannot decode '{item}': its header says {shape}, its pixels are {decoded.pixels.shape}")
        digest = hashlib.blake2b(np.ascontiguousarray(decoded.pixels), digest_size=16).digest()
        return _Scanned(decoded.pixels if held else None, digest, decoded._replace(pixels=None))

    return scan


def _held(split, scans):
    return dataclasses.replace(array_source(np.stack([scan.kept for scan in scans]), split.labels), files=split.files)


def _streamed(split, shape, size, white_level):
    def decode_batch(indices):
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            return np.stack(list(threads.map(lambda index: decode_image(split.items[index], shape[2], size, white_level), indices)))

    def fetch(indices):
        return tf.ensure_shape(tf.numpy_function(decode_batch, [indices], tf.uint8), [None, *shape])

    return ImageSource(np.asarray(split.labels, np.int64), shape, fetch, split.files)


def _with_copies(sources, scans):
    """The sources with their `copies`, if every split was scanned."""
    if scans.keys() != sources.keys():
        return sources
    _, numbers = np.unique([np.void(scan.digest) for name in sources for scan in scans[name]], return_inverse=True)
    ends = np.cumsum([len(scans[name]) for name in sources])[:-1]
    parts = np.split(numbers.astype(np.int64), ends)
    return {name: dataclasses.replace(source, copies=part) for (name, source), part in zip(sources.items(), parts, strict=True)}


def _undecodable(splits, broken):
    errors, remedy = _errors(broken), "or leave out such files with `skip_corrupt=True`"
    if len(errors) == 1:
        return UserError(f"{errors[0]}; remove it, {remedy}")
    count = sum(len(split.items) for split in splits.values())
    reasons = listed([error.removeprefix("cannot decode ") for error in errors], most=100, joint="; ")
    return UserError(f"cannot decode {len(errors)} of {count} images: {reasons}; remove them, {remedy}")


def _errors(broken):
    return [str(error) for errors in broken.values() for _, error in sorted(errors.items())]


class _Kept(Sequence):
    """The items at some positions, none of which is read before it is asked for."""

    def __init__(self, items, positions):
        self.items, self.positions = items, positions

    def __len__(self):
        return len(self.positions)

    def __getitem__(self, index):
        return self.items[self.positions[index]]


def _scan(items, read, description):
    """`read` of every item, on all cores; the `UserError` of one that it refuses."""

    def read_or_refused(item):
        try:
            return read(item)
        except UserError as error:
            return error

    quiet = None if len(items) >= _LONG_SCAN else True
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found = threads.map(lambda index: read_or_refused(items[index]), range(len(items)))
        return list(tqdm(found, desc=description, total=len(items), disable=quiet, leave=False))
