"""Encoded images to arrays, by Pillow: the one decoder for folders, data sets and the command line."""

import functools
import io
import os
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageFile, ImageOps

from tf_glimpse.datasets.levels import deep_values, image_of, is_deep_colour, raw_mode, white_of
from tf_glimpse.types import AnyPath, UserError

_GREY_MODES = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_UNREAD = {"EPS", "MPEG"}  # Pillow calls a program for the one, and knows nothing but the size of the other
_ORIENTATION = 0x0112  # EXIF tag
_SAMPLES = 277  # TIFF tag: values a pixel
_TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)


class Decoded(NamedTuple):
    """An image as a model sees it, and what of its file that does not show.

    Attributes:
        pixels: `[H, W, C]` uint8.
        see_through: whether a part of it is transparent, which the pixels do not tell.
        more_bands: whether the file has values beyond its colours and alpha, such as near infrared.
        highest: the highest value of a file of more than 8 bits, where it was read whole; else None.
        white: the value of such a file that became 255.
    """

    pixels: Any
    see_through: bool = False
    more_bands: bool = False
    highest: float | None = None
    white: float | None = None


class Header(NamedTuple):
    """What the beginning of a file tells: the height and width that `decode_image` will return, and its channels by default (1 or 3)."""

    height: int
    width: int
    channels: int


def decode_image(
    image: bytes | AnyPath, channels: int | None = None, size: int | Sequence[int] | None = None, white_level: float | None = None
) -> np.ndarray:
    """Decodes a JPEG or PNG (or whatever else Pillow reads): grey, RGB, RGBA, palette, CMYK; turned upright as its EXIF says.

    Of a film the first frame is taken. Transparent parts show the colours that the file has there, except a GIF's, which are black, as
    TensorFlow decodes them. 16 bits become 8 by their upper byte, as in `tf.io.decode_image`. Float files and 32-bit TIFFs are
    scaled by their highest value: up to 1 (floats), 255 or 65535, whichever it does not exceed.

    Args:
        image: encoded bytes, or a path.
        channels: 1 (grey), 3 (RGB), 4 (RGB and alpha), or None: 1 if the image is stored grey, else 3.
        size: None keeps the image's size. (H, W), or an int for a square: the image is resized, aspect kept, until it just covers that,
            and its centre is cropped.
        white_level: the value that is white in files of more than 8 bits, such as 4095 for 12 bits stored in 16; higher values become
            white too. None reads them as said above.

    Returns:
        `[H, W, channels]` uint8.

    Raises:
        UserError: no readable image, a truncated one, or one with negative values or NaN (names the file); a size below 1.
    """
    return read_image(image, channels, size, white_level).pixels


def read_image(image, channels=None, size=None, white_level=None):
    """`decode_image`, with what the pixels do not tell: a `Decoded`."""
    size = size_pair(size)
    try:
        with _opened(image) as opened:
            orientation, more_bands = _orientation(opened), _has_more_bands(opened)
            if more_bands and channels == 4:
                raise UserError("of its bands only red, green and blue can be read, unless its fourth is marked as alpha")
            channels = channels or _channels(opened)
            picture, highest, white = _levelled(opened, lambda: _opened(image), white_level)
            picture = picture.transpose(_TO_UPRIGHT[orientation]) if orientation in _TO_UPRIGHT else picture
            picture = _coloured(picture, opened.format, channels)
            see_through = channels != 4 and "A" in picture.getbands() and picture.getchannel("A").getextrema()[0] < 255
            return Decoded(_fitted(picture, channels, size), see_through, more_bands, highest, white)
    except _DECODE_ERRORS as error:
        raise _unreadable(image, error) from None


def image_header(image):
    """The `Header` of an encoded image (bytes or path), read without decoding it.

    Raises:
        UserError: no readable image; names the file.
    """
    try:
        with _opened(image) as opened:
            width, height = opened.size
            turned = _orientation(opened) in (5, 6, 7, 8)
            channels = _channels(opened)
    except _DECODE_ERRORS as error:
        raise _unreadable(image, error) from None
    return Header(width, height, channels) if turned else Header(height, width, channels)


def size_pair(size):
    """(height, width) of an image size: a pair, or an int for a square. None stays None.

    Raises:
        UserError: anything else.
    """
    if size is None:
        return None
    sides = np.asarray(size)
    if sides.shape not in ((), (2,)) or not np.issubdtype(sides.dtype, np.integer) or sides.min() < 1:
        raise UserError(f"image_size must be at least 1 pixel, one number or (height, width), got {size}")
    return tuple(np.broadcast_to(sides, 2).tolist())


@functools.cache
def readable_formats():
    """Names of the formats that Pillow decodes by itself, JPEG and PNG first."""
    Image.init()
    readers = {name: factory for name, (factory, _) in Image.OPEN.items() if name not in _UNREAD}
    stubs = {name for name, reader in readers.items() if isinstance(reader, type) and issubclass(reader, ImageFile.StubImageFile)}
    return tuple(sorted(readers.keys() - stubs, key=lambda name: (name not in ("JPEG", "PNG"), name)))


@functools.cache
def readable_endings():
    """The endings of files in these formats, in lower case, each with its dot."""
    formats = readable_formats()
    return frozenset(ending for ending, name in Image.registered_extensions().items() if name in formats)


def _opened(image):
    if not isinstance(image, bytes) and os.path.exists(image) and not os.path.isfile(image):
        raise UserError("it is no regular file")  # a pipe would never answer
    return Image.open(io.BytesIO(image) if isinstance(image, bytes) else os.fspath(image), formats=readable_formats())


def _orientation(opened):
    """1 to 8, by a JPEG's Exif or a PNG's eXIf, before the pixels or behind. XMP is left out, as the exported model cannot read it."""
    exif, stored = Image.Exif(), opened.info.get("exif", b"")
    exif.load(stored if stored or opened.format != "PNG" else _png_chunk(opened.fp, b"eXIf"))
    return exif.get(_ORIENTATION, 1)


def _png_chunk(file, kind):
    """What a PNG's first chunk of a kind holds, wherever it lies; nothing is decoded, and the file stays where it was."""
    before, place = file.tell(), 8
    try:
        while True:
            file.seek(place)
            head = file.read(8)
            length = int.from_bytes(head[:4], "big")
            if head[4:] in (kind, b"IEND", b""):
                return file.read(length) if head[4:] == kind else b""
            place += 12 + length
    finally:
        file.seek(before)


def _has_more_bands(opened):
    samples = opened.tag_v2.get(_SAMPLES, 1) if opened.format == "TIFF" else 1
    return samples > len(opened.getbands()) and opened.mode != "P"


def _channels(opened):
    return 1 if opened.mode in _GREY_MODES or raw_mode(opened).startswith("LA;") else 3


def _levelled(opened, reopen, white_level):
    """(the image with 8 bits a value, the highest value of one that had more or None, the value that became 255 or None)."""
    if opened.mode[0] not in "IF" and white_level is None:
        raw = raw_mode(opened)
        opened.load()
        if not is_deep_colour(raw):
            return opened, None, None
        highest = max(high for _, high in np.reshape(opened.getextrema(), [-1, 2])[: len(raw.partition(";")[0].rstrip("AaX"))])
        return opened, int(highest) * 256 + 255, 65535  # the lower bytes are not read: at most so high
    values = deep_values(opened, reopen)
    if values is None:
        opened.load()
        return opened, None, None
    white = white_of(values, opened.format == "TIFF", white_level)
    return image_of(values, white), values.max(initial=0).item(), white


def _coloured(picture, file_format, channels):
    """The picture as grey or RGB, with alpha where the file has it."""
    if "transparency" in picture.info:
        picture = picture.convert("RGBA")  # otherwise Pillow warns
        if file_format == "GIF":
            picture = Image.composite(picture, Image.new("RGBA", picture.size, "black"), picture.getchannel("A")).convert("RGB")
    grey = {"LA": "LA", "La": "LA", "PA": "RGBA", "RGBA": "RGBA", "RGBa": "RGBA"}
    return picture.convert(grey[picture.mode]) if picture.mode in grey else picture.convert("L" if channels == 1 else "RGB")


def _fitted(picture, channels, size):
    """`[H, W, channels]`; alpha is resized as the colours are, on its own, so that these do not depend on it."""
    if channels == 4:
        picture = picture.convert("RGBA")
        parts = (picture.convert("RGB"), picture.getchannel("A"))
    else:
        parts = (picture.convert(_MODES[channels]),)
    if size is not None and picture.size != size[::-1]:
        parts = [ImageOps.fit(part, size[::-1], method=Image.Resampling.BILINEAR) for part in parts]
    return np.concatenate([np.asarray(part).reshape(part.height, part.width, -1) for part in parts], axis=-1)


def _unreadable(image, error):
    name = f"the image sent ({len(image)} bytes)" if isinstance(image, bytes) else f"'{os.fspath(image)}'"
    if isinstance(error, FileNotFoundError):
        return UserError(f"no image at {name}")
    reason = "not an image that Pillow knows" if isinstance(error, Image.UnidentifiedImageError) else str(error)
    return UserError(f"cannot decode {name}: {reason}")
