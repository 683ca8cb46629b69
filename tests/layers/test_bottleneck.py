"""The residual block: shapes, and both of its second batch norms by formula."""

import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.layers.bottleneck import Bottleneck
from tf_glimpse.types import UserError

RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=[3, 9, 10, 8]).astype("float32")


def normalised(maps, layer):
    scale = layer.gamma.numpy() / np.sqrt(layer.moving_variance.numpy() + 1e-5)
    return (maps - layer.moving_mean.numpy()) * scale + layer.beta.numpy()


def conv(maps, layer, strides=1):
    return tf.nn.conv2d(maps, layer.kernel, strides, "VALID").numpy()


@pytest.mark.parametrize("second_norm", ["skip", "main"])
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_numbers(second_norm, kernel_size):
    block = Bottleneck(3, kernel_size, strides=2, second_norm=second_norm)
    block(INPUTS)
    for variable in block.variables:
        variable.assign(RANDOM.uniform(0.5, 1.5, variable.shape))
    main = np.maximum(normalised(conv(INPUTS, block.narrow.conv), block.narrow.norm), 0)
    main = np.maximum(normalised(conv(main, block.middle.conv, 2), block.middle.norm), 0)
    main = normalised(conv(main, block.widen.conv), block.widen.norm)
    crop = (kernel_size - 1) // 2
    skip = conv(INPUTS[:, crop : 9 - crop, crop : 10 - crop], block.projection, 2)
    main, skip = (main, normalised(skip, block.norm)) if second_norm == "skip" else (normalised(main, block.norm), skip)
    np.testing.assert_allclose(block(INPUTS), np.maximum(main + skip, 0), rtol=1e-4, atol=1e-5)


def test_a_new_block_is_its_skip():
    block = Bottleneck(2, kernel_size=3)
    np.testing.assert_array_equal(block(INPUTS), np.maximum(INPUTS[:, 1:-1, 1:-1], 0))
    assert block.projection is None


@pytest.mark.parametrize("mistake", [{"kernel_size": 5}, {"second_norm": "none"}])
def test_impossible_settings(mistake):
    with pytest.raises(UserError, match="Bottleneck expects kernel_size of 1 or 3"):
        Bottleneck(2, **mistake)
