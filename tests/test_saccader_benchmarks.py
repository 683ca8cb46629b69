"""The Saccader's page is what its script makes of the result files, and every row says how to make it again."""

import dataclasses
import json
import pathlib

import pytest

from benchmarks.common.rows import read_rows
from benchmarks.saccader import ablations, page, photos, staged_runs
from tf_glimpse.training import get_recipe
from tf_glimpse.training.stages import monitor_of
from tf_glimpse.types import UserError
from tf_glimpse.weights import PRESETS, preset_names

ROOT = pathlib.Path(__file__).resolve().parents[1]
POLICIES = {"learned", "ordered_logits", "sobel_mean", "sobel_variance", "random", "centre"}


def test_the_page_is_what_its_script_makes():
    assert (ROOT / "benchmarks" / "saccader.md").read_text() == page.page(), "run: python -m benchmarks.tables"


def test_every_row_says_how_to_make_it_again():
    rows = read_rows("saccader_photos")
    wanted = {"dataset", "variant", "policy", "stage", "num_glimpses", "coverage", "accuracy", "ceiling", "resnet", "seed", "preset"}
    wanted |= {"command", "trained_by", "commit", "device", "versions", "split", "examples"}
    assert {row["policy"] for row in rows} == POLICIES
    assert {row["num_glimpses"] for row in rows} == set(range(1, 13))
    for row in rows:
        assert wanted <= set(row)
        assert 0 < row["coverage"] <= 1
        assert row["preset"] in (None, *preset_names())
        assert row["preset"] is None or row["stage"] == 3, "the preset holds the last stage's weights"


def test_ablations_change_one_thing_of_the_recipe_and_begin_with_its_first_stage():
    recipe = get_recipe("saccader_flowers_small")
    again = staged_runs.staged(json.loads(json.dumps(dataclasses.asdict(recipe))))
    assert [stage.name for stage in again.stages] == ["classification", "location", "reinforce"]
    assert [stage.name for stage in ablations.without_location(again).stages] == ["classification", "reinforce"]
    flowing = ablations.without_stop(again)
    assert flowing.stages[1].loss == {"terms": {"targets": {"num_targets": 12, "stop_gradient": False, "weight": 1 / 12}}}
    assert [monitor_of(stage) for stage in again.stages] == ["val_accuracy", "val_hit_rate", "val_accuracy"]
    assert monitor_of(flowing.stages[1]) == "val_accuracy"
    assert (flowing.stages[0], flowing.stages[2]) == (again.stages[0], again.stages[2])
    terms = recipe.stages[2].loss["terms"]
    without = {**terms, "reinforce": {**terms["reinforce"], "weight": 0.0}}
    assert ablations.without_reinforce(again).stages[2].loss == {**recipe.stages[2].loss, "terms": without}
    begun = {name: ablations.alike(again, change(again)) for name, change in ablations.VARIANTS.items()}
    first, second = ["stage-1-classification"], ["stage-1-classification", "stage-2-location"]
    assert begun == {"without stage 2": first, "without stop-gradient": first, "without REINFORCE": second}


def test_runs_that_are_something_else_are_refused(tmp_path):
    with pytest.raises(UserError, match="No run in"):
        staged_runs.read_staged(tmp_path)
    write_note(tmp_path, get_recipe("ram_digits"))
    with pytest.raises(UserError, match="of three stages. Received: one of recipe ram_digits"):
        staged_runs.read_staged(tmp_path)
    write_note(tmp_path, dataclasses.replace(get_recipe("saccader_flowers"), batch_size=8))
    with pytest.raises(UserError, match="other settings than recipe saccader_flowers: batch_size"):
        staged_runs.read_staged(tmp_path)
    write_note(tmp_path, get_recipe("saccader_flowers"), seed=5)
    shipped = json.loads((PRESETS / "saccader_flowers.json").read_text())
    card = shipped["results"]
    (tmp_path / "results.json").write_text(json.dumps(card))
    assert staged_runs.read_staged(tmp_path)[1] == 5
    with pytest.raises(UserError, match="recipe saccader_flowers, seed 5, .* Received: saccader_flowers"):
        staged_runs.check_preset("saccader_flowers", tmp_path)
    with pytest.raises(UserError, match=r"not trained yet: python -m benchmarks.saccader.small_resnet RUN"):
        staged_runs.results_of(staged_runs.beside(tmp_path, "resnet"), "benchmarks.saccader.small_resnet RUN")
    write_note(tmp_path, get_recipe("saccader_flowers"), seed=shipped["seed"])
    staged_runs.check_preset("saccader_flowers", tmp_path)
    (tmp_path / "results.json").write_text(json.dumps({**card, "error_percent": 20.0}))
    with pytest.raises(UserError, match=f"seed {shipped['seed']}, 20.0 %. Received: saccader_flowers"):
        staged_runs.check_preset("saccader_flowers", tmp_path)


def write_note(folder, recipe, seed=0):
    (folder / "recipe.json").write_text(json.dumps({"recipe": dataclasses.asdict(recipe), "seed": seed}))


def test_stages_are_numbered_by_their_names(tmp_path, monkeypatch):
    for name in ("stage-1-classification", "stage-2-reinforce", "stage-3-location"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ("log.csv" if name == "stage-3-location" else "results.json")).touch()
    monkeypatch.setattr(photos.Saccader, "from_preset", lambda path: path)
    assert {number: pathlib.Path(path).parent.name for number, path in photos.stages_of(tmp_path).items()} == {
        1: "stage-1-classification",
        3: "stage-2-reinforce",
    }
