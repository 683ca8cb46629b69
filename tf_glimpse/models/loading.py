"""Models from files and from the presets that ship with the package."""

import pathlib
import warnings
import zipfile

import keras

from tf_glimpse.models.precision import check_precision
from tf_glimpse.types import AnyPath, UserError
from tf_glimpse.weights import find_preset


def load_model(path: AnyPath) -> keras.Model:
    """A model saved with `model.save(path)`, a `.keras` file.

    Args:
        path: the file.

    Raises:
        UserError: no such file, a damaged one, or one of parts that this program does not know.
    """
    check_precision()
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise UserError(f"No model at {path}. Expected: a .keras file, as model.save(path) or `tf-glimpse train` write it.")
    _check_whole(path)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
            return keras.saving.load_model(path)
    except Exception as error:  # a file may hold anything, so that Keras may raise anything
        raise UserError(f"{path} is not a model that this version can read: {_first_line(error)}") from error


def load_weights(model, path):
    """`model.load_weights(path)`, a `.weights.h5` or `.keras` file.

    Raises:
        UserError: no such file, a damaged one, or one of another model.
    """
    try:
        model.load_weights(path)
    except Exception as error:  # as above
        raise UserError(f"{path} does not hold the weights of this {type(model).__name__}: {_first_line(error)}") from error


def _check_whole(path):
    """Compares each part of a zip file with its checksum, which Keras does not."""
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except Exception as error:  # damaged headers raise errors of many classes
        raise UserError(f"{path} is damaged, or no .keras file: {_first_line(error)}") from error
    if broken:
        raise UserError(f"{path} is damaged: the checksum of {broken} in it is wrong; restore it.")


def _first_line(error):
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def from_preset(name):
    """The model of a preset's name, of a folder that `model.save_to_preset(folder)` made, or of a `.keras` file's path.

    Raises:
        UserError: none of them; the message lists the presets.
    """
    return load_model(name if pathlib.Path(name).suffix == ".keras" else find_preset(name)[0])
