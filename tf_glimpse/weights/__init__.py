"""Presets: the trained weights that ship with the package, and folders of one's own laid out alike. Loads no TensorFlow."""

import pathlib
from typing import NamedTuple

from tf_glimpse.files import read_json
from tf_glimpse.types import UserError

PRESETS = pathlib.Path(__file__).resolve().parent
MODEL, CARD = "model.keras", "preset.json"  # in a folder of one's own


class Preset(NamedTuple):
    """One line of `presets()`.

    Attributes:
        name: what `from_preset` and `--preset` take.
        task: what it was trained for, in words.
        data: the set it was trained on.
        error_percent: on the test images of that set, by one deterministic rollout.
        megabytes: size of the weights' file on disk, in 10**6 bytes.
        licence: of the weights.
    """

    name: str
    task: str
    data: str
    error_percent: float
    megabytes: float
    licence: str


def presets() -> list[Preset]:
    """The presets that ship with the package, as their cards describe them, sorted by name.

    Returns:
        a list of `Preset`.

    Example:
        >>> digits = next(preset for preset in presets() if preset.name == "ram_digits")
        >>> digits.data, digits.error_percent, round(digits.megabytes, 1), digits.licence
        ('digits_canvas', 2.75, 1.1, 'Apache-2.0')
    """
    return [_described(name) for name in preset_names()]


def preset_names():
    """The names of the presets that ship with the package, sorted."""
    return sorted(path.stem for path in PRESETS.glob("*.keras"))


def find_preset(name):
    """`(path of the model, card)` of a preset's name, or of a folder that `model.save_to_preset(folder)` made; the card is a dict.

    Raises:
        UserError: neither; the message lists the presets. A card that cannot be read.
    """
    if name in preset_names():
        return PRESETS / f"{name}.keras", read_json(PRESETS / f"{name}.json", recipe=dict, seed=int)
    folder = pathlib.Path(name).expanduser()
    if (folder / CARD).is_file():
        return folder / MODEL, read_json(folder / CARD, recipe=dict, seed=int)
    made = "a folder that model.save_to_preset(folder) made"
    raise UserError(f"No preset {str(name)!r}. There are: {', '.join(preset_names()) or 'none'}; or pass {made}.")


def _described(name):
    model, card = find_preset(name)
    recipe, results = card["recipe"], card["results"]
    return Preset(name, recipe["description"], recipe["data"], results["error_percent"], model.stat().st_size / 1e6, card["licence"])
