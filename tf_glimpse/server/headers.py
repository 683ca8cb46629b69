"""How many pixels TensorFlow decodes of a file, told from its headers; nothing is decoded."""

import io
import struct

from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile


def count_pixels(encoded):
    """Pixels of all the frames of an image.

    Args:
        encoded: bytes of a JPEG, PNG, GIF, BMP or WebP file.

    Raises:
        Exception: another format, or a broken header; of any type, as the parsers have it.
    """
    return next(count for start, count in _COUNTERS.items() if encoded.startswith(start))(encoded)


def _by_pillow(reader):
    def count(encoded):
        width, height = reader(io.BytesIO(encoded)).size
        return width * height

    return count


def _of_gif(encoded):
    """The kernel reads every frame before it gives the first, on a canvas of the screen's size."""
    width, height, flags = struct.unpack_from("<HHB", encoded, 6)
    place, pixels = 13 + _table(flags), width * height
    while encoded[place : place + 1] in (b"!", b","):
        is_frame = encoded[place] == ord(",")
        if is_frame:
            width, height, flags = struct.unpack_from("<HHB", encoded, place + 5)
            pixels += width * height
        place += 10 + _table(flags) + 1 if is_frame else 2
        while length := encoded[place]:  # blocks of data, each behind its length
            place += length + 1
        place += 1
    return pixels


def _table(flags):
    """Bytes of a table of colours."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _of_webp(encoded):
    """https://developers.google.com/speed/webp/docs/riff_container: the size of the canvas, or of the only frame."""
    kind = encoded[8:16]
    if kind == b"WEBPVP8X":
        width, height = (int.from_bytes(encoded[place : place + 3], "little") + 1 for place in (24, 27))
    elif kind == b"WEBPVP8L":
        (bits,) = struct.unpack_from("<I", encoded, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"WEBPVP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", encoded, 26))
    else:
        raise ValueError("no WebP")
    return width * height


_COUNTERS = {
    b"\x89PNG\r\n\x1a\n": _by_pillow(PngImageFile),
    b"\xff\xd8\xff": _by_pillow(JpegImageFile),
    b"GIF8": _of_gif,
    b"BM": _by_pillow(BmpImageFile),
    b"RIFF": _of_webp,
}
