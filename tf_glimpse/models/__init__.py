"""What a user compiles and fits."""

from tf_glimpse.models.attention_model import AttentionModel
from tf_glimpse.models.loading import load_model
from tf_glimpse.models.ram import RAM

__all__ = ["RAM", "AttentionModel", "load_model"]
