from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from tf_glimpse.datasets import decode_image
from tf_glimpse.datasets.decode import image_header, read_image, readable_endings
from tf_glimpse.types import UserError

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=-1)
ALPHA = np.concatenate([COLOUR, np.full([3, 4, 1], 128, np.uint8)], axis=-1)


@pytest.mark.parametrize(
    ("stored", "wanted"),
    [
        (GREY, GREY[..., None]),
        (COLOUR, COLOUR),
        (ALPHA, COLOUR),
        (ALPHA[..., 2:], ALPHA[..., 2:3]),
        (GREY > 100, (GREY > 100)[..., None] * 255),
    ],
    ids=["grey", "RGB", "RGBA", "grey+alpha", "bilevel"],
)
def test_png_modes(write_image, stored, wanted):
    path = write_image("image.png", stored)
    np.testing.assert_array_equal(decode_image(path), wanted)
    np.testing.assert_array_equal(decode_image(path.read_bytes()), wanted)
    assert image_header(path) == decode_image(path).shape


def test_palette_with_and_without_transparency(write_image):
    palette = Image.fromarray(COLOUR).quantize(12)
    np.testing.assert_array_equal(decode_image(write_image("palette.png", palette)), COLOUR)
    see_through = write_image("transparent.png", palette, transparency=bytes(range(12)))
    np.testing.assert_array_equal(decode_image(see_through), COLOUR)


def test_16_bits_keep_the_upper_byte(write_image):
    deep = GREY.astype(np.uint16) * 256 + 200
    path = write_image("deep.png", deep)
    with Image.open(path) as stored:
        assert stored.mode.startswith("I")
    np.testing.assert_array_equal(decode_image(path)[..., 0], GREY)
    assert decode_image(path, channels=3).shape == (3, 4, 3)
    assert image_header(path) == (3, 4, 1)


@pytest.mark.parametrize(("orientation", "upright"), [(1, GREY), (3, GREY[::-1, ::-1]), (6, np.rot90(GREY, -1)), (8, np.rot90(GREY))])
def test_exif_rotation(write_image, orientation, upright):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = write_image("turned.png", GREY, exif=exif)
    np.testing.assert_array_equal(decode_image(path)[..., 0], upright)
    assert image_header(path) == (*upright.shape, 1)


@pytest.mark.parametrize("name", ["turned.png", "turned.jpg"])
def test_only_exif_turns(write_image, name):
    """The exported model reads Exif alone, so XMP and the orientations that Exif does not know leave an image as it lies."""
    packet = '<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    described = PngImagePlugin.PngInfo()
    described.add_itxt("XML:com.adobe.xmp", packet)
    xmp = {"pnginfo": described} if name.endswith("png") else {"xmp": packet.encode()}
    plain = decode_image(write_image(name, GREY))
    path = write_image(name, GREY, **xmp)
    with Image.open(path) as stored:
        assert stored.getexif()[0x0112] == 6
    np.testing.assert_array_equal(decode_image(path), plain)
    assert image_header(path) == (3, 4, 1)
    exif = Image.Exif()
    for orientation, shape in ((1, (3, 4, 1)), (5, (4, 3, 1)), (7, (4, 3, 1)), (9, (3, 4, 1))):
        exif[0x0112] = orientation
        path = write_image(name, GREY, exif=exif, **xmp)
        assert image_header(path) == decode_image(path).shape == shape


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_as_pillow_turns_it(write_image, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = write_image("turned.png", COLOUR, exif=exif)
    with Image.open(path) as stored:
        np.testing.assert_array_equal(decode_image(path), ImageOps.exif_transpose(stored))


def test_the_header_is_read_without_the_pixels(write_image):
    path = write_image("photo.png", np.random.default_rng(0).integers(0, 256, [64, 48, 3], np.uint8))
    path.write_bytes(path.read_bytes()[:2000])
    assert image_header(path) == (64, 48, 3)


def test_jpeg_and_channels(write_image):
    flat = np.full([16, 24, 3], (200, 100, 50), np.uint8)
    path = write_image("photo.jpg", flat)
    np.testing.assert_allclose(decode_image(path), flat, atol=3)
    np.testing.assert_allclose(decode_image(path, channels=1), 0.299 * 200 + 0.587 * 100 + 0.114 * 50, atol=3)
    np.testing.assert_array_equal(decode_image(write_image("grey.png", GREY), channels=3), GREY[..., None].repeat(3, -1))
    cmyk = write_image("cmyk.jpg", Image.new("CMYK", (24, 16), (0, 0, 0, 0)))
    np.testing.assert_array_equal(decode_image(cmyk), 255)


def test_resizing_keeps_the_aspect_and_crops_the_centre(write_image):
    wide = np.zeros([20, 60], np.uint8)
    wide[:, 20:40] = 255
    np.testing.assert_array_equal(decode_image(write_image("wide.png", wide), size=20), 255)
    np.testing.assert_array_equal(decode_image(write_image("tall.png", wide.T), size=10)[2:-2], 255)
    assert decode_image(write_image("small.png", GREY), size=32).shape == (32, 32, 1)


def test_sizes_need_not_be_square(write_image):
    stripes = np.repeat(np.uint8([0, 100, 200]), 20)[None].repeat(20, 0)
    path = write_image("stripes.png", stripes)
    np.testing.assert_array_equal(decode_image(path, size=(20, 60))[..., 0], stripes)
    assert decode_image(path, size=(10, 30)).shape == (10, 30, 1)
    np.testing.assert_array_equal(decode_image(path, size=(20, 20)), decode_image(path, size=20))
    np.testing.assert_array_equal(decode_image(path, size=(20, 10)), np.full([20, 10, 1], 100))
    for size in (0, (10, 0), (1, 2, 3), 2.5, "10"):
        with pytest.raises(UserError, match="image_size must be at least 1 pixel"):
            decode_image(path, size=size)


def test_truncated_and_foreign_files_are_named(write_image, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, [64, 64, 3], np.uint8)
    for name in ("photo.jpg", "photo.png"):
        path = write_image(name, noise)
        path.write_bytes(path.read_bytes()[:2000])
        with pytest.raises(UserError, match=rf"cannot decode '.*{name}': .*truncated"):
            decode_image(path)
        with pytest.raises(UserError, match=r"cannot decode the image sent \(2000 bytes\)"):
            decode_image(path.read_bytes())
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(UserError, match=r"cannot decode '.*text.png': not an image"):
        decode_image(tmp_path / "text.png")
    with pytest.raises(UserError, match=r"no image at '.*nothing.png'"):
        decode_image(tmp_path / "nothing.png")
    with pytest.raises(UserError, match=r"the image sent \(0 bytes\)"):
        decode_image(b"")


@pytest.mark.parametrize(
    ("stored", "wanted"),
    [
        (ALPHA, ALPHA),
        (ALPHA[..., 2:], np.concatenate([ALPHA[..., 2:3].repeat(3, -1), ALPHA[..., 3:]], axis=-1)),
        (COLOUR, np.concatenate([COLOUR, np.full([3, 4, 1], 255, np.uint8)], axis=-1)),
        (GREY, np.stack([GREY, GREY, GREY, np.full_like(GREY, 255)], axis=-1)),
    ],
    ids=["RGBA", "grey+alpha", "RGB", "grey"],
)
def test_alpha_is_a_fourth_channel_if_wanted(write_image, stored, wanted):
    path = write_image("image.png", stored)
    np.testing.assert_array_equal(decode_image(path, channels=4), wanted)
    small = decode_image(path, channels=4, size=2)
    np.testing.assert_array_equal(small[..., :3], decode_image(path, channels=3, size=2), "colours do not depend on the alpha channel")


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
def test_transparent_parts_are_noticed(write_image, file_format):
    opaque = np.concatenate([COLOUR, np.full([3, 4, 1], 255, np.uint8)], axis=-1)
    for stored, see_through in ((ALPHA, True), (opaque, False), (COLOUR, False)):
        path = write_image(f"image.{file_format.lower()}", stored, format=file_format)
        assert read_image(path).see_through == see_through
        assert not read_image(path, channels=4).see_through, "the fourth channel shows it"


def test_palettes_keep_their_alpha(write_image):
    palette = Image.fromarray(COLOUR).quantize(12)
    path = write_image("transparent.png", palette, transparency=bytes(range(12)))
    with Image.open(path) as stored:
        np.testing.assert_array_equal(decode_image(path, channels=4), stored.convert("RGBA"))
    assert read_image(path).see_through


def test_only_what_pillow_decodes_by_itself_is_read(tmp_path):
    """Encapsulated PostScript would start a program, whatever the file is called."""
    (tmp_path / "photo.jpg").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n")
    with pytest.raises(UserError, match="not an image that Pillow knows"):
        decode_image(tmp_path / "photo.jpg")
    assert {".jfif", ".tif", ".webp", ".ppm"} < readable_endings()
    assert not {".eps", ".h5", ".mpg", ".pdf", ".txt"} & readable_endings()


def test_a_png_that_says_its_orientation_behind_its_pixels(write_image):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = write_image("turned.png", GREY, exif=exif)
    before, _, after = path.read_bytes().partition(b"IDAT")
    start = before.index(b"eXIf") - 4
    length = int.from_bytes(before[start : start + 4], "big") + 12
    chunk, end = before[start : start + length], after.index(b"IEND") - 4
    path.write_bytes(before[:start] + before[start + length :] + b"IDAT" + after[:end] + chunk + after[end:])
    for image in (path, path.read_bytes()):
        np.testing.assert_array_equal(decode_image(image)[..., 0], np.rot90(GREY, -1))
        assert image_header(image) == (4, 3, 1)


@pytest.mark.parametrize(
    "name",
    [
        "orientation_as_long.jpg",
        "exif_behind_icc.jpg",
        "exif_after_pixels.png",
        "cmyk_without_adobe_marker.jpg",
        "twelve_bit_in_sixteen.png",
    ],
)
def test_cases_that_failed_once(name):
    path = CASES / name
    if not path.exists():
        pytest.skip(f"no {path}")
    decoded = decode_image(path)
    with Image.open(path) as stored:
        stored.load()
        assert image_header(path) == decoded.shape
        if name.startswith("twelve"):
            assert decode_image(path, white_level=4095).max() == 255
        elif name.startswith("cmyk"):
            np.testing.assert_array_equal(decoded, 255)
        else:
            assert stored.getexif()[0x0112] == 6
            np.testing.assert_array_equal(decoded, ImageOps.exif_transpose(stored).convert("RGB"))
