"""Cross-entropy after the early looks."""

import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.losses import anytime_cross_entropy

LOGITS = np.random.default_rng(0).normal(size=[5, 4, 3]).astype("float32")
LABELS = np.array([0, 1, 2, 1, 0])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_it_is_the_mean_over_every_look_but_the_last(jit_compile):
    scores = LOGITS - np.log(np.exp(LOGITS).sum(axis=-1, keepdims=True))
    expected = -scores[np.arange(5), :-1, LABELS].mean(axis=1)
    np.testing.assert_allclose(tf.function(anytime_cross_entropy, jit_compile=jit_compile)(LOGITS, LABELS), expected, rtol=1e-4)


def test_one_look_has_no_early_one():
    np.testing.assert_array_equal(anytime_cross_entropy(LOGITS[:, :1], LABELS), np.zeros(5))
