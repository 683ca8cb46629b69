"""A file's pixels in the graph, by TensorFlow's kernel for its format, as Pillow reads them for `tf_glimpse.datasets`."""

import tensorflow as tf

READ = "JPEG, PNG, GIF (its first frame), BMP (8, 24 or 32 bits, not compressed) and WebP (not moving)"
READ_CHANNELS = (1, 3, 4)  # of images that can be made of files
_HEAD = 40  # bytes: as far as the fields of headers that are read here
_PNG, _GIF, _BMP, _RIFF, _WEBP = b"\x89PNG", b"GIF8", b"BM", b"RIFF", b"WEBP"


def note(channels):
    """In words, what a server of a model of so many channels takes, and what of the files that training takes it does not."""
    if channels not in READ_CHANNELS:
        return f"files have no {channels} channels, so servers take pixels only (signatures uint8 and float)"
    return f"servers read {READ} files; send others that training reads, such as TIFF, as pixels (signatures uint8 and float)"


def pixels_of(encoded, channels, white_level=None):
    """Decodes one file of the formats in `READ`, as it lies.

    Args:
        encoded: scalar string.
        channels: 3, or 4 for an alpha channel, which is 255 where the file has none.
        white_level: the value that is white in 16-bit PNG files; None takes the upper byte.

    Returns:
        `[H, W, channels]` uint8.

    Raises:
        tf.errors.InvalidArgumentError: another format, or a broken file.
    """
    head = tf.strings.substr(encoded, 0, _HEAD)
    head = tf.strings.substr(tf.strings.join([head, b"\0" * _HEAD]), 0, _HEAD)

    def begins(mark, place=0):
        return tf.strings.substr(head, place, len(mark)) == mark

    branches = [
        (begins(_PNG), lambda: _png(encoded, head, channels, white_level)),
        (begins(_GIF), lambda: _opaque(tf.io.decode_image(encoded, 3, expand_animations=False), channels)),
        (begins(_BMP), lambda: _opaque(_bmp(encoded, head), channels)),
        (begins(_RIFF) & begins(_WEBP, 8), lambda: _opaque(_webp(encoded, head), channels)),
    ]
    # Unlike decode_image it lets the transform be chosen: Pillow's.
    return tf.case(branches, default=lambda: _opaque(tf.io.decode_jpeg(encoded, 3, dct_method="INTEGER_ACCURATE"), channels))


def _opaque(image, channels):
    """`[H, W, channels]` of an image of 3 or 4 channels; alpha that is missing is 255."""
    image = tf.ensure_shape(image, [None, None, None])
    if channels == 4:
        image = tf.concat([image, tf.ones_like(image[..., :1]) * tf.constant(255, tf.uint8)], axis=-1)
    return image[..., :channels]


def _png(encoded, head, channels, white_level):
    def eight():
        if channels == 3:
            return tf.io.decode_png(encoded, 3)  # an alpha channel that is not wanted is dropped, never blended
        kind = tf.io.decode_raw(tf.strings.substr(head, 25, 1), tf.uint8)[0]  # 0 grey, 2 RGB; to 1 bit the kernel adds a wrong alpha
        plain = (kind == 0) | (kind == 2)
        return tf.cond(plain, lambda: _opaque(tf.io.decode_png(encoded, 3), 4), lambda: tf.io.decode_png(encoded, 4))

    if white_level is None:
        return eight()

    def sixteen():
        values = tf.cast(tf.io.decode_png(encoded, channels, dtype=tf.uint16), tf.float32)
        return tf.saturate_cast(tf.round(values * (255.0 / white_level)), tf.uint8)

    return tf.cond(tf.strings.substr(head, 24, 1) == b"\x10", sixteen, eight)


def _bmp(encoded, head):
    """The kernel takes the numbers of a palette for greys, so they are looked up here; compressed pixels it takes for plain ones."""
    starts, size = _number(head, 10, tf.int32), _number(head, 14, tf.int32)
    bits, compression = _number(head, 28, tf.uint16), _number(head, 30, tf.int32)
    plain = tf.debugging.Assert((size >= 40) & ((compression == 0) | (compression == 3)), ["a BMP of another kind than is read"])
    with tf.control_dependencies([plain]):
        pixels = tf.io.decode_bmp(encoded)

    def from_palette():
        entries = tf.io.decode_raw(tf.strings.substr(encoded, 14 + size, starts - 14 - size), tf.uint8)
        colours = tf.reshape(entries[: tf.size(entries) // 4 * 4], [-1, 4])[:, 2::-1]
        return tf.gather(colours, tf.cast(pixels[..., 0], tf.int32))

    return tf.cond(bits == 8, from_palette, lambda: pixels[..., :3])


def _webp(encoded, head):
    """TensorFlow 2.20 writes all frames of a moving picture into the memory of one, which ends the process: these are refused."""
    has_flags, flags = tf.strings.substr(head, 12, 4) == b"VP8X", tf.io.decode_raw(tf.strings.substr(head, 20, 1), tf.uint8)[0]
    moves = has_flags & (tf.bitwise.bitwise_and(flags, tf.constant(2, tf.uint8)) > 0)
    with tf.control_dependencies([tf.debugging.Assert(~moves, ["a moving WebP, which is not read"])]):
        return tf.io.decode_image(tf.identity(encoded), expand_animations=False)


def _number(head, place, dtype):
    """A little-endian number of a header."""
    return tf.cast(tf.io.decode_raw(tf.strings.substr(head, place, dtype.size), dtype)[0], tf.int32)
