"""Folders of images: CLASS/*.jpg, or SPLIT/CLASS/*.jpg with SPLIT one of train, val (or validation, valid) and test."""

from pathlib import Path

import numpy as np

from tf_glimpse.types import UserError

_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp"}
_SPLITS = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}


def find_images(folder):
    """Lists a folder's images.

    Args:
        folder: path. With a subfolder `train` its subfolders are splits, otherwise classes.

    Returns:
        (dict of split -> (list of paths, labels int64 `[N]`), list of class names in the order of their labels).

    Raises:
        UserError: no such folder, an empty one, fewer than two classes, a class without images, a split with classes of its
            own, or two validation splits.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise UserError(f"no such folder: '{folder}'")
    parts = _subfolders(folder)
    split_folders = _split_folders(folder, parts) if folder / "train" in parts else {"train": folder}
    class_names = [part.name for part in _subfolders(split_folders["train"])]
    if len(class_names) < 2:
        found = f"one class ('{class_names[0]}')" if class_names else "no subfolder"
        raise UserError(f"wanted at least two classes, as {split_folders['train']}/CLASS/*.jpg or *.png, found {found}")
    return {split: _list_split(part, class_names) for split, part in split_folders.items()}, class_names


def _split_folders(folder, parts):
    parts = [part for part in parts if part.name in _SPLITS]
    found = {_SPLITS[part.name]: part for part in parts}
    if len(found) < len(parts):
        raise UserError(f"wanted one validation split in '{folder}', found {', '.join(part.name for part in parts)}")
    return found


def _list_split(folder, class_names):
    unknown = sorted({part.name for part in _subfolders(folder)} - set(class_names))
    if unknown:
        raise UserError(f"'{folder}' has classes that the training split has not: {', '.join(unknown)}")
    paths, labels = [], []
    for label, name in enumerate(class_names):
        found = sorted(path for path in (folder / name).glob("[!.]*") if path.suffix.lower() in _SUFFIXES)
        if not found:
            raise UserError(f"no images in '{folder / name}'; wanted files ending in {', '.join(sorted(_SUFFIXES))}")
        paths += found
        labels += [label] * len(found)
    return paths, np.array(labels, np.int64)


def _subfolders(folder):
    return sorted(part for part in folder.iterdir() if part.is_dir() and not part.name.startswith("."))
