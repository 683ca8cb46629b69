"""From a Keras model to a SavedModel that TF-Serving (or `tf_glimpse.server`) loads."""

from tf_glimpse.export.publish import export_model

__all__ = ["export_model"]
