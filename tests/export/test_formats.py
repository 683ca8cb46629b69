"""Every format that the exported graph reads, against what training sees of the same file."""

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_glimpse.datasets import decode_image
from tf_glimpse.export import export_model
from tf_glimpse.export.decoding import decode_images
from tf_glimpse.models import RAM
from tf_glimpse.server.headers import count_pixels

SHAPE = (30, 44)


def photo(mode="RGB"):
    """A smooth picture with smooth alpha: two decoders agree on it, where they need not on noise."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
    levels = [rows / SHAPE[0], columns / SHAPE[1], (rows + columns) / sum(SHAPE), 1 - rows / SHAPE[0]]
    return Image.fromarray((np.stack(levels, axis=-1) * 255).astype("uint8")).convert(mode)


def film(kind, **options):
    first = photo() if kind == "WEBP" else photo("P")
    return encoded(first, kind, save_all=True, append_images=[first.transpose(Image.Transpose.ROTATE_180)] * 2, **options)


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def deep(channels, high):
    values = np.linspace(0, high, SHAPE[0] * SHAPE[1] * channels).reshape(*SHAPE, channels).astype(np.uint16)
    return tf.io.encode_png(values).numpy()


def turned(kind, orientation, **options):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "camera", orientation
    return encoded(photo(), kind, exif=exif, **options)


FILES = {
    **{f"png {mode}": encoded(photo(mode), "PNG") for mode in ("1", "L", "LA", "RGB", "RGBA", "P")},
    "png palette with alpha": encoded(photo("P"), "PNG", transparency=bytes(range(0, 255, 3))),
    "png palette of 2 bits with alpha": encoded(photo().quantize(4), "PNG", bits=2, transparency=bytes([0, 90, 180, 255])),
    "jpeg": encoded(photo(), "JPEG", quality=95),
    "grey jpeg": encoded(photo("L"), "JPEG", quality=95),
    "gif": encoded(photo("P"), "GIF"),
    "grey gif": encoded(photo("L"), "GIF"),
    "gif with a hole": encoded(photo("P"), "GIF", transparency=photo("P").getpixel((5, 5))),
    "moving gif": film("GIF"),
    **{f"bmp {mode}": encoded(photo(mode), "BMP") for mode in ("L", "P", "RGB", "RGBA")},
    "webp": encoded(photo(), "WEBP", quality=90),
    "lossless webp": encoded(photo(), "WEBP", lossless=True),
    "webp with alpha": encoded(photo("RGBA"), "WEBP", lossless=True, exact=True),
    "lossy webp with alpha": encoded(photo("RGBA"), "WEBP", quality=90),
    **{f"turned webp {way}": turned("WEBP", way) for way in range(2, 9)},
    "16-bit grey": deep(1, 65535),
    "16-bit RGB": deep(3, 65535),
    "16-bit RGBA": deep(4, 65535),
}


def decoded(files, channels, size=SHAPE, white_level=None):
    """By the graph, as a server runs it."""
    decode = tf.function(lambda files: decode_images(files, (*size, channels), white_level), autograph=False)
    return decode(tf.constant(files)).numpy().astype(int)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_files_are_decoded_as_for_training(channels):
    found = decoded(list(FILES.values()), channels, (24, 20))
    wanted = [decode_image(file, channels, (24, 20)) for file in FILES.values()]
    differing = {name: np.abs(got - want).max() for name, got, want in zip(FILES, found, wanted, strict=True)}
    assert {name: difference for name, difference in differing.items() if difference > 2} == {}


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_white_level_means_the_same_as_in_training(channels):
    files = [deep(1, 4095), deep(3, 4095), deep(4, 4095), deep(3, 9000), FILES["png RGB"], FILES["jpeg"], FILES["webp"], FILES["gif"]]
    found = decoded(files, channels, white_level=4095)
    for got, file in zip(found, files, strict=True):
        assert np.abs(got - decode_image(file, channels, SHAPE, white_level=4095)).max() <= 1
    assert found[0].max() == 255


@pytest.mark.parametrize(
    "file",
    [
        encoded(photo(), "TIFF"),
        encoded(photo(), "PPM"),
        encoded(photo("1"), "BMP"),
        film("WEBP", lossless=True),  # TensorFlow 2.20 ends the process on it
        encoded(photo("L"), "BMP")[:30] + b"\1" + encoded(photo("L"), "BMP")[31:],  # says that it is compressed
        FILES["webp"][: len(FILES["webp"]) // 2],
        FILES["gif"][: len(FILES["gif"]) // 2],
        b"BM",
        b"RIFF1234WEBP",
        b"",
    ],
    ids=["tiff", "ppm", "bmp of 1 bit", "moving webp", "compressed bmp", "torn webp", "torn gif", "bmp's mark", "webp's mark", "nothing"],
)
def test_what_the_graph_cannot_read_is_an_error_and_not_another_picture(file):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decoded([file], 3)


@pytest.mark.parametrize("name", [name for name in FILES if "moving" not in name and "turned" not in name])
def test_pixels_are_counted_from_the_header(name):
    frames = 2 if "gif" in name else 1  # the canvas and its one frame
    assert count_pixels(FILES[name]) == SHAPE[0] * SHAPE[1] * frames
    if "webp" in name or "gif" in name:
        assert count_pixels(FILES[name][: 60 if "webp" in name else None]) > 0


def test_every_frame_of_a_gif_is_counted():
    """A small file may hold many: TensorFlow decodes them all."""
    frames = [Image.new("P", (2000, 1000), number % 200) for number in range(20)]
    file = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=20)
    assert count_pixels(file) >= 20 * 2000 * 1000 * 0.5
    assert len(file) < 1_000_000


@pytest.mark.parametrize("channels", [2, pytest.param(4, marks=pytest.mark.slow), 6])
def test_models_of_other_channels_are_exported(channels, tmp_path):
    model = RAM(num_classes=3, patch_size=4, num_glimpses=2, units=8, num_scales=1)
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).integers(0, 256, [2, 12, 10, channels], np.uint8)
    scores = tf.nn.softmax(model(images).logits[:, -1])
    path = export_model(model, tmp_path, warm_up_batch_sizes=(1,))
    signatures = tf.saved_model.load(str(path)).signatures
    np.testing.assert_allclose(signatures["uint8"](images=tf.constant(images))["scores"], scores, atol=1e-5)
    if channels != 4:
        assert set(signatures) == {"uint8", "float", "serving_default"}
        return
    files = tf.constant([encoded(Image.fromarray(image), "PNG") for image in images])
    np.testing.assert_allclose(signatures["serving_default"](image_bytes=files)["scores"], scores, atol=1e-5)
