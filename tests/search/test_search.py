"""Whole searches on the embedded digits with tiny spaces: what they leave, and that they go on after every mishap."""

import csv
import gc
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.cli import main
from tf_glimpse.datasets import load
from tf_glimpse.models import load_model
from tf_glimpse.search import search_architectures
from tf_glimpse.search.frontier import Point, best_under, frontier
from tf_glimpse.search.space import RAM_SPACE, SACCADER_SPACE, SPACES
from tf_glimpse.search.trials import recipe_of, train_candidate, trial_points
from tf_glimpse.search.tuner import gradients_forgotten
from tf_glimpse.types import UserError

SMALL = {name: options[:1] for name, options in RAM_SPACE.items()} | {"num_glimpses": [2], "patch_size": [6, 8], "units": [8, 16, 24]}


def search(workdir, max_trials=2, family="ram", space=SMALL, **settings):
    settings = {"budget_mflops": 0.2, "epochs": 1, "epoch_images": 1200, "oracle": "random", **settings}
    return search_architectures(family, "digits_canvas", workdir, max_trials=max_trials, space=space, **settings)


def trial_note(workdir, number):
    return json.loads((workdir / "tuner" / f"trial_{number}" / "trial.json").read_text())


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search") / "search"
    return folder, search(folder, max_trials=3, epochs=2, oracle="hyperband")


def test_a_search_leaves_frontier_recipe_and_weights(done):
    folder, best = done
    with open(folder / "frontier.csv") as file:
        rows = list(csv.DictReader(file))
    assert set(rows[0]) == {"trial", "mflops", "accuracy", "threshold", "mean_glimpses"}
    costs, accuracies = ([float(row[name]) for row in rows] for name in ("mflops", "accuracy"))
    assert costs == sorted(costs)
    assert accuracies == sorted(set(accuracies))
    assert (folder / "frontier.png").stat().st_size > 5000
    assert best["mflops"] <= 0.2
    assert best == json.loads((folder / "best.json").read_text())
    validation = load("digits_canvas").validation
    answers = load_model(folder / "best.keras").predict_adaptive(validation.fetch(range(200)).numpy(), best["threshold"])
    assert np.mean(np.argmax(answers.logits, axis=1) == validation.labels) == pytest.approx(best["accuracy"], abs=0.006)
    assert answers.num_glimpses.mean() == pytest.approx(best["mean_glimpses"], abs=0.03)


@pytest.mark.slow
def test_its_best_model_is_evaluated_and_exported_as_a_run_is(done, tmp_path, capsys):
    folder, best = done
    assert main(["evaluate", str(folder), "--split", "validation", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["data"] == "digits_canvas" and results["error_percent"] < 90
    assert results["adaptive_error_percent"] == pytest.approx(100 * (1 - best["accuracy"]), abs=0.6)
    assert results["mean_glimpses"] == pytest.approx(best["mean_glimpses"], abs=0.03)
    assert main(["evaluate", str(folder), "--split", "validation", "--threshold", "2"]) == 0
    assert "stopping at an expected gain of 2: " in (told := capsys.readouterr().out) and "1.00 looks on average" in told
    assert main(["evaluate", str(folder), "--threshold", "2", "--policy", "random"]) == 2
    assert "--threshold is for one rollout" in capsys.readouterr().err
    keras.utils.save_img(tmp_path / "digit.png", load("digits_canvas").test.fetch([0])[0], scale=False)
    assert main(["predict", str(folder), str(tmp_path / "digit.png")]) == 0  # stops by the threshold that the search found
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    stopped = load_model(folder / "best.keras").classify(tmp_path / "digit.png", threshold=best["threshold"])
    assert len(json.loads(row["places"])) == np.sum(~np.isnan(stopped.places[0, :, 0]))
    assert json.loads((folder / "search.json").read_text())["sources"]["skip_corrupt"] is False
    assert main(["export", str(folder), "--out", str(tmp_path / "served"), "--no-warm-up"]) == 0
    assert "adaptive" in tf.saved_model.load(str(tmp_path / "served" / "1")).signatures


@pytest.mark.slow
def test_called_again_it_adds_trials_and_trains_none_twice(done):
    folder, _ = done
    before = {number: (folder / "tuner" / f"trial_{number}" / "model.keras").stat().st_mtime for number in range(3)}
    search(folder, max_trials=4, epochs=2, oracle="hyperband")
    assert before == {number: (folder / "tuner" / f"trial_{number}" / "model.keras").stat().st_mtime for number in range(3)}
    assert len(list((folder / "tuner").glob("trial_*/points.json"))) == 4


def test_the_folder_of_another_search_is_refused(done):
    folder, _ = done
    with pytest.raises(UserError, match=r"budget_mflops 0.2 there, 0.3 here"):
        search(folder, budget_mflops=0.3, epochs=2, oracle="hyperband")
    with pytest.raises(UserError, match=r"space.units \[8, 16, 24\] there, \[16\] here"):
        search(folder, space={**SMALL, "units": [16]}, epochs=2, oracle="hyperband")
    with pytest.raises(UserError, match="other things than a search"):
        search(folder / "tuner" / "trial_0")


def test_the_folder_of_a_search_that_lost_its_note_is_refused(tmp_path):
    (tmp_path / "search" / "tuner").mkdir(parents=True)
    with pytest.raises(UserError, match="other things than a search"):
        search(tmp_path / "search")


def test_trials_that_all_fail_are_told(tmp_path):
    space = {**{name: options[:1] for name, options in SMALL.items()}, "learning_rate": [1e30]}
    with pytest.raises(UserError, match=r"no trial in .* succeeded; what each failed of was printed when it did"):
        search(tmp_path / "search", space=space, max_trials=1)
    assert trial_note(tmp_path / "search", 0)["status"] == "FAILED"


@pytest.mark.slow
def test_a_trial_cut_short_is_taken_up_again(tmp_path, monkeypatch):
    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("tf_glimpse.search.tuner.train_candidate", killed)
        search(tmp_path / "search", max_trials=1)
    before = trial_note(tmp_path / "search", 0)
    assert before["status"] == "RUNNING"
    search(tmp_path / "search", max_trials=1)
    after = trial_note(tmp_path / "search", 0)
    assert after["status"] == "COMPLETED"
    assert after["hyperparameters"]["values"] == before["hyperparameters"]["values"]


@pytest.mark.slow
def test_nan_fails_the_trial_and_the_search_goes_on(tmp_path, capsys):
    """A learning rate of 1e30 makes NaN in a few steps; the other candidate is sound."""
    space = {**{name: options[:1] for name, options in SMALL.items()}, "learning_rate": [1e30, 1e-3]}
    best = search(tmp_path / "search", space=space)
    notes = [trial_note(tmp_path / "search", number) for number in (0, 1)]
    statuses = {note["hyperparameters"]["values"]["learning_rate"]: note["status"] for note in notes}
    assert statuses == {1e30: "FAILED", 1e-3: "COMPLETED"}
    assert best["recipe"]["learning_rate"] == 1e-3
    assert "the loss became" in capsys.readouterr().out


def test_an_impossible_budget_names_the_cheapest(tmp_path):
    with pytest.raises(UserError, match=r"budget of 0.0001 MFLOP: the cheapest of this space costs 0\.0\d+ MFLOP"):
        search(tmp_path / "search", budget_mflops=0.0001)


@pytest.mark.slow
def test_a_saccader_is_searched(tmp_path):
    space = {**{name: options[:1] for name, options in SACCADER_SPACE.items()}, "filters": [2], "first_stride": [4]}
    best = search(tmp_path / "search", family="saccader", space=space, max_trials=1, budget_mflops=1.5)
    assert best["mflops"] > 0.1
    assert best["mean_glimpses"] >= 1
    assert set(best["recipe"]["model"]) == set(SACCADER_SPACE)


def test_a_cnn_is_trained_and_has_one_point():
    data, layers = load("digits_canvas"), keras.layers
    network = keras.Sequential([layers.Input((60, 60, 1)), layers.AveragePooling2D(6), layers.Flatten(), layers.Dense(10)])
    space = SPACES["mobilenet_v2"](data)
    recipe = recipe_of(space, {"width": 0.1, "shrink": 6, "learning_rate": 0.03}, epochs=1, epoch_images=4000)
    before = network.get_weights()
    train_candidate(network, data, recipe)
    assert all(np.any(old != new) for old, new in zip(before, network.get_weights(), strict=True))
    (point,) = trial_points(network, data.validation, "7", space.count(network))
    assert (point.trial, point.threshold, point.mflops) == ("7", None, (60 * 60 + 2 * 100 * 10 + 10) / 1e6)
    validation = data.validation.fetch(range(200)).numpy() / np.float32(255)
    assert point.accuracy == pytest.approx(np.mean(np.argmax(network(validation), axis=1) == data.validation.labels), abs=0.006)


def test_hyperband_trains_the_best_on(done):
    folder, _ = done
    values = [trial_note(folder, number)["hyperparameters"]["values"] for number in range(3)]
    (going_on,) = (each for each in values if each.get("tuner/trial_id"))
    assert (going_on["tuner/initial_epoch"], going_on["tuner/epochs"]) == (1, 2)


def test_mistakes_on_the_command_line(tmp_path, capsys):
    command = ["search", "ram", "--data", "digits_canvas", "--workdir", str(tmp_path / "search"), "--budget-mflops", "1e-9"]
    for space, words in (
        ({"unit": [8]}, "Received unknown: unit"),
        ({"units": ["8"]}, "choices for units such as 16"),
        (SMALL, "cheapest"),
    ):
        (tmp_path / "space.json").write_text(json.dumps(space))
        assert main([*command, "--space", str(tmp_path / "space.json")]) == 2
        told = capsys.readouterr().err
        assert words in told
        assert len(told.splitlines()) == 1


def test_the_frontier_keeps_what_nothing_beats():
    points = [Point("0", 0.2, 0.8), Point("1", 0.2, 0.7), Point("2", 0.1, 0.8), Point("3", 0.4, 0.9)]
    assert [point.trial for point in frontier(points)] == ["2", "3"]
    assert best_under(points, 0.3).trial == "2"
    assert best_under(points, 0.05) is None


def test_settings_that_make_no_search(tmp_path):
    with pytest.raises(UserError, match="expects one of ram"):
        search_architectures("vit", "digits_canvas", tmp_path / "search")
    with pytest.raises(UserError, match="at least 1 trial"):
        search(tmp_path / "search", max_trials=0)
    with pytest.raises(UserError, match="sequences teach the policy of a ram"):
        search(tmp_path / "search", family="saccader", space=None, sequences="somewhere")


def test_a_finished_trial_leaves_no_graph_in_memory():
    def graphs():
        gc.collect()
        return sum(isinstance(each, tf.__internal__.FuncGraph) for each in gc.get_objects())

    def train():
        model = keras.Sequential([keras.layers.Input([4]), keras.layers.Dense(2)])
        model.compile("sgd", "mse")
        model.fit(tf.zeros([8, 4]), tf.zeros([8, 2]), verbose=0)

    before = graphs()
    with gradients_forgotten():
        train()
    assert graphs() <= before
    train()  # as Keras leaves it
    assert graphs() > before
