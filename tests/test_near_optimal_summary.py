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
    assert taught["iterations_to_target_ratio"] == 2.5
    assert (taught["never_reached"], taught["points_gained"]) == (1, 2.0)


def test_the_page_is_what_its_script_makes(summary):
    made = (ROOT / "benchmarks" / "near_optimal_glimpses.md").read_text()
    assert made == summary.page(), "run: python benchmarks/near_optimal_summary.py"


def test_every_row_says_how_to_make_it_again(summary):
    rows = summary.read_rows(summary.NAME)
    wanted = {"dataset", "task", "seed", "supervision", "sequences", "iterations_to_converge", "iterations_to_target", "validation_every"}
    wanted |= {"best_accuracy", "test_accuracy", "command", "commit", "device", "versions"}
    assert rows
    assert all(wanted <= set(entry) for entry in rows)
