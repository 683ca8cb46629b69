"""Files and folders that a user names: which images they are, found one by one, the names of one folder at a time. Loads no TensorFlow."""

import collections
import os
import pathlib

from tf_glimpse.datasets.decode import readable_endings


class ImageFiles:
    """The images among files and folders, as an iterable that may be gone through again; none is kept in memory.

    A file is taken as it is named. Of a folder and all folders below it those files are taken that end as images do; hidden ones are
    passed over. Folders are gone through in alphabetical order, each once, however many links lead to it.

    Args:
        paths: strings or `pathlib.Path`s.

    Attributes:
        other: a Counter of the endings of files that were left out, such as {".txt": 3}; whole when all images have been gone through.
    """

    def __init__(self, paths):
        self.paths = [pathlib.Path(path).expanduser() for path in paths]
        self.other = collections.Counter()

    def __iter__(self):
        """Yields a `pathlib.Path` an image."""
        self.other.clear()
        seen = set()
        for path in self.paths:
            if path.is_dir():
                yield from self._inside(path, seen)
            else:
                yield path

    def _inside(self, folder, seen):
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        for name in sorted(os.listdir(folder)):
            path = folder / name
            if name.startswith("."):
                continue
            if path.is_dir():
                yield from self._inside(path, seen)
            elif is_image(path):
                yield path
            else:
                self.other[path.suffix or path.name] += 1


def is_image(path):
    """Whether a file's name ends as that of an image which Pillow reads."""
    return path.suffix.lower() in readable_endings()
