"""Encoded images to arrays, by Pillow: the one decoder for folders, data sets and the command line."""

import io
import os
import struct

import numpy as np
from PIL import Image, ImageOps

from tf_glimpse.types import UserError

_GREY_MODES = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
_ORIENTATION = 0x0112  # EXIF tag
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


def decode_image(image, channels=None, size=None):
    """Decodes a JPEG or PNG (or whatever else Pillow reads): grey, RGB, RGBA, palette, 16-bit; turned upright as its EXIF says.

    An alpha channel is dropped; 16 bits become 8 by their upper byte, as `tf.io.decode_image` does.

    Args:
        image: encoded bytes, or a path.
        channels: 1 (grey), 3 (RGB), or None: 1 if the image is stored grey, else 3.
        size: None keeps the image's size. (H, W), or an int for a square: the image is resized, aspect kept, until it just covers that,
            and its centre is cropped.

    Returns:
        `[H, W, channels]` uint8.

    Raises:
        UserError: no readable image, or a truncated one (names the file); a size below 1.
    """
    size = size_pair(size)
    try:
        with Image.open(_readable(image)) as opened:
            orientation = _orientation(opened)
            opened.load()
            upright = opened.transpose(_TO_UPRIGHT[orientation]) if orientation in _TO_UPRIGHT else opened
            return _to_array(upright, channels, size)
    except _DECODE_ERRORS as error:
        raise _unreadable(image, error) from None


def image_header(image):
    """(height, width, channels) of an encoded image (bytes or path) without decoding it, as `decode_image` will return it.

    Raises:
        UserError: no readable image; names the file.
    """
    try:
        with Image.open(_readable(image)) as opened:
            width, height = opened.size
            turned = _orientation(opened) in (5, 6, 7, 8)
            channels = 1 if opened.mode in _GREY_MODES else 3
    except _DECODE_ERRORS as error:
        raise _unreadable(image, error) from None
    return (width, height, channels) if turned else (height, width, channels)


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


def _orientation(opened):
    """1 to 8, by a JPEG's Exif or a PNG's eXIf before the pixels. XMP is left out, as the exported model cannot read it."""
    exif = Image.Exif()
    exif.load(opened.info.get("exif", b""))
    return exif.get(_ORIENTATION, 1)


def _to_array(image, channels, size):
    if image.mode.startswith(("I", "F")):
        levels = np.asarray(image)
        image = Image.fromarray((levels.astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    channels = channels or (1 if image.mode in _GREY_MODES else 3)
    if "transparency" in image.info:
        image = image.convert("RGBA")  # otherwise Pillow warns
    image = image.convert("L" if channels == 1 else "RGB")
    if size is not None and image.size != size[::-1]:
        image = ImageOps.fit(image, size[::-1], method=Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(image.height, image.width, channels)


def _readable(image):
    return io.BytesIO(image) if isinstance(image, bytes) else os.fspath(image)


def _unreadable(image, error):
    name = f"the image sent ({len(image)} bytes)" if isinstance(image, bytes) else f"'{os.fspath(image)}'"
    if isinstance(error, FileNotFoundError):
        return UserError(f"no image at {name}")
    reason = "not an image that Pillow knows" if isinstance(error, Image.UnidentifiedImageError) else str(error)
    return UserError(f"cannot decode {name}: {reason}")
