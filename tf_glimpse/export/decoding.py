"""Encoded images to pixels inside the graph: what Pillow does for `tf_glimpse.datasets`, in TensorFlow's own kernels, on the CPU."""

import tensorflow as tf

# An EXIF orientation entry: tag 0x0112, type short, count one, the value; in either byte order. `\C` is RE2's "any byte".
_BIG_ENDIAN = r"MM\x00\*\C*?\x01\x12\x00\x03\x00\x00\x00\x01\x00([\x01-\x08])"
_LITTLE_ENDIAN = r"II\*\x00\C*?\x12\x01\x03\x00\x01\x00\x00\x00([\x01-\x08])\x00"
_EXIF = rf"(?:Exif\x00\x00|eXIf)(?:{_BIG_ENDIAN}|{_LITTLE_ENDIAN})"  # how it begins in a JPEG, and in a PNG
_EXIF_REACH = 4096  # bytes of the file looked through for it; cameras write it in the first hundreds


def decode_images(image_bytes, image_shape):
    """Decodes, turns upright, resizes with kept aspect, centre-crops and converts the channels of each image.

    Grey, RGB, RGBA (alpha is dropped), palette and 16-bit files are read; the images of a batch may differ in size.

    Args:
        image_bytes: `[B]` string, each a whole PNG or JPEG file.
        image_shape: `(H, W, C)` wanted, C = 1 (luminance) or 3.

    Returns:
        `[B, H, W, C]` uint8, 0-255.

    Raises:
        tf.errors.InvalidArgumentError: an entry is no image, or a broken one.

    Example:
        >>> import tensorflow as tf
        >>> encoded = tf.io.encode_png(tf.zeros([20, 40, 3], tf.uint8))
        >>> tuple(decode_images(encoded[None], (10, 10, 1)).shape)
        (1, 10, 10, 1)
    """
    with tf.device("cpu:0"):
        decoded = tf.TensorSpec(image_shape, tf.uint8)
        return tf.map_fn(lambda encoded: _decode(encoded, image_shape), image_bytes, fn_output_signature=decoded)


def _decode(encoded, image_shape):
    # It reads PNG as well, and unlike decode_image it lets the transform be chosen: Pillow's.
    image = tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")
    image = _upright(image, _orientation(encoded))
    return tf.ensure_shape(_to_channels(_fit(image, image_shape[:2]), image_shape[2]), image_shape)


def _orientation(encoded):
    """EXIF orientation, 1-8 (1, upright, where the file does not say)."""
    head = tf.strings.substr(encoded, 0, _EXIF_REACH)
    pattern = rf"\C*?{_EXIF}\C*"
    found = tf.strings.regex_full_match(head, pattern)
    value = tf.where(found, tf.strings.regex_replace(head, pattern, r"\1\2"), b"\x01")
    return tf.cast(tf.io.decode_raw(value, tf.uint8, fixed_length=1)[0], tf.int32)


def _upright(image, orientation):
    image = tf.transpose(image, tf.where(orientation >= 5, [1, 0, 2], [0, 1, 2]))
    upside_down = tf.reduce_any(orientation == [3, 4, 7, 8])
    mirrored = tf.reduce_any(orientation == [2, 3, 6, 7])
    return tf.raw_ops.Reverse(tensor=image, dims=tf.stack([upside_down, mirrored, False]))


def _fit(image, size):
    """The centre of the image, as large as fits the size's aspect, resized to it (antialiased triangle filter): float32 `[H, W, 3]`."""
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
    grey = tf.tensordot(image, [[0.299], [0.587], [0.114]], 1)
    return tf.saturate_cast(tf.round(grey if channels == 1 else image), tf.uint8)
