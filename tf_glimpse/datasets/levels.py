"""Files of more than 8 bits a value: 16-bit, 32-bit and float ones, brought to 0 to 255 by what their white is."""

import numpy as np
from PIL import Image

from tf_glimpse.types import UserError

_OTHER_BYTE = str.maketrans("BLN", "LBB")  # of a 16-bit raw mode of Pillow: the byte that it throws away


def deep_values(opened, reopen):
    """The values of a file of more than 8 bits as `[H, W]` or `[H, W, C]` numbers, or None for one of 8 bits or fewer.

    Pillow keeps the upper bytes alone of 16-bit colour, so the lower ones are read by decoding it a second time.

    Args:
        opened: a Pillow image, not loaded yet.
        reopen: a function without arguments that opens it again.

    Raises:
        UserError: 16-bit grey with alpha, whose lower bytes Pillow cannot give.
    """
    if opened.mode[0] in "IF":
        opened.load()
        return np.asarray(opened)
    raw = raw_mode(opened)
    if not is_deep_colour(raw):
        return None
    if raw.startswith("LA"):
        raise UserError("16 bits grey with alpha cannot be scaled to another white level; save it without its alpha channel")
    opened.load()
    with reopen() as again:
        again.tile = [tile._replace(args=_swapped(tile.args)) for tile in again.tile]
        again.load()
        return np.asarray(opened).astype(np.uint16) * 256 + np.asarray(again)


def raw_mode(opened):
    """How a Pillow image's values lie in its file, such as "RGB;16B"; empty where Pillow does not say."""
    args = opened.tile[0].args if getattr(opened, "tile", None) else ""
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def is_deep_colour(raw):
    """Whether a raw mode has 16 bits of grey or of red, green and blue, of which Pillow keeps 8."""
    return raw.startswith(("L", "RGB")) and ";16" in raw


def _swapped(args):
    mode, rest = (args[0], args[1:]) if isinstance(args, tuple) else (args, None)
    colours, _, order = mode.partition(";16")
    mode = f"{colours};16{order.translate(_OTHER_BYTE)}"
    return mode if rest is None else (mode, *rest)


def white_of(values, is_tiff, white_level=None):
    """The value that is white in a file: `white_level`, or what its kind and its highest value say.

    16-bit files have 65535. Floats and the whole numbers of a 32-bit TIFF have the smallest of 1 (floats only), 255 and 65535 that is not
    below their highest value.

    Raises:
        UserError: NaN or negative values; values above 65535 without a `white_level`.
    """
    if not np.all(np.isfinite(values)):
        raise UserError("it holds values that are no numbers (NaN or infinite)")
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    if low < 0 or (high > 65535 and white_level is None):
        raise UserError(f"its values reach from {low:g} to {high:g}; expected 0 to 1, to 255 or to 65535, or any from 0 with `white_level`")
    if white_level is not None:
        return white_level
    floats = np.issubdtype(values.dtype, np.floating)
    whites = (1, 255, 65535) if floats else (255, 65535) if is_tiff and values.dtype.itemsize > 2 else (65535,)
    return next(white for white in whites if high <= white)


def to_bytes(values, white):
    """uint8 of values 0 to `white`, higher ones clipped. The 16 bits of 65535 give their upper byte, as TensorFlow's decoders do."""
    if white == 65535 and np.issubdtype(values.dtype, np.integer):
        return (values >> 8).astype(np.uint8)
    return np.clip(np.rint(values * (255.0 / white)), 0, 255).astype(np.uint8)


def image_of(values, white):
    """A Pillow image of 8 bits a value."""
    return Image.fromarray(to_bytes(values, white))
