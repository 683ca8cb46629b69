"""Imports the package before anything imports TensorFlow, so that tests are as quiet as programs; the same draws every time."""

import gc
import os
import pathlib

# Tests run side by side: threads of each would wait for those of the others.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import tf_glimpse  # noqa: F401, I001
import keras
import pytest


# What imports made is never garbage, and graphs make many objects: looking through all of them often is a tenth of the time.
gc.freeze()
gc.set_threshold(100_000, 50, 100)

# Files of a minute or more, the longest first: begun last, one would be left alone at the end.
LONG = (
    "search/test_search.py",
    "test_notebooks.py",
    "training/test_run.py",
    "models/test_attention_model.py",
    "test_conformance.py",
    "models/test_adaptive.py",
    "training/test_stages.py",
    "test_docs.py",
    "test_export.py",
    "training/test_sequences.py",
    "models/test_saccader.py",
    "search/test_workers.py",
    "test_presets.py",
)


def pytest_collection_modifyitems(items):
    places = {pathlib.Path(__file__).parent / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session")
def manual_dir():
    """The folder of downloaded sets; without one a test is skipped, as one of the same thing on the embedded digits is always run."""
    default = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = pathlib.Path(os.environ.get("TF_GLIMPSE_MANUAL_DIR", default)).resolve()
    if not (folder / "mnist").is_dir():
        pytest.skip(f"no MNIST files in {folder}/mnist (set TF_GLIMPSE_MANUAL_DIR)")
    return folder


@pytest.fixture(autouse=True)
def same_draws():
    keras.utils.set_random_seed(0)
