"""`load`: images and labels of a named set or of a folder, ready for the pipeline."""

import importlib
from collections.abc import Sequence

import numpy as np

from tf_glimpse.datasets.decode import size_pair
from tf_glimpse.datasets.encoded import encoded_sources
from tf_glimpse.datasets.folders import find_images
from tf_glimpse.datasets.names import folder_of
from tf_glimpse.datasets.notes import copy_notes, tell
from tf_glimpse.datasets.prepare import prepared_builder
from tf_glimpse.datasets.sources import ImageData, array_source
from tf_glimpse.datasets.splits import split_files, split_positions
from tf_glimpse.datasets.stored import read_split
from tf_glimpse.types import AnyPath, UserError


def load(
    name_or_path: AnyPath,
    *,
    image_size: int | Sequence[int] | None = None,
    channels: int | None = None,
    manual_dir: AnyPath | None = None,
    data_dir: AnyPath | None = None,
    validation_fraction: float = 0.1,
    skip_corrupt: bool = False,
    seed: int = 0,
    white_level: float | None = None,
    group_duplicates: bool = False,
) -> ImageData:
    """Loads a named set or a folder of images, and warns (`DataWarning`) of what a user should know: files left out, copies, dark files.

    A TFDS set whose images have one size is held in memory, decoded. Images of mixed sizes, of a TFDS set or in a folder, are held decoded
    if that takes 2 GiB a split at most; else they are decoded batch by batch: files and splits above 2 GiB from where they lie.

    Args:
        name_or_path: "mnist", "fashion_mnist", "cifar10", "translated_mnist/60" (or /100), "cluttered_mnist/60" (or /100, /1024),
            "cluttered_fashion_mnist/60", "digits_canvas", any other TFDS name with an image and a class label, or a folder: CLASS/*.jpg
            (or any other format that Pillow reads; in subfolders of CLASS too), or SPLIT/CLASS/*.jpg with SPLIT one of train (training),
            val (valid, validation, dev) and test (testing, eval).
            `./mnist` is a folder, `mnist` is MNIST.
            A name by which `manual_dir` has a folder with `train/` means that folder.
        image_size: (height, width) in pixels, or an int for squares: images are resized, aspect kept, until they just cover it, and
            their centre is cropped. None keeps the images' size if all have the same one, else means 128.
        channels: 1 (grey), 3 (RGB), 4 (RGB and alpha), or None: 1 if every image is stored grey, else 3.
        manual_dir: folder with files already downloaded, one subfolder a set; default: environment variable TF_GLIMPSE_MANUAL_DIR.
        data_dir: where prepared sets lie; default: ~/tensorflow_datasets.
        validation_fraction: share of the training split that becomes the validation split if the set has none of its own; 0 for none.
        skip_corrupt: leave out images that cannot be decoded (`ImageData.skipped` counts them, a note names them) instead of raising.
        seed: of the validation split. Keep it when training with several seeds. A folder's validation files are chosen by their names.
        white_level: the value that is white in files of more than 8 bits, such as 4095 for 12 bits stored in 16; see `decode_image`.
        group_duplicates: whether images of a folder with the same pixels stay in one part when a validation split is made.

    Returns:
        `ImageData`. Its test split is None where the set has none (or one without labels); it is never made from training images.

    Raises:
        UserError: says what was wanted and what came; without network and without `manual_dir` within a few seconds.

    Example:
        >>> data = load("digits_canvas")
        >>> len(data.train), len(data.validation), len(data.test), data.image_shape
        (1197, 200, 400, (60, 60, 1))
    """
    given = {"validation_fraction": validation_fraction, "seed": seed, "group_duplicates": group_duplicates}
    reading = {"channels": channels, "skip_corrupt": skip_corrupt, "white_level": white_level}
    data = read_data(name_or_path, image_size, manual_dir, data_dir, given, **reading)
    tell(data.notes)
    return data


def read_data(name_or_path, image_size, manual_dir, data_dir, splitting, **reading):
    """`load` without its warnings: `splitting` and `reading` hold the arguments on how to split, and how to read images."""
    _check(splitting["validation_fraction"], **reading)
    size, name = size_pair(image_size), str(name_or_path)
    if not name:
        raise UserError("expected the name of a data set or a folder, got ''")
    folder = folder_of(name, manual_dir)
    if folder:
        found = find_images(folder)
        sources, skipped, notes = encoded_sources(found.splits, size, **reading)
        return _image_data(name, sources, found.class_names, **splitting, skipped=skipped, notes=[*found.notes, *notes])
    importlib.import_module("tf_glimpse.datasets.builders")  # registers this package's own sets with TFDS, which takes a second to import
    builder = prepared_builder(name, manual_dir, data_dir)
    canvas, channels = getattr(builder, "canvas", None), reading["channels"]
    if canvas and (size not in (None, (canvas.size, canvas.size)) or channels not in (None, 1)):
        raise UserError(f"'{name}' has grey images of {canvas.size}x{canvas.size} pixels, got image_size={image_size}, channels={channels}")
    sources, skipped, notes = read_sources(builder) if canvas else read_sources(builder, size, **reading)
    stores_canvases = getattr(builder, "stores_canvases", True)
    if not stores_canvases:
        sources |= {split: builder.composed(split, digits) for split, digits in sources.items() if split != "train"}
    recompose = getattr(builder, "recompose", None) if stores_canvases else None
    about = {"canvas": canvas, "skipped": skipped, "recompose": recompose, "notes": notes}
    return _image_data(name, sources, builder.info.features["label"].names, **splitting, **about)


def _check(validation_fraction, channels, white_level, skip_corrupt):
    if not 0 <= validation_fraction < 1:
        raise UserError(f"validation_fraction must be from 0 to below 1, got {validation_fraction}")
    if channels not in (None, 1, 3, 4):
        raise UserError(f"channels must be 1 (grey), 3 (RGB), 4 (RGB and alpha) or None, got {channels}")
    if white_level is not None and not white_level > 0:
        raise UserError(f"white_level must be a number above 0, such as 4095, or None, got {white_level}")


def _image_data(name, sources, class_names, validation_fraction, seed, group_duplicates, notes=(), **about):
    train, validation, test = (sources.get(split) for split in ("train", "validation", "test"))
    notes, split_here = list(notes), validation is None and validation_fraction > 0
    if split_here:
        train, validation = hold_out_part(train, validation_fraction, seed, group_duplicates)
        if validation is None:
            few = f"{len(train)} images of {len(class_names)} classes are too few for a share of {validation_fraction:g}"
            notes.append(f"nothing is held out to validate on: {few}; errors on images that were trained on look too small")
    notes += copy_notes({"train": train, "validation": validation, "test": test}, grouped=split_here and group_duplicates)
    canvas = about.get("canvas")
    image_shape = train.image_shape if canvas is None else (canvas.size, canvas.size, 1)
    return ImageData(name, train, validation, test, len(class_names), list(class_names), image_shape, notes=tuple(notes), **about)


def hold_out_part(source, fraction, seed, group_duplicates=False):
    """(what is left of a source, a part to validate on or None where there are too few images): of files by their names."""
    if source.files is None:
        chosen, held_out = split_positions(source.labels, fraction, seed)
    else:
        chosen, held_out = split_files(source.files, source.labels, fraction, seed, source.copies if group_duplicates else None)
    return (source.subset(chosen), source.subset(held_out)) if len(held_out) else (source, None)


def read_sources(builder, image_size=None, channels=None, skip_corrupt=False, white_level=None):
    """Reads the train, validation and test splits of a prepared builder, as far as it has them and they have labels.

    Args:
        builder: as `prepared_builder` returns it.
        image_size, channels, skip_corrupt, white_level: as in `load`.

    Returns:
        (dict of split -> `ImageSource`, how many images were left out, a list of what the user should know).

    Raises:
        UserError: no labelled training split.
    """
    names = [name for name in ("train", "validation", "test") if name in builder.info.splits]
    as_stored = hasattr(builder, "canvas") or _fits(builder.info.features["image"], image_size, channels)
    splits = {name: read_split(builder, name, decode=as_stored) for name in names}
    splits = {name: (images, labels) for name, (images, labels) in splits.items() if labels.min(initial=0) >= 0}
    if "train" not in splits:
        raise UserError(f"'{builder.name}' has no labelled split called train; it has {', '.join(builder.info.splits)}")
    if as_stored:
        return {name: array_source(*split) for name, split in splits.items()}, 0, []
    channels = channels or {1: 1, 3: 3, 4: 4}.get(builder.info.features["image"].shape[-1])
    checked = True  # TFDS did, when it prepared them
    return encoded_sources(splits, image_size, channels, skip_corrupt, checked, white_level)


def _fits(feature, image_size, channels):
    """Whether all images are uint8 and of the size and channels asked for, so that TFDS can decode them straight into one array."""
    height, width, depth = feature.shape
    sized = height and width and size_pair(image_size) in (None, (height, width))
    return sized and depth in (1, 3, 4) and channels in (None, depth) and feature.np_dtype == np.uint8
