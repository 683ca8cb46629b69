"""What the name of data means: a set's name, or a folder's path."""

import os
from pathlib import Path

from tf_glimpse.types import AnyPath

MANUAL_DIR_VARIABLE = "TF_GLIMPSE_MANUAL_DIR"
NAMES = (
    "mnist",
    "fashion_mnist",
    "cifar10",
    "translated_mnist/60",
    "translated_mnist/100",
    "cluttered_mnist/60",
    "cluttered_mnist/100",
    "cluttered_mnist/1024",
    "cluttered_fashion_mnist/60",
    "digits_canvas",
)


def whole_name(name: AnyPath | None) -> AnyPath | None:
    """A folder's path kept whole, so that it means the same from anywhere; the name of a known set, and None, as it is."""
    name = name and str(name)
    return str(Path(name).expanduser().resolve()) if name and name not in NAMES and Path(name).expanduser().is_dir() else name


def folder_of(name, manual_dir=None):
    """The folder of images that a name means, whether it is there or not; None for the name of a set.

    Args:
        name: as for `load`. What begins with `.`, `/` or `~`, or ends with `/`, is a path.
        manual_dir: a folder whose subfolders, named by a set, hold its images; default: environment variable TF_GLIMPSE_MANUAL_DIR.
    """
    if name in NAMES:
        return None
    if Path(name).expanduser().is_dir() or name.startswith((".", "/", "~")) or name.endswith("/"):
        return name
    manual_dir = manual_dir or os.environ.get(MANUAL_DIR_VARIABLE)
    kept = Path(manual_dir).expanduser() / name if manual_dir else None
    return kept if kept and (kept / "train").is_dir() else None


def refuse_wrong_name(name: AnyPath, manual_dir: AnyPath | None = None, data_dir: AnyPath | None = None) -> None:
    """Refuses in a second what `load` would refuse once TensorFlow is loaded: a folder that is none or has no classes, an unknown set.

    Args:
        name, manual_dir, data_dir: as for `load`.

    Raises:
        UserError: as `load`.
    """
    name = str(name)
    if name in NAMES:
        return
    if folder := folder_of(name, manual_dir):
        from tf_glimpse.datasets.folders import find_images

        find_images(folder)
        return
    import tensorflow_datasets as tfds

    from tf_glimpse.datasets.prepare import unknown_name

    own = Path(data_dir).expanduser() if data_dir else Path(tfds.core.constants.DATA_DIR)
    plain = name.partition("/")[0]
    if ":" in name or (plain and (own / plain).is_dir()):
        return
    try:
        tfds.builder_cls(plain)
    except (tfds.core.DatasetNotFoundError, ValueError):
        raise unknown_name(name) from None
