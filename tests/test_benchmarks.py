"""The tables that people read are the ones that the result files give."""

import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.fixture
def tables(benchmark_script):
    return benchmark_script("tables")


def test_the_pages_are_what_their_script_makes(tables):
    rows = tables.read_rows("paper_tables")
    assert (ROOT / "benchmarks" / "README.md").read_text() == tables.page(rows), "run: python benchmarks/tables.py"
    readme = (ROOT / "README.md").read_text()
    assert tables.paper_tables.with_short_table(readme, rows) == readme, "run: python benchmarks/tables.py"


def test_every_row_says_how_to_make_it_again(tables):
    wanted = {"task", "recipe", "seed", "error_percent", "rollouts", "num_glimpses", "paper", "best_public", "preset", "augmentation"}
    for row in tables.read_rows("paper_tables"):
        assert wanted | {"command", "commit", "device", "versions"} <= set(row)
        assert "dirty" not in row["commit"]
