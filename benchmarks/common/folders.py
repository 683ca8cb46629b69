"""Where the pages, their pictures and the rows that they are made from lie."""

import pathlib

BENCHMARKS = pathlib.Path(__file__).resolve().parents[1]
RESULTS, PICTURES = BENCHMARKS / "results", BENCHMARKS / "pictures"
