"""A run of three stages: what it leaves, resumes, refuses; evaluation by other policies; the command line."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tf_glimpse import Saccader, cli, datasets
from tf_glimpse.commands.recipe_changes import changed as changed_recipe
from tf_glimpse.explain import collect_logits, draw_saccades, fit_temperatures
from tf_glimpse.training import evaluate_model, get_recipe, train_and_evaluate, workdirs
from tf_glimpse.training.finished import draw_finished, evaluate_finished, image_names, load_run_data, open_finished
from tf_glimpse.training.saccader_recipes import StagedRecipe, three_stages
from tf_glimpse.training.stages import calibrate_bagnet
from tf_glimpse.types import UserError

BAGNET = {"blocks": [1], "filters": [8], "strides": [4], "stem_filters": 8, "receptive_field": 5}
COUNTS = {"train": 20, "val": 6}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Red and blue photos of 24x24 px in two splits."""
    folder, random = tmp_path_factory.mktemp("photos") / "squares", np.random.default_rng(0)
    for split, count in COUNTS.items():
        for channel, name in ((0, "red"), (2, "blue")):
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 100, [24, 24, 3]).astype(np.uint8)
                pixels[6:18, 6:18, channel] += 150
                Image.fromarray(pixels).save(folder / split / name / f"{number}.png")
    return folder


def recipe(data, **changes):
    tiny = StagedRecipe(
        "tiny",
        "for tests",
        str(data),
        {"bagnet": BAGNET, "num_glimpses": 2, "mixed_channels": 8},
        three_stages((4, 2, 2), (0.02, 0.01, 1e-3), num_glimpses=2, num_targets=3, tempered=True, ema_momentum=0.9),
        augment={"area": (0.6, 1.0), "colours": 0.1},
        batch_size=8,
        image_size=16,
        train_size=20,
        hold_out=0.2,
    )
    return dataclasses.replace(tiny, **changes)


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    """A finished run and its results."""
    folder = tmp_path_factory.mktemp("run")
    return folder, train_and_evaluate(recipe(photos), folder, seed=1, verbose=0)


def test_a_run_of_three_stages(run):
    folder, results = run
    stages = ["stage-1-classification", "stage-2-location", "stage-3-reinforce"]
    wanted = {".lock", "recipe.json", "model.keras", "results.json", *stages}
    assert {path.name for path in folder.iterdir()} == wanted
    assert (results["split"], results["examples"], results["num_glimpses"]) == ("test", 12, 2)
    assert results["full_image_error_percent"] <= 20, "red and blue are easy"
    assert [stage["stage"] for stage in results["stages"]] == ["classification", "location", "reinforce"]
    assert 0 < results["coverage_percent_by_glimpse"][0] == pytest.approx(100 * 25 / 256, abs=0.01)
    assert results["coverage_percent_by_glimpse"][1] <= 100 * 50 / 256
    first, second, third = (Saccader.from_preset(str(folder / stage / "model.keras")) for stage in stages)
    for before, after in zip(first.bagnet.get_weights(), second.bagnet.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert any(np.any(before != after) for before, after in zip(first.get_weights(), second.get_weights(), strict=True))
    assert any(np.any(before != after) for before, after in zip(second.bagnet.get_weights(), third.bagnet.get_weights(), strict=True))
    assert not third.compiled


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["stage-1-classification", "stage-2-location", "stage-3-reinforce"])
def test_a_stage_that_was_killed_ends_as_an_unbroken_one(stage, run, photos, tmp_path, monkeypatch):
    """It stops after one epoch; called again, only what is left of it is trained; the last one tempered, with a running mean of weights."""
    folder = shutil.copytree(run[0], tmp_path / "killed")
    shutil.rmtree(folder / stage)
    (folder / "results.json").unlink()
    from tf_glimpse.training import stages

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(stages.keras.callbacks.TensorBoard, "on_epoch_end", interrupted)  # comes after the checkpoint of the first epoch
    with pytest.raises(KeyboardInterrupt):
        train_and_evaluate(recipe(photos), folder, seed=1, verbose=0)
    assert (folder / stage / "checkpoint-000001").exists()
    monkeypatch.undo()
    results = train_and_evaluate(recipe(photos), folder, seed=1, verbose=0)
    unbroken, resumed = (Saccader.from_preset(str(path / stage / "model.keras")) for path in (run[0], folder))
    for expected, found in zip(unbroken.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(expected, found, atol=1e-5)
    assert results["error_percent"] == run[1]["error_percent"]


def test_a_tempered_model_answers_the_same_less_surely(run):
    model = Saccader.from_preset(str(run[0] / "stage-2-location" / "model.keras"))
    source = load_run_data(open_finished(run[0])).test
    source = dataclasses.replace(source, labels=np.append(1 - source.labels[:1], source.labels[1:]))  # without a mistake none is too sure
    images = source.fetch(np.arange(len(source)))
    sharp = model(images)
    for weight in model.bagnet.classifier.trainable_variables:
        weight.assign(weight * 5)
    calibrate_bagnet(model, source)
    tempered = model(images)
    np.testing.assert_array_equal(tempered.locations, sharp.locations)
    np.testing.assert_array_equal(np.argmax(tempered.logits, -1), np.argmax(sharp.logits, -1))
    scale = tempered.logits / sharp.logits
    np.testing.assert_allclose(scale, scale[0, 0, 0], rtol=1e-4)
    assert fit_temperatures(collect_logits(model, source), source.labels)[-1] == pytest.approx(1.0, abs=1e-3)


def test_who_chooses_the_places(run):
    finished = open_finished(run[0])
    own, *others = (evaluate_finished(finished, policy=policy) for policy in (None, "ordered_logits", "centre"))
    assert own["error_percent"] == run[1]["error_percent"]
    assert own["examples"] == 12
    assert others[-1]["coverage_percent_by_glimpse"][0] == others[-1]["coverage_percent_by_glimpse"][1], "always the same place"
    assert {other["full_image_error_percent"] for other in others} == {own["full_image_error_percent"]}
    with pytest.raises(UserError, match=r"for RAM, one of random, centre, constant, frozen or frozen:K\. Received: 'sobel_mean'"):
        evaluate_finished(open_finished(preset="ram_digits"), policy="sobel_mean")
    with pytest.raises(UserError, match="for Saccader, one of random.*sobel_variance. Received: 'best'"):
        evaluate_finished(finished, policy="best")


def test_more_looks_and_other_classes(run):
    model = Saccader.from_preset(str(run[0] / "model.keras"))
    source = load_run_data(open_finished(run[0])).test
    longer = model.with_glimpses(5)
    with pytest.raises(UserError, match="a copy expects a model that was built"):
        Saccader.from_config(model.get_config()).with_glimpses(5)
    np.testing.assert_array_equal(longer(source.fetch([0, 1])).locations[:, :2], model(source.fetch([0, 1])).locations)
    assert evaluate_model(longer, source)["error_percent_by_glimpse"][:2] == evaluate_model(model, source)["error_percent_by_glimpse"]
    other = Saccader.from_preset(str(run[0] / "model.keras"), num_classes=4)
    assert (other.num_classes, other.class_names, other(source.fetch([0])).logits.shape[-1]) == (4, None, 4)
    np.testing.assert_array_equal(other.bagnet.stem.conv.kernel, model.bagnet.stem.conv.kernel)
    np.testing.assert_array_equal(other.cell.attention, model.cell.attention)


@pytest.mark.slow
def test_on_the_command_line(photos, tmp_path, capsys, monkeypatch):
    from tf_glimpse.training import recipes

    tiny = recipe("squares")
    monkeypatch.setitem(recipes.RECIPES, "tiny", lambda: dataclasses.replace(tiny, stages=tiny.stages[:1]))
    train = ["train", "tiny", "--workdir", str(tmp_path / "run"), "--manual-dir", str(photos.parent), "--epochs", "1"]
    assert cli.main([*train, "--learning-rate", "1e-3,1e-4"]) == 2
    assert "--learning-rate: recipe tiny has 1 stages. Received: 2 values" in capsys.readouterr().err
    assert cli.main([*train, "--policy", "random", "--share", "0.5"]) == 2
    assert "--policy, --share: for recipes of one stage" in capsys.readouterr().err
    assert cli.main([*train, "--dtype", "mixed_bfloat16"]) == 0
    assert workdirs.read_run(tmp_path / "run")[1]["dtype"] == "mixed_bfloat16"
    capsys.readouterr()
    assert cli.main(["evaluate", str(tmp_path / "run"), "--manual-dir", str(photos.parent), "--policy", "sobel_variance", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["policy"] == "sobel_variance"
    evaluate = ["evaluate", str(tmp_path / "run"), "--manual-dir", str(photos.parent), "--num-glimpses", "5", "--json"]
    assert cli.main(evaluate) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["num_glimpses"] == 5 == len(results["coverage_percent_by_glimpse"])
    assert cli.main(["evaluate", "--preset", "ram_digits", "--num-glimpses", "5"]) == 2
    assert "for a Saccader; other models look as often as they learned to. Received: a RAM" in capsys.readouterr().err
    assert cli.main([*train, "--dtype", "float32"]) == 2
    assert "dtype 'mixed_bfloat16' there, 'float32' here" in capsys.readouterr().err


def test_its_picture_shows_what_was_seen_and_the_policy_before_each_look(run, tmp_path):
    """A row a photo: scanpath, coverage, a map for each of the two looks, as `draw_saccades` draws it."""
    finished = open_finished(run[0])
    drawn, _ = draw_finished(finished, tmp_path / "looks", count=2)
    images = load_run_data(finished).test.fetch([0, 1]).numpy()
    source = load_run_data(finished).test
    labels, names = source.labels[:2], image_names(source, "test", [0, 1])
    draw_saccades(images, finished.model(images), finished.model, labels, names).savefig(tmp_path / "wanted.png")
    np.testing.assert_array_equal(Image.open(drawn), Image.open(tmp_path / "wanted.png"))


def test_classes_may_come_in_another_order(run, photos, tmp_path, monkeypatch):
    """A model is asked about the same photos, whose set numbers its classes otherwise."""
    finished, known = open_finished(run[0]), load_run_data(open_finished(run[0]))
    test = dataclasses.replace(known.test, labels=1 - known.test.labels)
    turned = dataclasses.replace(known, class_names=known.class_names[::-1], test=test)
    monkeypatch.setattr(datasets, "load_photos", lambda *arguments, **options: turned)
    assert evaluate_finished(finished)["error_percent"] == run[1]["error_percent"]
    monkeypatch.setattr(datasets, "load_photos", lambda *arguments, **options: dataclasses.replace(known, class_names=["blue", "green"]))
    with pytest.raises(UserError, match="'blue', 'green'"):
        evaluate_finished(finished)


def test_more_looks_than_cells_are_told_before_anything_is_trained(photos, tmp_path, capsys):
    few = dataclasses.replace(recipe("squares"), train_size=None)
    many = dataclasses.replace(few, model={**few.model, "num_glimpses": 10_000})
    with pytest.raises(UserError, match="10000 looks need as many cells"):
        train_and_evaluate(many, tmp_path / "run", 0, manual_dir=photos.parent)
    assert not list((tmp_path / "run").glob("stage-*"))


def test_another_size_takes_the_larger_training_photos_along():
    options = cli._parser().parse_args(["train", "saccader_flowers_small", "--workdir", "W", "--image-size", "128"])
    changed = changed_recipe(get_recipe("saccader_flowers_small"), options)
    assert (changed.image_size, changed.train_size) == (128, 180)


def test_stages_take_a_value_each_or_all_the_same():
    each = ["--epochs", "3,2,1", "--learning-rate", "0.5", "--rollouts", "4"]
    options = cli._parser().parse_args(["train", "saccader_flowers_small", "--workdir", "W", *each])
    changed, recipe = changed_recipe(get_recipe("saccader_flowers_small"), options), get_recipe("saccader_flowers_small")
    assert [(stage.epochs, stage.learning_rate) for stage in changed.stages] == [(3, 0.5), (2, 0.5), (1, 0.5)]
    assert [stage.loss for stage in changed.stages[:2]] == [stage.loss for stage in recipe.stages[:2]]
    assert changed.stages[2].loss == {**recipe.stages[2].loss, "rollouts": 4}
    with pytest.raises(UserError, match=r"--epochs: recipe ram_mnist has one stage and takes one value. Received: \(3, 2, 1\)"):
        changed_recipe(get_recipe("ram_mnist"), options)


@pytest.mark.parametrize("name", ["saccader_flowers", "saccader_flowers_small", "saccader_cifar10", "saccader_imagenet"])
def test_recipes_build(name):
    found = get_recipe(name)
    model = Saccader(5, **found.model)
    fields = model.fields((found.image_size, found.image_size))
    assert [stage.name for stage in found.stages] == ["classification", "location", "reinforce"]
    assert fields.grid[0] * fields.grid[1] >= 12, "as many cells as the location stage has targets"
    windows = found.model["num_glimpses"] * model.patch_size**2 / found.image_size**2
    assert windows <= 1 / 3 or "flowers" not in name
    assert json.loads(json.dumps(dataclasses.asdict(found)))["data"] == found.data
