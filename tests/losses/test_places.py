"""The location stage's loss and what is reported of it."""

import numpy as np
import scipy.special

from tf_glimpse.losses.places import cell_log_probs, hit_rate, unmasked_place_loss

RANDOM = np.random.default_rng(0)
POLICY = RANDOM.normal(size=[3, 4, 6]).astype("float32")
CELLS = np.stack([RANDOM.permutation(6)[:4] for _ in range(3)]).astype("int32")
LOG_PROBS = np.take_along_axis(scipy.special.log_softmax(POLICY.astype(float), axis=-1), CELLS[..., None], axis=-1)[..., 0]


def test_log_probabilities():
    np.testing.assert_allclose(cell_log_probs(POLICY, CELLS), LOG_PROBS, rtol=1e-5)


def test_masked_cells_do_not_drown_the_others():
    np.testing.assert_allclose(unmasked_place_loss(POLICY, CELLS), -LOG_PROBS.mean(axis=1), rtol=1e-5)
    policy = POLICY.copy()
    policy[0, 1, CELLS[0, 1]] -= 1e5
    assert cell_log_probs(policy, CELLS)[0, 1] < -9e4
    np.testing.assert_allclose(unmasked_place_loss(policy, CELLS)[0], -LOG_PROBS[0, [0, 2, 3]].mean(), rtol=1e-5)
    np.testing.assert_allclose(unmasked_place_loss(policy, CELLS)[1:], -LOG_PROBS[1:].mean(axis=1), rtol=1e-5)
    everything = np.full([1, 1, 2], -1e5, "float32")
    everything[..., 1] = 0
    assert unmasked_place_loss(everything, np.zeros([1, 1], "int32")) == 0


def test_hits():
    hits = [[mode in cells for mode in policy.argmax(axis=-1)] for policy, cells in zip(POLICY, CELLS, strict=True)]
    np.testing.assert_allclose(hit_rate(POLICY, CELLS), np.mean(hits, axis=1))
    assert 0 < np.mean(hits) < 1
