"""Encoded images to arrays, by Pillow: the one decoder for folders, data sets and the command line."""

import io
import os
import struct

import numpy as np
from PIL import Image, ImageOps

from tf_glimpse.types import UserError

_GREY_MODES = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
_ORIENTATION = 0x0112  # EXIF tag; 5 to 8 swap height and width
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)


def decode_image(image, channels=None, size=None):
    """Decodes a JPEG or PNG (or whatever else Pillow reads): grey, RGB, RGBA, palette, 16-bit; turned upright as its EXIF says.

    An alpha channel is dropped; 16 bits become 8 by their upper byte, as `tf.io.decode_image` does.

    Args:
        image: encoded bytes, or a path.
        channels: 1 (grey), 3 (RGB), or None: 1 if the image is stored grey, else 3.
        size: None keeps the image's size. An int resizes the shorter side to it, aspect kept, and crops the centre square.

    Returns:
        `[H, W, channels]` uint8.

    Raises:
        UserError: no readable image, or a truncated one; names the file.
    """
    try:
        with Image.open(_readable(image)) as opened:
            opened.load()
            upright = ImageOps.exif_transpose(opened)
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
            turned = opened.getexif().get(_ORIENTATION, 1) >= 5
            channels = 1 if opened.mode in _GREY_MODES else 3
    except _DECODE_ERRORS as error:
        raise _unreadable(image, error) from None
    return (width, height, channels) if turned else (height, width, channels)


def _to_array(image, channels, size):
    if image.mode.startswith(("I", "F")):
        levels = np.asarray(image)
        image = Image.fromarray((levels.astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    channels = channels or (1 if image.mode in _GREY_MODES else 3)
    if "transparency" in image.info:
        image = image.convert("RGBA")  # otherwise Pillow warns
    image = image.convert("L" if channels == 1 else "RGB")
    if size is not None and image.size != (size, size):
        image = ImageOps.fit(image, (size, size), method=Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(image.height, image.width, channels)


def _readable(image):
    return io.BytesIO(image) if isinstance(image, bytes) else os.fspath(image)


def _unreadable(image, error):
    name = f"the image sent ({len(image)} bytes)" if isinstance(image, bytes) else f"'{os.fspath(image)}'"
    if isinstance(error, FileNotFoundError):
        return UserError(f"no image at {name}")
    reason = "not an image that Pillow knows" if isinstance(error, Image.UnidentifiedImageError) else str(error)
    return UserError(f"cannot decode {name}: {reason}")
