"""Imports the package before anything imports TensorFlow, so that tests are as quiet as programs; the same draws every time."""

import tf_glimpse  # noqa: F401, I001
import keras
import pytest


@pytest.fixture(autouse=True)
def same_draws():
    keras.utils.set_random_seed(0)
