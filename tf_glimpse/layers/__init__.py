"""The parts of the models, one Keras layer a file, and `unroll`, the loop over looks at images."""

from tf_glimpse.layers.attention_network import AttentionNetwork
from tf_glimpse.layers.bottleneck import Bottleneck
from tf_glimpse.layers.conv_glimpse_encoder import ConvGlimpseEncoder
from tf_glimpse.layers.conv_norm import ConvNorm
from tf_glimpse.layers.glimpse_cell import GlimpseCell
from tf_glimpse.layers.glimpse_encoder import GlimpseEncoder
from tf_glimpse.layers.location import CategoricalLocation, GaussianLocation, LocationHead
from tf_glimpse.layers.placed_picture import PlacedPicture
from tf_glimpse.layers.rectified_core import RectifiedCore
from tf_glimpse.layers.retina import Retina
from tf_glimpse.layers.saccader_cell import SaccaderCell
from tf_glimpse.layers.stopping import StoppingHead
from tf_glimpse.layers.unroll import unroll

__all__ = [
    "AttentionNetwork",
    "Bottleneck",
    "CategoricalLocation",
    "ConvGlimpseEncoder",
    "ConvNorm",
    "GaussianLocation",
    "GlimpseCell",
    "GlimpseEncoder",
    "LocationHead",
    "PlacedPicture",
    "RectifiedCore",
    "Retina",
    "SaccaderCell",
    "StoppingHead",
    "unroll",
]
