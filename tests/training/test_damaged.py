"""Damaged files of a run's folder: one line that names the file, in every command that opens them."""

import dataclasses
import json

import pytest
from tiny_model import IMAGES, LABELS, make_model

from tf_glimpse import cli
from tf_glimpse.boed import read_plan
from tf_glimpse.files import read_json
from tf_glimpse.search.run import read_points
from tf_glimpse.training import get_recipe, workdirs
from tf_glimpse.training.callbacks import Checkpoint
from tf_glimpse.types import UserError

RECIPE = json.dumps({"recipe": dataclasses.asdict(get_recipe("testing")), "seed": 0, "fingerprint": "", "code": []})
DAMAGES = {
    "cut": "[{",
    "empty": "",
    "list": "[]",
    "object": "{}",
    "null": "null",
    "deep": "[" * 100_000,
    "binary": "\x00\x1f",
    "kinds": '{"recipe": [], "seed": "x", "error_percent": "low", "points": 3}',
    "hollow": '{"recipe": {}, "seed": 0}',
}
COMMANDS = {
    "evaluate": ["evaluate", "RUN"],
    "draw": ["draw", "RUN", "--out", "RUN/picture"],
    "explain": ["explain", "RUN", "--out", "RUN/report.html"],
    "export": ["export", "RUN", "--out", "RUN/served"],
    "train": ["train", "testing", "--workdir", "RUN"],
}


def make_run(folder, **contents):
    """A folder as a finished run leaves it, but for its model; `contents` replaces files by name."""
    files = {"recipe": RECIPE, "results": '{"error_percent": 1.0}'} | contents
    for name, content in files.items():
        (folder / f"{name}.json").write_text(content)


def told(folder, arguments, capsys):
    """The one line that a command ends with."""
    assert cli.main([argument.replace("RUN", str(folder)) for argument in arguments]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1, errors
    return errors


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_a_damaged_recipe_and_result(command, tmp_path, capsys):
    for name in ("recipe", "results"):
        for damage, content in DAMAGES.items():
            if (name, damage) == ("results", "hollow"):
                continue  # says nothing else than "object"
            make_run(tmp_path, **{name: content})
            assert f"{tmp_path}/{name}.json is damaged" in told(tmp_path, COMMANDS[command], capsys), (name, damage)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "train"])
def test_every_command_tells_a_damaged_model(command, tmp_path, capsys):
    make_run(tmp_path)
    (tmp_path / "model.keras").write_text("no model")
    assert f"{tmp_path}/model.keras is damaged" in told(tmp_path, COMMANDS[command], capsys)


HISTORIES = {
    **{name: content for name, content in DAMAGES.items() if name not in ("kinds", "hollow")},
    "no rows of an epoch": "[3]",
    "too many": '[{"epoch": 1, "seconds": 1}, {"epoch": 2, "seconds": 1}]',
    "no time": '[{"epoch": 1}]',
    "words": '[{"epoch": 1, "seconds": "long"}]',
}


def test_a_damaged_checkpoint_is_told_and_left_as_it_is(tmp_path):
    progress = Checkpoint(tmp_path)
    make_model().fit(IMAGES, LABELS, callbacks=[progress], verbose=0)
    assert Checkpoint(tmp_path).restore(make_model()) == 1
    history = progress.folder / "history.json"
    good = history.read_text()
    for damage, content in HISTORIES.items():
        history.write_text(content)
        with pytest.raises(UserError, match=r"checkpoint-000001/history\.json is damaged"):
            Checkpoint(tmp_path).restore(make_model())
        assert history.read_text() == content, damage
    history.write_text(good)
    weights = progress.folder / "training.weights.h5"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(UserError, match=r"training\.weights\.h5 does not hold the weights of this RAM"):
        Checkpoint(tmp_path).restore(make_model())


@pytest.mark.parametrize("damage", ["cut", "empty", "list", "null", "deep", "binary", "kinds"])
def test_other_notes_are_told_alike(damage, tmp_path):
    trial = tmp_path / "tuner" / "trial_0"
    trial.mkdir(parents=True)
    for file in (tmp_path / "plan.json", trial / "points.json", tmp_path / "note.json"):
        file.write_text(DAMAGES[damage])
    readers = {"plan": lambda: read_plan(tmp_path), "points": lambda: read_points(tmp_path)}
    readers["note"] = lambda: read_json(tmp_path / "note.json", recipe=dict)
    for name, read in readers.items():
        with pytest.raises(UserError, match=rf"{name}\.json is damaged"):
            read()


def test_what_was_written_is_read(tmp_path):
    workdirs.write_json(tmp_path / "note.json", {"recipe": {"name": "a", "data": None}, "seed": 3})
    assert read_json(tmp_path / "note.json", "recipe", seed=int)["seed"] == 3
    assert workdirs.read_recipe(tmp_path / "note.json")["recipe"]["actions"] is None
    with pytest.raises(UserError, match=r"expected 'seed' in it, a str"):
        read_json(tmp_path / "note.json", seed=str)
