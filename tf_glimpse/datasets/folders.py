"""Folders of images: CLASS/*.jpg, or SPLIT/CLASS/*.jpg with SPLIT such as train, val and test. Loads no TensorFlow."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tf_glimpse.datasets.class_names import readable
from tf_glimpse.datasets.decode import readable_endings
from tf_glimpse.datasets.notes import counted, listed
from tf_glimpse.types import UserError

_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval"), "test"),
}
_IGNORED = {"thumbs.db", "desktop.ini", "__macosx", "@eadir"}  # what systems leave behind; so are names that begin with a dot


class FoundImages(NamedTuple):
    """A folder's images.

    Attributes:
        splits: dict of split ("train", "validation", "test") -> (list of paths, labels int64 `[N]`, tuple of "CLASS/name").
        class_names: list of str, in the order of their labels.
        notes: list of what was left out, a line each.
    """

    splits: dict
    class_names: list
    notes: list


def find_images(folder):
    """Lists a folder's images: files of any format that Pillow reads, those in subfolders of a class too; links are followed.

    Args:
        folder: path. Its subfolders are splits if one of them is called `train` or `training`, in any case, and has subfolders; otherwise
            they are classes. `val`, `valid`, `validation` and `dev` mean validation, `test`, `testing` and `eval` mean test.

    Returns:
        `FoundImages`.

    Raises:
        UserError: no such folder, an empty one, fewer than two classes, a class without images, splits without classes, a split with
            classes of its own, two folders for one split, or class names that cannot be told apart.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise UserError(f"no such folder: '{folder}'")
    split_folders = _split_folders(folder)
    class_folders = _subfolders(split_folders["train"])
    class_names = [readable(part.name) for part in class_folders]
    if len(class_names) < 2:
        found = f"one class ('{class_names[0]}')" if class_names else "no subfolder"
        raise UserError(f"expected at least two classes, as {split_folders['train']}/CLASS/*.jpg or *.png, found {found}")
    if len(set(class_names)) < len(class_names):
        raise UserError(f"'{folder}' has classes whose names read alike: {', '.join(class_names)}")
    left_out = _LeftOut(folder)
    splits = {name: _list_split(part, [part.name for part in class_folders], left_out) for name, part in split_folders.items()}
    if len(split_folders) > 1 or split_folders["train"] != folder:
        left_out.beside(folder, [part for part in folder.iterdir() if part not in split_folders.values() and not _is_ignored(part.name)])
    recoded = [name for name, part in zip(class_names, class_folders, strict=True) if name != part.name]
    notes = [f"names of classes that are no UTF-8 are read as Latin-1: {', '.join(recoded)}"] if recoded else []
    return FoundImages(splits, class_names, [*notes, *left_out.notes()])


def _split_folders(folder):
    """Dict of split -> its folder; the folder itself is "train" where its subfolders are classes."""
    parts = _subfolders(folder)
    named = [part for part in parts if part.name.lower() in _SPLITS]
    training = [part for part in named if _SPLITS[part.name.lower()] == "train"]
    if any(_subfolders(part) for part in training):
        return _one_folder_a_split(folder, named)
    if (named == parts and named) or (len(named) > 1 and training):
        names = ", ".join(part.name for part in named)
        wanted = f"{folder}/train/CLASS/*.jpg and {folder}/test/CLASS/*.jpg"
        raise UserError(f"'{folder}' has folders named as splits ({names}) without a training split that has classes; expected {wanted}")
    return {"train": folder}


def _one_folder_a_split(folder, named):
    found = {}
    for part in named:
        found.setdefault(_SPLITS[part.name.lower()], []).append(part)
    for split, parts in found.items():
        if len(parts) > 1:
            raise UserError(f"expected one {split} split in '{folder}', found {', '.join(part.name for part in parts)}")
    return {split: parts[0] for split, parts in found.items()}


def _list_split(folder, names, left_out):
    unknown = sorted({part.name for part in _subfolders(folder)} - set(names))
    if unknown:
        raise UserError(f"'{folder}' has classes that the training split lacks: {', '.join(map(readable, unknown))}")
    paths, labels = [], []
    for label, name in enumerate(names):
        found, others = _walk(folder / name)
        left_out.of_class(others)
        if not found:
            others = f" (found {listed([readable(path.name) for path in others], most=3)})" if others else ""
            some = ".jpg, .png, .tif, .webp, .bmp, .gif"
            raise UserError(f"no images in '{readable(str(folder / name))}'{others}; expected files that Pillow reads, such as {some}")
        paths += found
        labels += [label] * len(found)
    left_out.beside(folder, [path for path in folder.iterdir() if not path.is_dir()])
    return paths, np.array(labels, np.int64), tuple(path.relative_to(folder).as_posix() for path in paths)


def _walk(folder):
    """(sorted image files below a folder, sorted others); hidden ones are neither, and a folder that links to one above it is left."""
    images, others, seen = [], [], {_identity(above) for above in [*folder.parents, *folder.resolve().parents]}
    for place, folders, files in os.walk(folder, followlinks=True):
        if (identity := _identity(place)) in seen:
            folders.clear()
            continue
        seen.add(identity)
        folders[:] = [name for name in folders if not _is_ignored(name)]
        for path in (Path(place, name) for name in files if not _is_ignored(name)):
            (images if _is_named_image(path) and path.is_file() else others).append(path)
    return sorted(images), sorted(others)


def _identity(folder):
    status = os.stat(folder)
    return status.st_dev, status.st_ino


class _LeftOut:
    """The files of a folder that are not read, and why."""

    def __init__(self, folder):
        self.folder = folder
        self.not_images, self.not_files, self.no_class = [], [], []

    def of_class(self, paths):
        for path in paths:
            (self.not_files if _is_named_image(path) else self.not_images).append(path)

    def beside(self, folder, paths):
        """Images that lie where classes or splits are expected."""
        for path in paths:
            inside = _walk(path)[0] if path.is_dir() else [path]
            self.no_class += [found for found in inside if _is_named_image(found) and not _is_ignored(found.name)]

    def notes(self):
        left_out = [
            (self.not_images, "not an image by its ending"),
            (self.not_files, "not a regular file, or a link to nothing"),
            (self.no_class, "beside the classes"),
        ]
        return [f"left out {counted(len(paths), 'file')} ({why}): {self._names(paths)}" for paths, why in left_out if paths]

    def _names(self, paths):
        return listed([readable(path.relative_to(self.folder).as_posix()) for path in sorted(paths)])


def _is_named_image(path):
    return path.suffix.lower() in readable_endings()


def _is_ignored(name):
    return name.startswith(".") or name.lower() in _IGNORED


def _subfolders(folder):
    return sorted(part for part in folder.iterdir() if part.is_dir() and not _is_ignored(part.name))
