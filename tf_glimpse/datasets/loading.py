"""`load`: images and labels of a named set or of a folder, ready for the pipeline."""

from pathlib import Path

from tf_glimpse.datasets.encoded import encoded_sources
from tf_glimpse.datasets.folders import find_images
from tf_glimpse.datasets.named import read_sources
from tf_glimpse.datasets.prepare import NAMES, prepared_builder
from tf_glimpse.datasets.sources import ImageData, split_positions
from tf_glimpse.types import UserError


def load(
    name_or_path,
    *,
    image_size=None,
    channels=None,
    manual_dir=None,
    data_dir=None,
    validation_fraction=0.1,
    skip_corrupt=False,
    seed=0,
):
    """Loads a named set or a folder of images.

    Args:
        name_or_path: "mnist", "fashion_mnist", "cifar10", "translated_mnist/60" (or /100), "cluttered_mnist/60" (or /100),
            "digits_canvas", any other TFDS name with an image and a class label, or a folder: CLASS/*.jpg (or png, ...), or
            SPLIT/CLASS/*.jpg with SPLIT one of train, val (validation, valid) and test. `./mnist` is a folder, `mnist` is MNIST.
        image_size: pixels a side: shorter side resized to it, aspect kept, centre square cropped. None keeps the images' size if
            all have the same one, else means 128.
        channels: 1 (grey), 3 (RGB), or None: 1 if every image is stored grey, else 3.
        manual_dir: folder with files already downloaded, one subfolder a set; default: environment variable TF_GLIMPSE_MANUAL_DIR.
        data_dir: where prepared sets lie; default: ~/tensorflow_datasets.
        validation_fraction: share of the training split that becomes the validation split if the set has none of its own; 0 for none.
        skip_corrupt: leave out images that cannot be decoded (`ImageData.skipped` counts them) instead of raising.
        seed: of the validation split. Keep it when training with several seeds.

    Returns:
        `ImageData`. Its test split is None where the set has none (or one without labels); it is never made from training images.

    Raises:
        UserError: says what was wanted and what came; without network and without `manual_dir` within a few seconds.

    Example:
        >>> data = load("digits_canvas")
        >>> len(data.train), len(data.validation), len(data.test), data.image_shape
        (1197, 200, 400, (60, 60, 1))
    """
    if not 0 <= validation_fraction < 1:
        raise UserError(f"validation_fraction must be from 0 to below 1, got {validation_fraction}")
    if channels not in (None, 1, 3):
        raise UserError(f"channels must be 1 (grey), 3 (RGB) or None, got {channels}")
    if image_size is not None and image_size < 1:
        raise UserError(f"image_size must be at least 1 pixel, got {image_size}")
    name = str(name_or_path)
    if not name:
        raise UserError("wanted the name of a data set or a folder, got ''")
    if name not in NAMES and (Path(name).expanduser().is_dir() or name.startswith((".", "/", "~"))):
        splits, class_names = find_images(name)
        sources, skipped = encoded_sources(splits, image_size, channels, skip_corrupt)
        return _image_data(name, sources, class_names, validation_fraction, seed, skipped=skipped)
    builder = prepared_builder(name, manual_dir, data_dir)
    canvas = getattr(builder, "canvas", None)
    if canvas and (image_size not in (None, canvas.size) or channels not in (None, 1)):
        raise UserError(f"'{name}' has grey images of {canvas.size}x{canvas.size} pixels, got image_size={image_size}, channels={channels}")
    sources, skipped = read_sources(builder) if canvas else read_sources(builder, image_size, channels, skip_corrupt)
    return _image_data(name, sources, builder.info.features["label"].names, validation_fraction, seed, canvas=canvas, skipped=skipped)


def _image_data(name, sources, class_names, validation_fraction, seed, canvas=None, skipped=0):
    train, validation = sources["train"], sources.get("validation")
    if validation is None and round(validation_fraction * len(train)):
        train, validation = (train.subset(positions) for positions in split_positions(train.labels, validation_fraction, seed))
    image_shape = train.image_shape if canvas is None else (canvas.size, canvas.size, 1)
    return ImageData(name, train, validation, sources.get("test"), len(class_names), list(class_names), image_shape, canvas, skipped)
