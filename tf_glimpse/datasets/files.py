"""Files that are there whole or not at all."""

import os


def write_whole(path, write):
    """Calls `write` with a path beside `path` that ends alike, and renames it: a kill leaves the old file or the new one, whole.

    Args:
        path: a `pathlib.Path`.
        write: a function of a path, such as a Keras model's `save`.
    """
    part = path.with_name(f".part-{os.getpid()}.{path.name}")
    try:
        write(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
