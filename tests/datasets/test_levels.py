"""Files of more than 8 bits a value, and TIFFs of several bands; those that Pillow cannot write are written here."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_glimpse.datasets import decode_image
from tf_glimpse.datasets.decode import image_header, read_image
from tf_glimpse.types import UserError


def ramp(high, channels=1, dtype=np.uint16):
    """`[6, 8, channels]`, from 0 to `high`, each channel another way round."""
    values = np.linspace(0, high, 48).reshape(6, 8)
    ways = [values, values[::-1], values[:, ::-1], values[::-1, ::-1], values]
    return np.stack(ways[:channels], axis=-1).astype(dtype)


def tiff(array, order="<", alpha=True):
    """The bytes of an uncompressed TIFF of `[H, W, C]` values: grey for up to 2 channels, else RGB and alpha or other bands."""
    height, width, channels = array.shape
    kind = {"u": 1, "i": 2, "f": 3}[array.dtype.kind]
    colours = 1 if channels < 3 else 3
    entries = [(256, width), (257, height), (258, array.dtype.itemsize * 8), (259, 1), (262, 1 if colours == 1 else 2), (273, 8)]
    entries += [(277, channels), (278, height), (279, array.nbytes), (284, 1)]
    entries += [(338, 2 if alpha else 0)] if channels > colours else []
    entries += [(339, kind)]
    pixels = array.astype(array.dtype.newbyteorder(order)).tobytes()
    after = 8 + len(pixels)
    extra_at, extra, lines = after + 2 + 12 * len(entries) + 4, b"", []
    for tag, value in entries:
        count = {258: channels, 339: channels, 338: channels - colours}.get(tag, 1)
        packed = struct.pack(f"{order}{count}H", *[value] * count) if count > 1 else struct.pack(f"{order}I", value)
        if count == 1 and order == ">":
            packed = struct.pack(">I", value)
        if len(packed) > 4:
            extra, packed = extra + packed, struct.pack(f"{order}I", extra_at + len(extra))
        lines.append(struct.pack(f"{order}HHI", tag, 3 if count > 1 else 4, count) + packed.ljust(4, b"\0"))
    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = mark + struct.pack(f"{order}I", after)
    return head + pixels + struct.pack(f"{order}H", len(entries)) + b"".join(lines) + b"\0\0\0\0" + extra


def written(array, file_format, **options):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, file_format, **options)
    return stream.getvalue()


def scaled(values, white):
    return np.clip(np.rint(values.astype(float) * 255 / white), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", ["png", "little-endian tiff", "big-endian tiff"])
def test_twelve_bits_in_sixteen_become_what_the_white_level_says(kind, channels):
    values = ramp(4095, channels)
    encoded = tf.io.encode_png(values).numpy() if kind == "png" else tiff(values, "<" if kind.startswith("little") else ">")
    plain = read_image(encoded, channels)
    np.testing.assert_array_equal(plain.pixels, values >> 8)
    assert 4095 <= plain.highest < 4096 and plain.white == 65535
    found = read_image(encoded, channels, white_level=4095)
    np.testing.assert_array_equal(found.pixels, scaled(values, 4095))
    assert (found.highest, found.white) == (4095, 4095)
    np.testing.assert_array_equal(decode_image(encoded, channels, white_level=2000), scaled(values, 2000))


@pytest.mark.parametrize(
    ("values", "white"),
    [
        (ramp(1, dtype=np.float32), 1),
        (ramp(255, dtype=np.float32), 255),
        (ramp(65535, dtype=np.float32), 65535),
        (ramp(255, dtype=np.int32), 255),
        (ramp(65535, dtype=np.int32), 65535),
        (ramp(65535, dtype=np.uint16), 65535),
        (ramp(200, dtype=np.uint16), 65535),
    ],
    ids=lambda case: f"{case.dtype}-{case.max():g}" if isinstance(case, np.ndarray) else "",
)
def test_tiffs_are_scaled_by_what_their_values_mean(values, white):
    found = read_image(tiff(values))
    exact = values.astype(float) / white * 255
    assert np.abs(found.pixels - exact).max() <= 1, "16 bits keep their upper byte, as TensorFlow's decoders do"
    assert (found.pixels.max() > 200) == (values.max() > 200 * white / 255)
    assert (found.highest, found.white) == (values.max(), white)
    np.testing.assert_array_equal(decode_image(tiff(values), white_level=100), scaled(values, 100))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            np.float32([[[-0.5], [1]]]),
            "its values reach from -0.5 to 1; expected 0 to 1, to 255 or to 65535, or any from 0 with `white_level`",
        ),
        (np.int32([[[-1000], [3000]]]), "its values reach from -1000 to 3000"),
        (np.int16([[[-1000], [3000]]]), "its values reach from -1000 to 3000"),
        (np.int32([[[0], [70000]]]), "its values reach from 0 to 70000"),
        (np.float32([[[0], [np.nan]]]), "no numbers"),
        (np.float32([[[0], [np.inf]]]), "no numbers"),
    ],
    ids=["negative float", "negative int32", "negative int16", "large", "nan", "infinite"],
)
def test_values_without_a_meaning_are_refused_in_one_line(values, message):
    with pytest.raises(UserError, match=message) as refused:
        decode_image(tiff(values))
    assert "\n" not in str(refused.value)


def test_values_above_65535_are_read_with_a_white_level():
    values = ramp(100_000, dtype=np.int32)
    np.testing.assert_array_equal(decode_image(tiff(values), white_level=100_000), scaled(values, 100_000))


def test_16_bit_grey_of_other_formats_keeps_its_scale():
    """The values of a PGM are of 65535, however low they are."""
    low = written(ramp(200)[..., 0], "PPM")
    assert Image.open(io.BytesIO(low)).mode.startswith("I")
    np.testing.assert_array_equal(decode_image(low), 0)


def test_a_white_level_leaves_files_of_8_bits_alone():
    for values in (ramp(255, 3, np.uint8), ramp(100, 1, np.uint8)):
        encoded = tiff(values)
        np.testing.assert_array_equal(decode_image(encoded, white_level=4095), values)
        assert read_image(encoded).highest is None


def test_16_bit_grey_with_alpha():
    encoded = tf.io.encode_png(ramp(65535, 2)).numpy()
    np.testing.assert_array_equal(decode_image(encoded), ramp(65535)[:, :, :1] >> 8)
    with pytest.raises(UserError, match="16 bits grey with alpha cannot be scaled to another white level"):
        decode_image(encoded, white_level=4095)


def test_bands_of_a_tiff():
    four = ramp(255, 4, np.uint8)
    np.testing.assert_array_equal(decode_image(tiff(four), channels=4), four)
    np.testing.assert_array_equal(decode_image(tiff(four)), four[..., :3])
    assert not read_image(tiff(four), channels=4).more_bands
    for more in (four, ramp(255, 5, np.uint8)):
        found = read_image(tiff(more, alpha=False), channels=3)
        np.testing.assert_array_equal(found.pixels, more[..., :3])
        assert found.more_bands, "near infrared and the like are left out, which is told"
        with pytest.raises(UserError, match="of its bands only red, green and blue can be read, unless its fourth is marked as alpha"):
            decode_image(tiff(more, alpha=False), channels=4)
    for unread in (np.repeat(ramp(255, 5, np.uint8), 2, axis=-1), ramp(1, 3, np.float32)):
        with pytest.raises(UserError, match="cannot decode"):
            decode_image(tiff(unread))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_is_turned_once(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    flat = ramp(255, 3, np.uint8)
    encoded, turned = written(flat, "TIFF", exif=exif), written(flat, "PNG", exif=exif)
    np.testing.assert_array_equal(decode_image(encoded), decode_image(turned))
    assert image_header(encoded) == decode_image(encoded).shape
