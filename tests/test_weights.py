"""The list of presets, and folders of one's own that are read as presets."""

import json
import pathlib

import numpy as np
import pytest

import tf_glimpse
from tf_glimpse.cli import main
from tf_glimpse.training import get_recipe
from tf_glimpse.types import UserError
from tf_glimpse.weights import PRESETS, preset_names

IMAGES = np.random.default_rng(0).random([4, 20, 20, 1]).astype("float32")


def built(**kwargs):
    model = tf_glimpse.RAM(2, patch_size=6, num_glimpses=2, units=8, class_names=["dog", "cät"], seed=3, **kwargs)
    model.build((None, 20, 20, 1))
    return model


def test_every_preset_is_listed_as_its_card_and_its_file_say():
    assert [found.name for found in tf_glimpse.presets()] == preset_names()
    for found in tf_glimpse.presets():
        card = (PRESETS / f"{found.name}.md").read_text()
        assert f"| {found.error_percent:.2f} %, one deterministic rollout |" in card
        assert f"| licence of the weights | {found.licence} |" in card
        assert card.splitlines()[2].lower() == f"{found.task}.".lower()
        assert found.megabytes == (PRESETS / f"{found.name}.keras").stat().st_size / 1e6


def test_no_public_name_is_a_folder_or_module_too():
    """A folder `presets/` would be a module of that name, and take the function's place once somebody imports it."""
    inside = {path.stem for path in pathlib.Path(tf_glimpse.__file__).parent.iterdir()}
    assert not inside & set(tf_glimpse.__all__)


def test_the_command_prints_a_line_a_preset(capsys):
    assert main(["presets"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["PRESET", "ERROR", "%", "MB", "LICENCE", "TASK"]
    assert [line.split()[0] for line in lines] == preset_names()
    assert next(line for line in lines if line.startswith("ram_digits ")).split()[1:4] == ["2.75", "1.1", "Apache-2.0"]


@pytest.mark.parametrize("kind", ["RAM", "AdaptiveModel", "ReconstructingModel"])
def test_a_kept_model_answers_as_before(kind, tmp_path):
    wrap = {
        "RAM": lambda model: model,
        "AdaptiveModel": lambda model: tf_glimpse.AdaptiveModel(model, stopping_units=4),
        "ReconstructingModel": lambda model: tf_glimpse.ReconstructingModel(
            model, tf_glimpse.HiddenStateVAE((20, 20, 1), latent_size=2, units=8)
        ),
    }
    model = wrap[kind](built())
    model.compile("adam")
    model.optimizer.build(model.trainable_variables)
    model.save_to_preset(tmp_path / "mine", description="dogs and cats")
    again = getattr(tf_glimpse, kind).from_preset(tmp_path / "mine")
    np.testing.assert_array_equal(again.classify(IMAGES).probabilities, model.classify(IMAGES).probabilities)
    assert not again.compiled  # no optimiser's state, which is twice the weights
    model.save(tmp_path / "compiled.keras")
    assert (tmp_path / "mine" / "model.keras").stat().st_size < (tmp_path / "compiled.keras").stat().st_size
    page = (tmp_path / "mine" / "README.md").read_text(encoding="utf-8")
    assert "dogs and cats." in page and "dog, cät" in page and f"{kind}.from_preset" in page


def test_the_command_line_takes_the_folder_and_its_recipe(tmp_path, capsys):
    folder = tmp_path / "mine"
    model = tf_glimpse.RAM.from_preset("ram_digits")
    model.save_to_preset(str(folder), recipe=get_recipe("ram_digits"), results={"error_percent": 2.75}, licence="CC0-1.0")
    card = json.loads((folder / "preset.json").read_text())
    assert (card["recipe"]["data"], card["licence"], card["results"]) == ("digits_canvas", "CC0-1.0", {"error_percent": 2.75})
    assert main(["evaluate", "--preset", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["error_percent"], found["preset"]) == (2.75, str(folder))


def test_nothing_is_overwritten_and_mistakes_are_told(tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(UserError, match=r"holds other things \(kept.txt\); nothing was overwritten"):
        built().save_to_preset(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
    with pytest.raises(UserError, match="expects a built model"):
        tf_glimpse.RAM(2, num_scales=1).save_to_preset(tmp_path / "new")
    built().save_to_preset(tmp_path / "new")
    with pytest.raises(UserError, match="holds a RAM, which is no Saccader"):
        tf_glimpse.Saccader.from_preset(tmp_path / "new")
    (tmp_path / "new" / "preset.json").write_text("{")
    with pytest.raises(UserError, match=r"preset\.json is damaged"):
        tf_glimpse.RAM.from_preset(tmp_path / "new")
    with pytest.raises(UserError, match="There are: .*ram_digits.*; or pass a folder"):
        tf_glimpse.RAM.from_preset(tmp_path / "nothing")
