"""How much a request may ask for: bytes counted before they are kept, pixels told from the header before anything is decoded."""

from tf_glimpse.server.errors import RequestError
from tf_glimpse.server.headers import count_pixels

_DRAINED = 8  # times the limit that a body too long is read, and thrown away, before its sender is hung up on


def check_pixels(images, max_pixels):
    """Refuses what is no PNG, JPEG, GIF, BMP or WebP, and images that together would decode to more than `max_pixels`.

    Only the headers are read: a file of a few kilobytes can hold a picture of gigabytes.

    Args:
        images: list of bytes, the files of one request.
        max_pixels: the most pixels that they may have together.

    Raises:
        RequestError: 400 for bytes that are no image, 413 for too many pixels.
    """
    pixels = 0
    for index, encoded in enumerate(images):
        pixels += _pixels(encoded, index)
        if pixels > max_pixels:
            message = f"the request's images have {pixels:,} pixels up to image {index}, but at most {max_pixels:,} are taken"
            raise RequestError(f"{message}: send smaller or fewer", 413)


def _pixels(encoded, index):
    try:
        return count_pixels(encoded)
    except Exception:  # none of the formats, or the parser stumbles: Pillow's raise whatever the bytes make them
        message = f"image {index} of the request is no PNG, JPEG, GIF, BMP or WebP, or its header is broken ({len(encoded):,} bytes)"
        raise RequestError(message) from None


async def read_body(request, max_body_bytes):
    """The body of a Starlette request; one longer than `max_body_bytes` is thrown away as it comes.

    It is still read, up to a multiple of the limit: a client that is hung up on while it sends sees a broken pipe, not the answer.

    Raises:
        RequestError: 413 for a longer body, by its Content-Length or by what has come; 400 for a length that is no number.
    """
    length = request.headers.get("content-length", "0")
    if not length.isdecimal():
        raise RequestError(f"Content-Length must be a whole number, got {length!r}")
    message = f"the request's body is longer than the {max_body_bytes:,} bytes that are taken"
    body, received = bytearray(), 0
    if int(length) > max_body_bytes and "expect" in request.headers:
        raise RequestError(message, 413)  # such a client waits for leave to send
    async for chunk in request.stream():
        received += len(chunk)
        if max(received, int(length)) <= max_body_bytes:
            body += chunk
        elif received > _DRAINED * max_body_bytes:
            break
    if max(received, int(length)) > max_body_bytes:
        raise RequestError(message, 413)
    return bytes(body)
