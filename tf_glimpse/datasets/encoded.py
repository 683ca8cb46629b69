"""Sources over encoded images (files or bytes): every image is checked once, and kept decoded where the set is small enough."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tf_glimpse.datasets.decode import decode_image, image_header
from tf_glimpse.datasets.sources import ImageSource, array_source
from tf_glimpse.types import UserError

DEFAULT_SIZE = 128  # pixels a side, for sets of mixed sizes
CACHE_BYTES = 2 * 2**30  # a split up to here is held decoded
_LONG_SCAN = 2000  # images from where on a progress bar shows


def encoded_sources(splits, image_size=None, channels=None, skip_corrupt=False):
    """Sources that all give the same image shape.

    Args:
        splits: dict of name -> (encoded images: paths or bytes, labels int `[N]`).
        image_size: pixels a side; None keeps the images' own size if all have the same one, else means 128.
        channels: 1, 3, or None: 1 if every image is stored grey, else 3.
        skip_corrupt: leave out images that cannot be decoded, instead of raising.

    Returns:
        (dict of name -> `ImageSource`, how many images were left out).

    Raises:
        UserError: an image cannot be decoded (named), or a split has no readable image.
    """
    headers, skipped = {}, 0
    for name, (items, labels) in splits.items():
        found = _scan(items, image_header, f"{name}: reading sizes", skip_corrupt)
        headers[name] = [header for header in found if header is not None]
        kept = [header is not None for header in found]
        splits = {**splits, name: ([item for item, keep in zip(items, kept, strict=True) if keep], np.asarray(labels)[kept])}
        skipped += len(items) - len(headers[name])
    shape, size = _common_shape([header for found in headers.values() for header in found], image_size, channels)
    sources = {}
    for name, (items, labels) in splits.items():
        sources[name] = _decoded_source(name, items, labels, shape, size, skip_corrupt)
        skipped += len(items) - len(sources[name])
    return sources, skipped


def _common_shape(headers, image_size, channels):
    """(H, W, C) of all images, and the size to pass to `decode_image` (None: as they are)."""
    sizes = {header[:2] for header in headers}
    channels = channels or max((header[2] for header in headers), default=1)
    if image_size is None and len(sizes) == 1:
        return (*sizes.pop(), channels), None
    size = image_size or DEFAULT_SIZE
    return (size, size, channels), size


def _decoded_source(name, items, labels, shape, size, skip_corrupt):
    def decode(item):
        return decode_image(item, shape[2], size)

    cached = len(items) * np.prod(shape) <= CACHE_BYTES
    # Pillow finds a truncated file only by decoding all of it, so each image is decoded once even where none is kept.
    images = _scan(items, decode if cached else lambda item: decode(item) is not None, f"{name}: reading images", skip_corrupt)
    kept = [position for position, image in enumerate(images) if image is not None]
    if not kept:
        raise UserError(f"the {name} split has no readable image")
    if cached:
        return array_source(np.stack([images[position] for position in kept]), labels[kept])
    items = [items[position] for position in kept]

    def decode_batch(indices):
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            return np.stack(list(threads.map(lambda index: decode(items[index]), indices)))

    def fetch(indices):
        return tf.ensure_shape(tf.numpy_function(decode_batch, [indices], tf.uint8), [None, *shape])

    return ImageSource(np.asarray(labels[kept], np.int64), shape, fetch)


def _scan(items, read, description, skip_corrupt):
    """`read` of every item; None for one that cannot be read, where that is allowed."""

    def read_or_none(item):
        try:
            return read(item)
        except UserError as error:
            if skip_corrupt:
                return None
            raise UserError(f"{error}; remove it, or leave out such files with skip_corrupt=True (--skip-corrupt)") from None

    return [read_or_none(item) for item in tqdm(items, desc=description, disable=None if len(items) >= _LONG_SCAN else True, leave=False)]
