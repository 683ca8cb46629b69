"""Imports the package before anything imports TensorFlow, so that the tests are as quiet as its users' programs."""

import tf_glimpse  # noqa: F401
