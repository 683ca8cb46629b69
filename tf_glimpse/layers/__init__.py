"""The parts of a recurrent attention model, one Keras layer a file, and `unroll`, the only loop."""

from tf_glimpse.layers.conv_glimpse_encoder import ConvGlimpseEncoder
from tf_glimpse.layers.glimpse_cell import GlimpseCell
from tf_glimpse.layers.glimpse_encoder import GlimpseEncoder
from tf_glimpse.layers.location import CategoricalLocation, GaussianLocation, LocationHead
from tf_glimpse.layers.rectified_core import RectifiedCore
from tf_glimpse.layers.retina import Retina
from tf_glimpse.layers.unroll import unroll

__all__ = [
    "CategoricalLocation",
    "ConvGlimpseEncoder",
    "GaussianLocation",
    "GlimpseCell",
    "GlimpseEncoder",
    "LocationHead",
    "RectifiedCore",
    "Retina",
    "unroll",
]
