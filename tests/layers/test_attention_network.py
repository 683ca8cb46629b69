"""The attention network: shapes, numbers, and how far it sees."""

import numpy as np
import tensorflow as tf

from tf_glimpse.layers.attention_network import AttentionNetwork

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=[3, 13, 13, 16]).astype("float32")
WHAT = RANDOM.normal(size=[3, 13, 13, 4]).astype("float32")


def test_numbers():
    layer = AttentionNetwork(mixed_channels=6)
    layer(FEATURES, WHAT)
    where = FEATURES
    for embedding, (size, dilation) in zip(layer.embeddings, [(1, 1), (3, 2), (1, 1), (3, 2)], strict=True):
        assert embedding.conv.kernel.shape[:2] == (size, size)
        where = np.maximum(tf.nn.conv2d(where, embedding.conv.kernel, 1, "SAME", dilations=dilation) / np.sqrt(1 + 1e-5), 0)
    assert where.shape[-1] == 4
    np.testing.assert_allclose(layer.where(FEATURES), where, atol=1e-5)
    joined = np.concatenate([where, WHAT], axis=-1)
    np.testing.assert_allclose(layer(FEATURES, WHAT), joined @ layer.mixing.kernel[0, 0].numpy(), atol=1e-4)


def test_it_sees_nine_cells():
    layer = AttentionNetwork(mixed_channels=6)
    before = layer(FEATURES, WHAT).numpy()
    changed = FEATURES.copy()
    changed[:, 6, 6] += 10
    rows, columns = np.nonzero(np.abs(layer(changed, WHAT) - before).max(axis=(0, 3)) > 1e-6)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 10, 2, 10)
