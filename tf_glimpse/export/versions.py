"""The versions in a model's folder: its subfolders with a whole number for a name."""

from pathlib import Path

from tf_glimpse.types import UserError


def versions(base_path):
    """The versions in a model's folder, in order: its subfolders with a whole number for a name, as TF-Serving sees them."""
    base_path = Path(base_path).expanduser()
    if not base_path.is_dir():
        return []
    return sorted(int(folder.name) for folder in base_path.iterdir() if folder.name.isdecimal() and folder.is_dir())


def highest_version(base_path):
    """The folder of the highest version, which a server answers with.

    Raises:
        UserError: there is none.
    """
    found = versions(base_path)
    if not found:
        missing = f"no model version (a folder named by a number) in {base_path}"
        raise UserError(f"{missing}: make one with `tf-glimpse export` or `export_model`")
    folders = Path(base_path).expanduser().iterdir()
    return next(folder for folder in folders if folder.name.isdecimal() and int(folder.name) == found[-1])
