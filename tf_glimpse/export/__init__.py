"""From a Keras model to a SavedModel that TF-Serving (or `tf_glimpse.server`) loads. Importing this loads no TensorFlow."""

from tf_glimpse.late import on_first_use

__all__ = ["export_model"]

_HOME = {"export_model": "publish"}

__getattr__ = on_first_use(__name__, _HOME)
