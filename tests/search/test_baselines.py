import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.search.baselines import mobilenet_v2, shufflenet_v2
from tf_glimpse.search.flops import count_flops, model_flops
from tf_glimpse.types import UserError

PUBLISHED = {mobilenet_v2: 3_504_872, shufflenet_v2: 2_278_604}


@pytest.mark.parametrize("make", PUBLISHED, ids=lambda make: make.__name__)
def test_the_published_size_and_every_channel_scales(make):
    """Parameters do not depend on the resolution; a quarter of the width leaves no layer as wide as it was."""
    full, quarter = make((32, 32, 3), 1000), make((60, 60, 1), 10, width=0.25)
    assert sum(int(np.prod(variable.shape)) for variable in full.trainable_variables) == PUBLISHED[make]
    widths = [[layer.filters for layer in model.layers if type(layer) is keras.layers.Conv2D] for model in (full, quarter)]
    assert all(0.2 < narrow / wide < 0.3 for wide, narrow in zip(*widths, strict=True))


@pytest.mark.parametrize("make", PUBLISHED, ids=lambda make: make.__name__)
def test_small_images_are_cheap(make):
    model = make((60, 60, 1), 3, width=0.03, shrink=6)
    assert model_flops(model) < 100_000
    assert model(np.zeros([2, 60, 60, 1], "float32")).shape == (2, 3)


def test_shrinking_is_the_mean_and_is_counted():
    pool = keras.layers.AveragePooling2D(3)
    images = tf.constant(np.random.default_rng(0).random([1, 60, 60, 1]), tf.float32)
    np.testing.assert_allclose(pool(images), tf.reduce_mean(tf.reshape(images, [1, 20, 3, 20, 3, 1]), axis=[2, 4]), atol=1e-6)
    assert count_flops(pool, tf.TensorSpec([1, 60, 60, 1])) == 20 * 20 * 9


def test_mistakes():
    with pytest.raises(UserError, match="shrink expects a divisor"):
        mobilenet_v2((60, 60, 1), 10, shrink=7)
    with pytest.raises(UserError, match="width above zero"):
        shufflenet_v2((60, 60, 1), 10, width=0)
