"""The Saccader's page is what its script makes of the result files, and every row says how to make it again."""

import pathlib

import pytest

from tf_glimpse.models.loading import preset_names

ROOT = pathlib.Path(__file__).resolve().parents[1]
POLICIES = {"learned", "ordered_logits", "sobel_mean", "sobel_variance", "random", "centre"}


@pytest.fixture
def page(benchmark_script):
    return benchmark_script("saccader_tables")


def test_the_page_is_what_its_script_makes(page):
    assert (ROOT / "benchmarks" / "saccader.md").read_text() == page.page(), "run: python benchmarks/saccader_tables.py"


def test_every_row_says_how_to_make_it_again(page):
    rows = page.read_rows("saccader_photos")
    wanted = {"dataset", "policy", "stage", "num_glimpses", "coverage", "accuracy", "ceiling", "resnet", "seed", "preset"}
    wanted |= {"command", "trained_by", "commit", "device", "versions", "split", "examples"}
    assert {row["policy"] for row in rows} == POLICIES
    assert {row["num_glimpses"] for row in rows} == set(range(1, 13))
    for row in rows:
        assert wanted <= set(row)
        assert 0 < row["coverage"] <= 1
        assert row["preset"] in (None, *preset_names())
