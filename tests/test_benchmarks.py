"""The tables that people read are the ones that the result files give."""

import functools
import json
import pathlib
import shlex
import sys

import pytest

from benchmarks import tables
from benchmarks.accuracy import cnn, paper_tables
from benchmarks.accuracy.tasks import TASKS
from benchmarks.common import mistakes, timing
from benchmarks.common.rows import read_rows
from benchmarks.operations import accuracy_flops
from benchmarks.operations import tables as operations_tables
from benchmarks.speed import startup
from benchmarks.speed import tables as speed_tables
from tf_glimpse import cli
from tf_glimpse.types import UserError

ROOT = pathlib.Path(__file__).resolve().parents[1]
ROOMS = ROOT / "benchmarks"
# Called otherwise since the scripts have rooms; others keep their name, but for the room's (`saccader_photos.py`, `saccader/photos.py`).
RENAMED = {"explanations": "faithfulness"}


def test_the_pages_are_what_their_script_makes():
    assert (ROOMS / "README.md").read_text() == tables.page(), "run: python -m benchmarks.tables"
    readme = (ROOT / "README.md").read_text()
    assert tables.with_tables(readme) == readme, "run: python -m benchmarks.tables"


def test_every_row_says_how_to_make_it_again():
    wanted = {"task", "recipe", "seed", "error_percent", "rollouts", "num_glimpses", "paper", "best_public", "preset", "augmentation"}
    for row in read_rows("paper_tables"):
        assert wanted | {"command", "commit", "device", "versions"} <= set(row)
        assert "dirty" not in row["commit"]
        trained_by_a_recipe = row["policy"] != "whole image" and "joint" not in row
        assert not trained_by_a_recipe or {"model", "loss", "learning_rate", "weight_decay", "batch_size", "checked_by"} <= set(row)


@pytest.mark.parametrize("file", sorted((ROOMS / "results").glob("*.json")), ids=lambda file: file.stem)
def test_every_result_has_a_clean_commit_and_a_command_that_runs_as_written(file):
    for row in json.loads(file.read_text())["rows"]:
        assert "dirty" not in row["commit"]
        program, *words = shlex.split(row["command"])
        assert program in ("tf-glimpse", "python")
        assert "/work" not in row["command"]
        if program == "python":
            script = source_of(words[1] if words[0] == "-m" else words[0])
            assert all(f'"{word}"' in script for word in words if word.startswith("--")), row["command"]


@functools.cache
def source_of(script):
    """The text of `benchmarks.ROOM.SCRIPT`; of `benchmarks/SCRIPT.py`, as rows of before the rooms have it, that of the script now."""
    if not script.endswith(".py"):
        return (ROOT / f"{script.replace('.', '/')}.py").read_text()
    name = RENAMED.get(pathlib.Path(script).stem, pathlib.Path(script).stem)
    (found,) = [path for path in ROOMS.glob("*/*.py") if name in (path.stem, f"{path.parent.name}_{path.stem}")]
    return found.read_text()


def test_a_row_names_the_module_that_made_it(monkeypatch):
    written = []
    monkeypatch.setattr("benchmarks.common.rows.add_rows", lambda name, rows, key: written.extend(rows))
    monkeypatch.setitem(sys.modules, "__main__", startup)  # as `python -m` runs it
    monkeypatch.setattr(sys, "argv", ["/a/path/startup.py", "--rounds", "5"])
    timing.record("startup", [{"what": "nothing"}], ("what",), 2)
    assert written[0]["command"] == "python -m benchmarks.speed.startup --rounds 5"


SCRIPTS = sorted(path for path in ROOMS.rglob("*.py") if '__name__ == "__main__"' in path.read_text())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_says_how_it_is_run(script):
    module = ".".join(script.relative_to(ROOT).with_suffix("").parts)
    text = script.read_text()
    assert f"python -m {module}" in text, "its docstring has another command"
    assert "python benchmarks/" not in text


def test_a_cnn_that_errs_more_than_others_of_its_layers_is_called_weak():
    task = next(task for task in TASKS if task.public_cnn)
    row = {"policy": "whole image", "epochs": 5, "error_percent": task.paper_cnn + 0.1}
    (told,) = paper_tables._weak_cnn(task, [row])
    assert "of 5 epochs, is a weak opponent" in told and f"the paper's {task.paper_cnn:.2f}" in told
    assert not list(paper_tables._weak_cnn(task, [{**row, "error_percent": min(task.paper_cnn, task.public_cnn)}]))


def test_of_two_cnns_the_better_on_validation_stays_and_tells_of_both(monkeypatch):
    there = {**dict.fromkeys(cnn.KEY, "same"), "augmentation": {}, "validation_error_percent": 5.0, "tuning": {"0.001 (9 epochs)": 5.0}}
    monkeypatch.setattr(cnn, "read_rows", lambda name: [there, {**there, "augmentation": {"shift": 1}, "validation_error_percent": 1.0}])
    for error in (4.0, 6.0):
        row = {**there, "validation_error_percent": error, "tuning": {"0.003 (20 epochs)": error}}
        kept = cnn.joined(row)
        assert kept["validation_error_percent"] == min(error, 5.0)
        assert kept["tuning"] == {"0.001 (9 epochs)": 5.0, "0.003 (20 epochs)": error}


def test_a_users_mistake_is_told_in_one_line(capsys):
    mistakes.tell(UserError, UserError("no such folder"), None)
    assert capsys.readouterr().err == "error: no such folder\n"
    mistakes.tell(ValueError, ValueError("a bug"), None)
    assert "ValueError: a bug" in capsys.readouterr().err


def test_points_say_what_they_cost():
    wanted = {
        "dataset",
        "family",
        "seed",
        "mflops",
        "accuracy",
        "threshold",
        "latency_us",
        "cpu_us",
        "trials",
        "epochs",
        "command",
        "commit",
    }
    for row in read_rows("short_trials"):
        assert {"command", "commit", "seconds", "accuracy"} <= set(row)
        assert "dirty" not in row["commit"]
    for row in read_rows("accuracy_flops"):
        assert wanted <= set(row)
        assert row["mflops"] <= row["budget_mflops"]
        assert "dirty" not in row["commit"]


def test_hard_attention_is_compared_with_the_better_cnn():
    accuracies = {"hard_attention": 0.9, "mobilenet_v2": 0.7, "shufflenet_v2": 0.8}
    row = {"dataset": "digits", "seed": 0, "budget_mflops": 0.1, "mflops": 0.09, "latency_us": 5.0, "cpu_us": 7.0}
    rows = [{**row, "family": family, "accuracy": accuracy} for family, accuracy in accuracies.items()]
    told = operations_tables.accuracy_flops(rows)
    assert "in points: +10.0 at 0.1. Goal, above both at every budget: met." in told
    dearer = [{**row, "budget_mflops": 0.5, "accuracy": 0.8 if row["family"] == "hard_attention" else row["accuracy"]} for row in rows]
    told = operations_tables.accuracy_flops(rows + dearer)
    assert "+10.0 at 0.1, +0.0 at 0.5. Goal, above both at every budget: missed at 0.5 MFLOP." in told


def test_the_picture_shows_the_mean_of_what_each_seed_has():
    points = [(0, 0.1, 0.5), (0, 0.3, 0.9), (1, 0.2, 0.6), (1, 0.4, 0.7)]
    rows = [{"seed": seed, "mflops": cost, "accuracy": accuracy} for seed, cost, accuracy in points]
    costs, accuracies = accuracy_flops.staircase(rows)
    assert costs == [0.2, 0.3, 0.4, 0.7]
    assert accuracies == pytest.approx([55.0, 75.0, 80.0, 80.0])


def test_what_hinges_on_the_number_of_fixed_looks_is_said():
    (row,) = read_rows("adaptive_throughput")
    row |= {"fixed_glimpses": 3, "fixed_accuracy_percent": [70.0, 95.85, 96.0], "accuracy_percent": 96.0, "flops_ratio": 1.5}
    row |= {"stops": [5000, 4000, 1000]}
    told = speed_tables._nearly(row)
    assert told == "Always 2 looks answer 95.85 %, 5 images of 10,000 too few to count as the same; their ratio would be 1.00."
    assert speed_tables._nearly({**row, "fixed_glimpses": 1}) == ""


FORETOLD = [
    ((0.1, 0.2, 0.3, 0.4), "1.00 (0.95 to 1.00) | 80.00 % | 80.00 % | 14 | 40 |"),
    ((0.1, 0.2, 0.4, 0.3), "0.80 (-0.70 to 1.00) | 80.00 % | 70.00 % | 24 | 40 |"),
    ((0.4, 0.3, 0.2, 0.1), "-1.00 (-1.00 to -0.95) | 80.00 % | 50.00 % | 44 | 40 |"),
]


@pytest.mark.parametrize(("short", "told"), FORETOLD)
def test_what_short_trials_foretell(short, told):
    whole = (0.5, 0.6, 0.7, 0.8)
    rows = [
        {"dataset": "digits", "seed": 0, "trial": trial, "candidate": number, "accuracy": accuracy, "seconds": seconds, "epochs": epochs}
        for trial, accuracies, seconds, epochs in (("short", short, 1, 1), ("full", whole, 10, 6))
        for number, accuracy in enumerate(accuracies)
    ]
    assert told in operations_tables.short_trials(rows)


def test_the_start_of_every_command_is_timed(tmp_path):
    timed = {what.split(",")[0].split()[1] for what in [*startup.PYTHON, *(f"tf-glimpse {words}" for words in startup.COMMANDS)]}
    assert {command.__name__.split(".")[-1] for command in cli.COMMANDS} <= timed
    seconds, processor_seconds = startup.timed([sys.executable, "-c", "import time; time.sleep(0.3)"], tmp_path)
    assert seconds >= 0.3 > processor_seconds > 0
    serving = "import time; print('Ready: POST http://x', flush=True); time.sleep(60)"
    assert startup.timed([sys.executable, "-c", serving], tmp_path)[0] < 30
    with pytest.raises(SystemExit, match="ended with exit code 3, expected 0"):
        startup.timed([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)
