"""Encoded images to pixels inside the graph: what Pillow does for `tf_glimpse.datasets`, in TensorFlow's own kernels, on the CPU."""

import tensorflow as tf

from tf_glimpse.export.formats import pixels_of

# An EXIF orientation entry: tag 0x0112, type short, count one, the value; in either byte order. `\C` is RE2's "any byte".
_BIG_ENDIAN = r"MM\x00\*\C*?\x01\x12\x00\x03\x00\x00\x00\x01\x00([\x01-\x08])"
_LITTLE_ENDIAN = r"II\*\x00\C*?\x12\x01\x03\x00\x01\x00\x00\x00([\x01-\x08])\x00"
_EXIF = rf"(?:Exif\x00\x00|eXIf)(?:{_BIG_ENDIAN}|{_LITTLE_ENDIAN})"  # how it begins in a JPEG, and in a PNG
_EXIF_REACH = 4096  # bytes of the file looked through for it; cameras write it in the first hundreds
_WEBP_EXIF = rf"EXIF\C{{4}}(?:Exif\x00\x00)?(?:{_BIG_ENDIAN}|{_LITTLE_ENDIAN})"  # behind the pixels
_WEBP_REACH = 65536  # bytes from the end


def decode_images(image_bytes, image_shape, white_level=None):
    """Decodes, turns upright, resizes with kept aspect, centre-crops and converts the channels of each image.

    Grey, RGB, RGBA (alpha is dropped), palette and 16-bit files are read; the images of a batch may differ in size.

    Args:
        image_bytes: `[B]` string, each a whole file of the formats in `tf_glimpse.export.formats.READ`.
        image_shape: `(H, W, C)` wanted, C = 1 (luminance), 3, or 4 for an alpha channel.
        white_level: the value that is white in 16-bit PNG files, as for `tf_glimpse.datasets.decode_image`.

    Returns:
        `[B, H, W, C]` uint8, 0-255.

    Raises:
        tf.errors.InvalidArgumentError: an entry is no image, or a broken one.

    Example:
        >>> import tensorflow as tf

from tf_glimpse.export.formats import pixels_of
        >>> encoded = tf.io.encode_png(tf.zeros([20, 40, 3], tf.uint8))
        >>> tuple(decode_images(encoded[None], (10, 10, 1)).shape)
        (1, 10, 10, 1)
    """
    with tf.device("cpu:0"):
        decoded = tf.TensorSpec(image_shape, tf.uint8)
        return tf.map_fn(lambda encoded: _decode(encoded, image_shape, white_level), image_bytes, fn_output_signature=decoded)


def _decode(encoded, image_shape, white_level):
    image = pixels_of(encoded, max(image_shape[2], 3), white_level)
    image = _upright(image, _orientation(encoded))
    return tf.ensure_shape(_to_channels(_fit(image, image_shape[:2]), image_shape[2]), image_shape)


def _orientation(encoded):
    """EXIF orientation, 1-8 (1, upright, where the file does not say)."""
    is_webp = tf.strings.regex_full_match(tf.strings.substr(encoded, 0, 12), r"RIFF\C{4}WEBP")
    last = tf.maximum(tf.strings.length(encoded) - _WEBP_REACH, 0)
    value = tf.cond(
        is_webp,
        lambda: _value_in(tf.strings.substr(encoded, last, _WEBP_REACH), _WEBP_EXIF),
        lambda: _value_in(tf.strings.substr(encoded, 0, _EXIF_REACH), _EXIF),
    )
    return tf.cast(tf.io.decode_raw(value, tf.uint8, fixed_length=1)[0], tf.int32)


def _value_in(part, pattern):
    """The byte with the orientation in a part of a file."""
    pattern = rf"\C*?{pattern}\C*"
    found = tf.strings.regex_full_match(part, pattern)
    return tf.where(found, tf.strings.regex_replace(part, pattern, r"\1\2"), b"\x01")


def _upright(image, orientation):
    image = tf.transpose(image, tf.where(orientation >= 5, [1, 0, 2], [0, 1, 2]))
    upside_down = tf.reduce_any(orientation == [3, 4, 7, 8])
    mirrored = tf.reduce_any(orientation == [2, 3, 6, 7])
    return tf.raw_ops.Reverse(tensor=image, dims=tf.stack([upside_down, mirrored, False]))


def _fit(image, size):
    """The centre of the image, as large as fits the size's aspect, resized to it (antialiased triangle filter): float32 `[H, W, C]`."""
    from_size, to_size = tf.cast(tf.shape(image)[:2], tf.float32), tf.constant(size, tf.float32)
    scale = tf.reduce_max(to_size / from_size)
    # Cut first what the filter does not reach: the kernel keeps a float32 column of the new height for every column it gets.
    reach = to_size / scale / 2 + tf.math.ceil(1 / scale) + 1
    first = tf.maximum(tf.floor(from_size / 2 - reach), 0)
    last = tf.minimum(tf.math.ceil(from_size / 2 + reach), from_size)
    (top, left), (bottom, right) = tf.unstack(tf.cast(first, tf.int32)), tf.unstack(tf.cast(last, tf.int32))
    return tf.raw_ops.ScaleAndTranslate(
        images=image[None, top:bottom, left:right],
        size=size,
        scale=tf.stack([scale, scale]),
        translation=to_size / 2 - scale * (from_size / 2 - first),
        kernel_type="triangle",
        antialias=True,
    )[0]


def _to_channels(image, channels):
    image = tf.tensordot(image, [[0.299], [0.587], [0.114]], 1) if channels == 1 else image
    return tf.saturate_cast(tf.round(image), tf.uint8)
