"""Small untrained models whose policies choose different places for different images, and images for them."""

import keras
import numpy as np

from tf_glimpse.datasets import ImageData, array_source
from tf_glimpse.models.ram import RAM
from tf_glimpse.models.saccader import Saccader

IMAGES = np.random.default_rng(0).integers(0, 256, [7, 21, 25, 3]).astype("uint8")
SOURCE = array_source(IMAGES, np.arange(7) % 3)
DATA = ImageData("noise", SOURCE, SOURCE, SOURCE, 3, ["a", "b", "c"], IMAGES.shape[1:])
BAGNET = {"blocks": (1,), "filters": (8,), "strides": (4,), "stem_filters": 8, "receptive_field": 5}


def ram(first_location="learned", num_glimpses=4, **settings):
    """A RAM whose places differ from image to image: what its location head reads counts twenty times as much as it begins."""
    keras.utils.set_random_seed(3)
    model = RAM(3, patch_size=5, num_scales=1, num_glimpses=num_glimpses, units=16, first_location=first_location, seed=1, **settings)
    model.build((None, *IMAGES.shape[1:]))
    kernel = model.cell.location.linear.kernel
    kernel.assign(20 * kernel)
    return model


def with_opinion(model):
    """A built `Saccader` with random weights, so that cells differ and the policy has an opinion; returns it."""
    random = np.random.default_rng(1)
    for variable in model.variables:
        variable.assign(random.normal(0, 0.2, variable.shape) if variable.name == "kernel" else random.uniform(0.5, 1.0, variable.shape))
    model.cell.attention.assign(random.normal(0, 2, model.cell.attention.shape))
    return model


def saccader():
    keras.utils.set_random_seed(3)
    model = Saccader(3, BAGNET, num_glimpses=4, mixed_channels=8)
    model.build((None, *IMAGES.shape[1:]))
    return model
