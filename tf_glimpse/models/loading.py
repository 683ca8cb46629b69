"""Models from files and from the presets that ship with the package."""

import pathlib
import warnings

import keras

from tf_glimpse.types import UserError
from tf_glimpse.weights import find_preset


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


def from_preset(name):
    """The model of a preset's name, of a folder that `model.save_to_preset(folder)` made, or of a `.keras` file's path.

    Raises:
        UserError: none of them; the message lists the presets.
    """
    return load_model(name if pathlib.Path(name).suffix == ".keras" else find_preset(name)[0])
