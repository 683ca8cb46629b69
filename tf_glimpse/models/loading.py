"""Models from files and from the presets that ship with the package."""

import pathlib
import warnings

import keras

from tf_glimpse.types import UserError

PRESETS = pathlib.Path(__file__).resolve().parent.parent / "presets"


def load_model(path):
    """A model saved with `model.save(path)`, a `.keras` file.

    Args:
        path: the file.

    Raises:
        UserError: no such file, or one that Keras cannot read.
    """
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise UserError(f"No model at {path}. Wanted: a .keras file, as model.save(path) or `tf-glimpse train` write it.")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
            return keras.saving.load_model(path)
    except (ValueError, OSError, TypeError) as error:
        raise UserError(f"{path} is not a model that this version can read: {str(error).splitlines()[0]}") from error


def preset_names():
    """The names of the presets that ship with the package, sorted."""
    return sorted(path.stem for path in PRESETS.glob("*.keras"))


def from_preset(name):
    """The model of a preset's name or of a `.keras` file's path.

    Raises:
        UserError: neither; the message lists the presets.
    """
    if pathlib.Path(name).suffix == ".keras":
        return load_model(name)
    if name not in preset_names():
        raise UserError(f"No preset {name!r}. There are: {', '.join(preset_names()) or 'none'}; or pass the path of a .keras file.")
    return load_model(PRESETS / f"{name}.keras")
