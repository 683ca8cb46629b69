"""The claims' ratios are what the rows give, checked by hand, and the page is what its script makes."""

import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.fixture
def summary(benchmark_script):
    return benchmark_script("near_optimal_summary")


def row(supervision, seed, curve, test):
    found = {"validation_every": 10, "validation_curve": curve, "best_accuracy": max(curve), "test_accuracy": test}
    how = {"sequences": 0, "share": 0} if supervision == "none" else {"sequences": 600, "share": 0.25}
    return {"dataset": "d", "task": "t", "supervision": supervision, **how, "until": None, "seed": seed, **found}


ROWS = [
    row("none", 0, [0.1, 0.5, 0.795, 0.8], 0.7),
    row("none", 1, [0.1, 0.5, 0.6, 0.7, 0.75, 0.82], 0.72),
    row("near_optimal", 0, [0.795, 0.8], 0.73),
    row("near_optimal", 1, [0.5, 0.79, 0.797, 0.79], 0.73),
]


def test_iterations_and_target_are_those_of_the_curves(summary):
    found = summary.completed(ROWS)
    assert [entry["target_accuracy"] for entry in found] == [0.8] * 4  # the mean of 0.80 and 0.82, minus 0.01
    assert [entry["iterations_to_converge"] for entry in found] == [30, 60, 10, 20]
    assert [entry["iterations_to_target"] for entry in found] == [40, 60, 20, None]


def test_ratios_are_those_of_means_and_variances(summary):
    none, taught = summary.summary(summary.completed(ROWS))
    assert (none["iterations_to_converge"], taught["iterations_to_converge"]) == (45, 15)
    assert taught["iterations_to_converge_ratio"] == 3.0
    assert taught["variance_to_converge_ratio"] == 9.0
    assert taught["iterations_to_target_ratio"] == 1.67  # 50 against the mean of 20 and a whole run of 40
    assert (taught["never_reached"], taught["points_gained"]) == (1, 2.0)
    assert taught["points_interval"] == pytest.approx(12.71, abs=0.01)  # of 3 points and 1 point


def test_goals_are_met_or_missed_by_the_figures(summary):
    (line,) = summary.verdicts([{**entry, "task": summary.ALL_CLASSES} for entry in summary.completed(ROWS)])
    wanted = "3 times fewer iterations (goal 6.8: missed), 9 times less variance (goal 5: met), 2 points more (goal 0.4: met)"
    wanted += ", +- 12.71, which includes none"  # two seeds
    assert line == f"- d, all classes: {wanted}."


def test_a_run_that_never_reaches_the_target_counts_with_its_length(summary):
    slow = [row("none", seed, [0.1, 0.2, 0.3, 0.8], 0.7) for seed in (0, 1)]
    taught = [row("near_optimal", 0, [0.8, 0.8, 0.8, 0.8], 0.7), row("near_optimal", 1, [0.1, 0.1, 0.1, 0.1], 0.1)]
    found = summary.summary(summary.completed(slow + taught))[1]
    assert (found["iterations_to_target"], found["never_reached"]) == (25, 1)
    assert found["iterations_to_target_ratio"] == 1.6  # 40 against the mean of 10 and 40


def test_runs_of_other_settings_are_not_compared(summary):
    with pytest.raises(SystemExit, match="move the old rows away"):
        summary.completed([ROWS[0], {**ROWS[1], "grid": [4, 4]}])


def test_classes_against_rest_are_pooled_where_both_ways_ran(summary):
    other = [{**entry, "task": "u", "test_accuracy": entry["test_accuracy"] + 0.1} for entry in ROWS]
    alone = [{**row("near_optimal", 0, [0.5], 0.9), "task": "v"}, {**row("none", 0, [0.5], 0.1), "task": summary.ALL_CLASSES}]
    none, taught = summary.pooled(summary.completed([*ROWS, *other, *alone]))
    assert none["task"] == taught["task"] == "mean of 2 against rest"
    assert (none["runs"], taught["runs"], taught["never_reached"]) == (4, 4, 2)
    assert (taught["iterations_to_converge_ratio"], taught["variance_to_converge_ratio"], taught["points_gained"]) == (3.0, 9.0, 2.0)
    assert none["test_accuracy"] == pytest.approx(0.76)


def test_the_page_is_what_its_script_makes(summary):
    made = (ROOT / "benchmarks" / "near_optimal_glimpses.md").read_text()
    assert made == summary.page(), "run: python benchmarks/near_optimal_summary.py"


def test_every_row_says_how_to_make_it_again(summary):
    rows = summary.read_rows(summary.NAME)
    wanted = {"dataset", "task", "seed", "supervision", "sequences", "iterations_to_converge", "iterations_to_target", "validation_every"}
    wanted |= {"best_accuracy", "test_accuracy", "command", "commit", "device", "versions"}
    assert rows
    assert all(wanted <= set(entry) for entry in rows)
