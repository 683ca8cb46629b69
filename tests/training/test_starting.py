import dataclasses
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tf_glimpse.cli import main
from tf_glimpse.datasets import load
from tf_glimpse.training import get_recipe, train_and_evaluate, workdirs
from tf_glimpse.training.finished import evaluate_finished, open_finished
from tf_glimpse.training.run import build_model, load_recipe_data
from tf_glimpse.training.saccader_recipes import StagedRecipe
from tf_glimpse.training.stages import build_saccader
from tf_glimpse.training.starting import start_weights, started_recipe
from tf_glimpse.types import UserError
from tf_glimpse.weights import preset_names

TINY = dataclasses.replace(get_recipe("testing"), epochs=1)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Files of digits on canvases that no preset was trained on, in two classes: odd and even."""
    folder, test = tmp_path_factory.mktemp("odd_or_even"), load("digits_canvas").test
    for index, (pixels, label) in enumerate(zip(test.fetch(np.arange(400)).numpy(), test.labels, strict=True)):
        split, name = "train" if index < 300 else "val", "odd" if label % 2 else "even"
        (folder / split / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[..., 0]).save(folder / split / name / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("before") / "run"
    train_and_evaluate(TINY, folder, verbose=0)
    return folder


@pytest.mark.slow
def test_a_preset_learns_other_classes_that_as_many_epochs_from_nothing_do_not_teach(photos, tmp_path, capsys):
    described = started_recipe("ram_digits", TINY, str(photos))
    assert (described.image_size, described.channels, described.start["source"]) == (60, 1, "ram_digits")
    model = {**described.model, "num_glimpses": 3}  # the weights are the same, the steps faster
    recipe = dataclasses.replace(described, model=model, epochs=3, passes=4, learning_rate=1e-3)
    begun = train_and_evaluate(recipe, tmp_path / "begun", verbose=2)
    assert "Beginning with ram_digits: all weights but the classifier, which is new for 2 classes." in capsys.readouterr().out
    nothing = train_and_evaluate(dataclasses.replace(recipe, start={}), tmp_path / "nothing", verbose=0)
    assert begun["error_percent"] < 15 < nothing["error_percent"] - 10
    note = json.loads((tmp_path / "begun" / "recipe.json").read_text())["recipe"]
    assert (note["start"], note["model"]) == (recipe.start, {**get_recipe("ram_digits").model, "num_glimpses": 3})
    found = open_finished(tmp_path / "begun")
    assert found.model.class_names == ["even", "odd"]
    assert evaluate_finished(found, "validation")["error_percent"] == begun["error_percent"]
    again = started_recipe(tmp_path / "begun")  # by the note that the run left
    assert again == dataclasses.replace(recipe, epochs=1, learning_rate=recipe.learning_rate / 3, start=again.start)


def test_a_finished_run_goes_on_where_it_ended_and_is_left_as_it_is(finished_run, tmp_path, capsys):
    before = {path: path.read_bytes() for path in finished_run.rglob("*") if path.is_file()}
    recipe = started_recipe(finished_run)
    assert (recipe.epochs, recipe.learning_rate, recipe.data) == (1, TINY.learning_rate / 3, "digits_canvas")
    model = build_model(recipe, load_recipe_data(recipe), seed=1)
    start_weights(model, recipe.start)
    assert "all weights, for the same 10 classes" in capsys.readouterr().out
    for kept, found in zip(open_finished(finished_run).model.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, found)
    with pytest.raises(UserError, match="holds a run with other settings .* Pass another folder"):
        train_and_evaluate(recipe, finished_run, verbose=0)
    assert {path: path.read_bytes() for path in finished_run.rglob("*") if path.is_file() and path.name != ".lock"} == {
        path: content for path, content in before.items() if path.name != ".lock"
    }


def test_classes_in_another_order_are_the_same_classes(finished_run):
    recipe = started_recipe(finished_run)
    turned = dataclasses.replace(recipe, start={**recipe.start, "class_names": list("9876543210")})
    data = load_recipe_data(turned)
    assert data.class_names == list("9876543210")
    np.testing.assert_array_equal(data.test.labels, 9 - load("digits_canvas").test.labels)


def test_weights_that_are_gone_or_others_by_now_are_told(finished_run, tmp_path):
    recipe = started_recipe(shutil.copytree(finished_run, tmp_path / "run"))
    model = build_model(recipe, load_recipe_data(recipe))
    with pytest.raises(UserError, match="other weights than when this run was described"):
        start_weights(model, {**recipe.start, "weights": "0" * 16})
    with pytest.raises(UserError, match="do not fit this recipe's model"):
        start_weights(build_model(dataclasses.replace(recipe, model={**recipe.model, "units": 8}), load_recipe_data(recipe)), recipe.start)
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(UserError, match="expected a preset .*folder of a finished run"):
        start_weights(model, recipe.start)


def test_what_taught_a_policy_by_the_old_data_is_left_out_with_other_data():
    guided, scanned = started_recipe("ram_translated_60_guided", data="digits_canvas"), started_recipe("ram_mnist", data="fashion_mnist")
    assert "guidance" not in guided.loss["terms"] and "look_ahead" in guided.loss["terms"]
    assert scanned.teacher == {}
    assert started_recipe("ram_mnist").teacher == get_recipe("ram_mnist").teacher
    assert started_recipe("ram_translated_60_guided").loss["terms"]["guidance"] == {}


def test_a_saccader_goes_through_its_stages_from_its_weights(photos, tmp_path):
    recipe = started_recipe("saccader_flowers_small", data=str(photos))
    assert isinstance(recipe, StagedRecipe)
    assert [stage.epochs for stage in recipe.stages] == [10, 7, 4]
    data = load_recipe_data(recipe)
    assert data.image_shape == (64, 64, 3)
    model, source = build_saccader(recipe, data), open_finished(preset="saccader_flowers_small").model
    fresh = {id(weight) for weight in model.bagnet.classifier.weights}
    start_weights(model, recipe.start, verbose=0)
    same = [np.array_equal(own, kept) for own, kept in zip(model.weights, source.weights, strict=True) if id(own) not in fresh]
    assert all(same)
    with pytest.raises(UserError, match="trains another kind of model"):
        started_recipe("saccader_flowers_small", get_recipe("ram"))
    with pytest.raises(UserError, match="trains another kind of model"):
        started_recipe("ram_digits", get_recipe("saccader_flowers"))


@pytest.mark.parametrize("command", [[], ["--from", "nowhere"], ["nothing_of_this_name"], ["ram", "--from", "saccader_cifar10"]])
def test_what_cannot_begin_is_one_line(command, tmp_path, capsys):
    assert main(["train", *command, "--workdir", str(tmp_path / "run")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", preset_names())
def test_every_preset_can_begin_a_run(name, photos):
    recipe = started_recipe(name, data=str(photos))
    data, build = load_recipe_data(recipe), build_saccader if isinstance(recipe, StagedRecipe) else build_model
    model = build(recipe, data)
    start_weights(model, recipe.start, verbose=0)
    assert model.num_classes == 2
    assert model.count_params() == open_finished(preset=name).model.innermost().with_classes(2).count_params()


def test_a_setting_of_another_version_is_passed_over(finished_run, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "run")
    note = workdirs.read_json(run / "recipe.json")
    note["recipe"]["of_another_version"] = 1
    workdirs.write_json(run / "recipe.json", note)
    assert started_recipe(run).name == "testing"
