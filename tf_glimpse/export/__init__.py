"""From a Keras model to a SavedModel that TF-Serving (or `tf_glimpse.server`) loads. Importing this loads no TensorFlow."""

from tf_glimpse.late import on_first_use

__all__ = ["export_model"]

__getattr__ = on_first_use(__name__, {"export_model": "publish"})
