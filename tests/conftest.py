"""Imports the package before anything imports TensorFlow, so that tests are as quiet as programs; the same draws every time."""

import os
import pathlib
import sys

# Tests run side by side: threads of each would wait for those of the others.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import tf_glimpse  # noqa: F401, I001
import keras
import pytest


BENCHMARKS = pathlib.Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def benchmark_script(monkeypatch):
    """Imports a script of benchmarks/ by its name; forgets it, and what it imports from there, after the test."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield __import__
    for path in BENCHMARKS.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.fixture(autouse=True)
def same_draws():
    keras.utils.set_random_seed(0)
