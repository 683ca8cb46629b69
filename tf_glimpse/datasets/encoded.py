"""Sources over encoded images (files or bytes): every image is checked once, and kept decoded where the set is small enough."""

import dataclasses
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tf_glimpse.datasets.decode import decode_image, image_header, size_pair
from tf_glimpse.datasets.sources import ImageSource, array_source
from tf_glimpse.types import UserError

DEFAULT_SIZE = 128  # pixels a side, for sets of mixed sizes
CACHE_BYTES = 2 * 2**30  # a split up to here is held decoded
_LONG_SCAN = 2000  # images from where on a progress bar shows


def encoded_sources(splits, image_size=None, channels=None, skip_corrupt=False, checked=False):
    """Sources that all give the same image shape.

    Args:
        splits: dict of name -> (a sequence of encoded images: paths or bytes, labels int `[N]`).
        image_size: (H, W), or an int for squares; None keeps the images' own size if all have the same one, else means 128.
        channels: 1, 3, or None: 1 if every image is stored grey, else 3.
        skip_corrupt: leave out images that cannot be decoded, instead of raising.
        checked: whether all are known to be whole; a split too large to be held is then not decoded to find out; where size and channels
            are given, no image is read before it is wanted.

    Returns:
        (dict of name -> `ImageSource`, how many images were left out).

    Raises:
        UserError: an image cannot be decoded (named), or a split has no readable image.
    """
    size = size_pair(image_size)
    if checked and size and channels and not skip_corrupt:
        return {name: _decoded_source(name, *split, (*size, channels), size, checked) for name, split in splits.items()}, 0
    # A torn image may have a whole header, and an image that is left out must not decide the common shape.
    read_shape = (lambda image: decode_image(image).shape) if skip_corrupt else image_header
    readable, shapes = {}, []
    for name, (items, labels) in splits.items():
        found = _scan(items, read_shape, f"{name}: reading sizes", skip_corrupt)
        kept = [position for position, shape in enumerate(found) if shape is not None]
        if not kept:
            raise UserError(f"the {name} split has no readable image")
        shapes += [found[position] for position in kept]
        readable[name] = _Kept(items, kept), np.asarray(labels)[kept]
    shape, size = _common_shape(shapes, size, channels)
    sources = {name: _decoded_source(name, *split, shape, size, checked or skip_corrupt) for name, split in readable.items()}
    return sources, sum(len(items) for items, _ in splits.values()) - len(shapes)


class _Kept(Sequence):
    """The items at some positions, none of which is read before it is asked for."""

    def __init__(self, items, positions):
        self.items, self.positions = items, positions

    def __len__(self):
        return len(self.positions)

    def __getitem__(self, index):
        return self.items[self.positions[index]]


def _common_shape(shapes, size, channels):
    """(H, W, C) of all images, and the size to pass to `decode_image` (None: as they are)."""
    sizes = {shape[:2] for shape in shapes}
    channels = channels or max(shape[2] for shape in shapes)
    if size is None and len(sizes) == 1:
        return (*sizes.pop(), channels), None
    size = size or (DEFAULT_SIZE, DEFAULT_SIZE)
    return (*size, channels), size


def _decoded_source(name, items, labels, shape, size, checked):
    files = tuple(f"{item.parent.name}/{item.name}" for item in items) if isinstance(items[0], Path) else None

    def decode(item):
        return decode_image(item, shape[2], size)

    if len(items) * np.prod(shape) <= CACHE_BYTES:
        images = np.stack(_scan(items, decode, f"{name}: reading images"))
        return dataclasses.replace(array_source(images, labels), files=files)
    if not checked:  # Pillow finds a truncated file only by decoding all of it
        _scan(items, lambda item: decode(item) is not None, f"{name}: checking images")

    def decode_batch(indices):
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            return np.stack(list(threads.map(lambda index: decode(items[index]), indices)))

    def fetch(indices):
        return tf.ensure_shape(tf.numpy_function(decode_batch, [indices], tf.uint8), [None, *shape])

    return ImageSource(np.asarray(labels, np.int64), shape, fetch, files)


def _scan(items, read, description, skip_corrupt=False):
    """`read` of every item, on all cores; None for one that cannot be read, where that is allowed."""

    def read_or_none(item):
        try:
            return read(item)
        except UserError as error:
            if skip_corrupt:
                return None
            raise UserError(f"{error}; remove it, or leave out such files with skip_corrupt=True (--skip-corrupt)") from None

    quiet = None if len(items) >= _LONG_SCAN else True
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found = threads.map(lambda index: read_or_none(items[index]), range(len(items)))
        return list(tqdm(found, desc=description, total=len(items), disable=quiet, leave=False))
