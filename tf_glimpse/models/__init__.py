"""What a user compiles and fits."""

from tf_glimpse.models.adaptive import AdaptiveModel, AdaptivePrediction
from tf_glimpse.models.attention_model import AttentionModel
from tf_glimpse.models.bagnet import BagNet
from tf_glimpse.models.classify import Classified
from tf_glimpse.models.glimpse_posterior import GlimpsePosterior
from tf_glimpse.models.hidden_state_vae import HiddenStateVAE
from tf_glimpse.models.image_vae import ImageVAE
from tf_glimpse.models.inside import FinalLogits
from tf_glimpse.models.loading import load_model
from tf_glimpse.models.patch_classifier import PatchClassifier
from tf_glimpse.models.ram import RAM
from tf_glimpse.models.reconstructing import ReconstructingModel
from tf_glimpse.models.saccader import Saccader

__all__ = [
    "RAM",
    "AdaptiveModel",
    "AdaptivePrediction",
    "AttentionModel",
    "BagNet",
    "Classified",
    "FinalLogits",
    "GlimpsePosterior",
    "HiddenStateVAE",
    "ImageVAE",
    "PatchClassifier",
    "ReconstructingModel",
    "Saccader",
    "load_model",
]
