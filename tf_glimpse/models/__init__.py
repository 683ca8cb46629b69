"""What a user compiles and fits."""

from tf_glimpse.models.actions import ordered_logits_actions, random_cell_actions, sobel_actions
from tf_glimpse.models.attention_model import AttentionModel
from tf_glimpse.models.bagnet import BagNet
from tf_glimpse.models.loading import load_model
from tf_glimpse.models.ram import RAM
from tf_glimpse.models.saccader import Saccader

__all__ = [
    "RAM",
    "AttentionModel",
    "BagNet",
    "Saccader",
    "load_model",
    "ordered_logits_actions",
    "random_cell_actions",
    "sobel_actions",
]
