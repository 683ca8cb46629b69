"""Imports the package before anything imports TensorFlow, so that tests are as quiet as programs; the same draws every time."""

import os

# Tests run side by side: threads of each would wait for those of the others.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import tf_glimpse  # noqa: F401, I001
import keras
import pytest


@pytest.fixture(autouse=True)
def same_draws():
    keras.utils.set_random_seed(0)
