import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.datasets import load
from tf_glimpse.files import locked_folder
from tf_glimpse.models import load_model
from tf_glimpse.training import get_recipe, train_and_evaluate, train_seeds, workdirs
from tf_glimpse.training.callbacks import Checkpoint
from tf_glimpse.training.finished import evaluate_finished, open_finished
from tf_glimpse.training.run import compiled_model
from tf_glimpse.types import UserError

TINY = dataclasses.replace(get_recipe("testing"), epochs=1)


def train(workdir, *more):
    command = [sys.executable, "-m", "tf_glimpse.cli", "train", "testing", "--epochs", "4", "--seed", "3", "--deterministic"]
    return subprocess.Popen([*command, "--workdir", str(workdir), *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_in_third_epoch(workdir):
    process, deadline = train(workdir), time.monotonic() + 120
    while not (workdir / "checkpoint-000002").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def log(workdir):
    with open(workdir / "log.csv") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


@pytest.mark.slow
def test_a_killed_run_ends_byte_equal_to_an_unbroken_one_in_another_process(tmp_path):
    kill_in_third_epoch(tmp_path / "killed")
    assert not (tmp_path / "killed" / "results.json").exists()
    runs = {name: train(tmp_path / name) for name in ("killed", "unbroken")}
    for name, process in runs.items():
        output, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
        assert ("Resuming after epoch 2 of 4" in output) == (name == "killed")
        assert "Traceback" not in errors
    unbroken, killed = (load_model(tmp_path / name / "model.keras") for name in ("unbroken", "killed"))
    for expected, found in zip(unbroken.get_weights(), killed.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, found)
    assert log(tmp_path / "unbroken") == log(tmp_path / "killed")
    results = [workdirs.results(tmp_path / name) for name in ("unbroken", "killed")]
    for result in results:
        del result["train_seconds"]
    assert results[0] == results[1]
    found = [path.name for path in (tmp_path / "killed").iterdir()]
    assert sorted(found) == [".lock", "checkpoint-000004", "log.csv", "model.keras", "recipe.json", "results.json", "tensorboard"]


def test_a_finished_run_is_not_overwritten_and_can_be_evaluated(tmp_path):
    results = train_and_evaluate(TINY, tmp_path / "run", seed=1, verbose=0)
    before = (tmp_path / "run" / "model.keras").read_bytes()
    with pytest.raises(UserError, match="finished run; nothing was overwritten"):
        train_and_evaluate(TINY, tmp_path / "run", seed=1, verbose=0)
    assert (tmp_path / "run" / "model.keras").read_bytes() == before
    again = evaluate_finished(open_finished(tmp_path / "run"))
    assert again["error_percent"] == results["error_percent"]
    assert again["examples"] == 400
    assert again["seed"] == 1
    ten = [evaluate_finished(open_finished(tmp_path / "run"), rollouts=3, seed=2) for _ in range(2)]
    assert ten[0] == ten[1]
    assert evaluate_finished(open_finished(tmp_path / "run"), policy="random")["policy"] == "random"
    with pytest.raises(UserError, match="model's own policy"):
        evaluate_finished(open_finished(tmp_path / "run"), policy="random", rollouts=2)


def test_another_recipe_seed_or_setting_is_refused(tmp_path):
    with locked_folder(tmp_path / "run") as folder:
        assert not workdirs.is_run_of(folder, TINY, 0)
        workdirs.claim_run(folder, TINY, 0, "the data")
        assert workdirs.is_run_of(folder, TINY, 0)
        with pytest.raises(UserError, match="run of recipe testing, not ram_mnist"):
            workdirs.is_run_of(folder, get_recipe("ram_mnist"), 0)
        with pytest.raises(UserError, match=r"epochs 1 there, 5 here"):
            workdirs.is_run_of(folder, dataclasses.replace(TINY, epochs=5), 0)
        with pytest.raises(UserError, match=r"seed 0 there, 1 here"):
            workdirs.is_run_of(folder, TINY, 1)
        with pytest.raises(UserError, match="other images or splits than when"):
            workdirs.claim_run(folder, TINY, 0, "other data")


def test_a_run_of_a_version_that_lacked_a_setting_is_gone_on_with_where_it_stands_at_its_default(tmp_path):
    with locked_folder(tmp_path / "run") as folder:
        workdirs.claim_run(folder, TINY, 0, "the data")
        note = workdirs.read_json(folder / "recipe.json")
        del note["recipe"]["ema_momentum"], note["recipe"]["teacher"]
        workdirs.write_json(folder / "recipe.json", note)
        assert workdirs.is_run_of(folder, TINY, 0)
        with pytest.raises(UserError, match=r"ema_momentum 0.0 there, 0.9 here"):
            workdirs.is_run_of(folder, dataclasses.replace(TINY, ema_momentum=0.9), 0)


def test_two_processes_do_not_train_in_one_folder(tmp_path):
    with locked_folder(tmp_path / "run"), pytest.raises(UserError, match="another process is at work"):
        train_and_evaluate(TINY, tmp_path / "run", verbose=0)


def test_a_first_attempt_that_failed_does_not_claim_the_folder(tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        train_and_evaluate(dataclasses.replace(TINY, data="./nowhere"), tmp_path / "run", verbose=0)
    assert train_and_evaluate(TINY, tmp_path / "run", verbose=0)["examples"] == 400


def test_damaged_notes_are_told(tmp_path):
    for content in ("{", "{}", "[]"):
        (tmp_path / "recipe.json").write_text(content)
        with pytest.raises(UserError, match=r"recipe.json is damaged"):
            workdirs.is_run_of(tmp_path, TINY, 0)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("all my work")
    with pytest.raises(UserError, match="holds other things"):
        train_and_evaluate(TINY, tmp_path, verbose=0)
    with pytest.raises(UserError, match="expected a folder to write in"):
        train_and_evaluate(TINY, tmp_path / "thesis.tex", verbose=0)
    assert (tmp_path / "thesis.tex").read_text() == "all my work"
    (tmp_path / "killed").mkdir()
    for name in (".lock", ".part-1f3c9a40.recipe.json"):  # all that is left by a run that was killed at its first note
        (tmp_path / "killed" / name).touch()
    assert not workdirs.is_run_of(tmp_path / "killed", TINY, 0)


@pytest.mark.slow
def test_several_seeds_give_mean_and_interval(tmp_path, monkeypatch):
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: None)  # would hold for every later test
    recipe = dataclasses.replace(TINY, patience=1, jit_compile=True)
    summary = train_seeds(recipe, tmp_path, [0, 1], deterministic=True, verbose=0)
    assert train_seeds(recipe, tmp_path, [0, 1], deterministic=True, verbose=0) == summary  # trained once
    errors = [run["error_percent"] for run in summary["runs"]]
    assert errors == [workdirs.results(tmp_path / f"seed-{seed}")["error_percent"] for seed in (0, 1)]
    assert summary["error_percent"] == pytest.approx(np.mean(errors))
    assert summary["interval"] == pytest.approx(12.706 * np.std(errors, ddof=1) / np.sqrt(2), rel=1e-3)
    assert json.loads((tmp_path / "summary.json").read_text()) == summary
    with pytest.raises(UserError, match="several seeds"):
        workdirs.read_run(tmp_path)
    with pytest.raises(UserError, match=r"seed-0.*all seeds that are to count"):
        train_seeds(TINY, tmp_path, [3, 4], verbose=0)
    with pytest.raises(UserError, match="other settings"):
        train_seeds(dataclasses.replace(TINY, epochs=2), tmp_path, [0, 1], verbose=0)


def test_images_smaller_than_a_patch_are_refused(tmp_path):
    recipe = dataclasses.replace(TINY, model={**TINY.model, "patch_size": 64})
    with pytest.raises(UserError, match="at least 64x64 pixels, one patch"):
        train_and_evaluate(recipe, tmp_path / "run", verbose=0)


def test_patience_counts_over_a_resume(tmp_path):
    progress = Checkpoint(tmp_path, patience=2)
    progress.history = [{"val_accuracy": value, "seconds": 1.0} for value in (0.5, 0.7, 0.7)]
    assert (progress.best_epoch, progress.best_value, progress.exhausted, progress.seconds) == (2, 0.7, False, 3.0)
    progress.history.append({"val_accuracy": 0.6, "seconds": 1.0})
    assert progress.exhausted


@pytest.mark.slow
def test_the_saved_model_is_the_running_mean_where_there_is_one(tmp_path):
    recipe = dataclasses.replace(TINY, ema_momentum=0.9)
    results = train_and_evaluate(recipe, tmp_path / "run", verbose=0)
    data = load("digits_canvas")
    model, raw = load_model(tmp_path / "run" / "model.keras"), compiled_model(recipe, data)
    assert Checkpoint(tmp_path / "run").restore(raw) == 1
    assert results["validation_accuracy"] == pytest.approx(
        1 - evaluate_finished(open_finished(tmp_path / "run"), "validation")["error_percent"] / 100
    )
    assert not np.allclose(model.get_weights()[0], raw.get_weights()[0])


@pytest.mark.slow
def test_no_tensorflow_line_reaches_the_user(tmp_path):
    process = subprocess.run(
        [sys.executable, "-m", "tf_glimpse.cli", "train", "testing", "--epochs", "1", "--workdir", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"},
    )
    assert process.returncode == 0
    assert not [line for line in process.stderr.splitlines() if "tensorflow" in line.lower() or "warning" in line.lower()]
