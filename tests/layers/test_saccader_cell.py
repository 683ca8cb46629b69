"""The Saccader's cell, step by step in NumPy; its memory, its draws, its precision."""

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tf_glimpse.layers.saccader_cell import SaccaderCell

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(scale=2.0, size=[4, 9, 5]).astype("float32")
VISITED = np.eye(9, dtype="float32")[[0, 3, 3, 8]]
NOBODY = (tf.zeros([4], tf.int32), tf.zeros([4], tf.bool))


def make_cell():
    cell = SaccaderCell()
    cell((tf.constant(FEATURES), *NOBODY), tf.constant(VISITED))
    cell.attention.assign(RANDOM.normal(size=[5, 1]))
    return cell


def by_hand(features, visited, attention):
    """The logits of where to look, image by image, cell by cell."""
    logits = np.zeros(visited.shape)
    for row, (cells, seen) in enumerate(zip(features.astype(float), visited, strict=True)):
        weights = scipy.special.softmax(
            [cell @ attention[:, 0] / np.sqrt(len(cell)) - 1e5 * mark for cell, mark in zip(cells, seen, strict=True)]
        )
        channels = scipy.special.softmax(sum(weight * cell for weight, cell in zip(weights, cells, strict=True)))
        logits[row] = [channels @ cell - 1e5 * mark for cell, mark in zip(cells, seen, strict=True)]
    return logits


@pytest.mark.parametrize("jit_compile", [False, True])
def test_numbers(jit_compile):
    cell = make_cell()
    (cells, policy), visited = tf.function(cell, jit_compile=jit_compile)((FEATURES, *NOBODY), VISITED)
    expected = by_hand(FEATURES, VISITED, cell.attention.numpy())
    free = VISITED == 0
    np.testing.assert_allclose(policy.numpy()[free], expected[free], atol=1e-5)
    np.testing.assert_allclose(policy, expected, atol=1e-2)
    np.testing.assert_array_equal(cells, expected.argmax(axis=1))
    np.testing.assert_array_equal(visited, np.maximum(VISITED, np.eye(9)[cells]))


@pytest.mark.parametrize("seed", [None, (1, 2)])
def test_it_looks_at_each_cell_once(seed):
    cell, visited, looks = make_cell(), tf.zeros([4, 9]), []
    for step in range(9):
        (cells, _), visited = cell((FEATURES, *NOBODY), visited, draw_seed=None if seed is None else tf.constant([seed[0], seed[1] + step]))
        looks.append(cells)
    np.testing.assert_array_equal(np.sort(looks, axis=0), np.repeat(np.arange(9)[:, None], 4, axis=1))
    np.testing.assert_array_equal(visited, np.ones([4, 9]))


def test_given_cells_are_looked_at_and_scored():
    cell = make_cell()
    given, has_given = tf.constant([0, 7, 2, 1]), tf.constant([True, True, False, False])
    (cells, policy), visited = cell((FEATURES, given, has_given), VISITED)
    own = np.argmax(policy, axis=1)
    np.testing.assert_array_equal(cells, [0, 7, own[2], own[3]])
    np.testing.assert_array_equal(visited, np.maximum(VISITED, np.eye(9)[cells]))
    log_probs, entropies = cell.score(cells[:, None], policy[:, None])
    expected = scipy.special.log_softmax(policy.numpy().astype(float), axis=1)
    np.testing.assert_allclose(log_probs[:, 0], expected[np.arange(4), cells], rtol=1e-5)
    np.testing.assert_allclose(entropies[:, 0], -(np.exp(expected) * expected).sum(axis=1), rtol=1e-5)
    assert -1.1e5 < log_probs[0, 0] < -0.9e5, "a second visit has a finite score"


def test_draws_follow_the_policy_and_rows_their_own_seeds():
    cell = make_cell()
    policy = tf.nn.log_softmax(tf.constant([[0.0, 1.0, 2.0, -1e5]]))
    draws = cell.choose(tf.repeat(policy, 20000, axis=0), tf.constant([3, 4])).numpy()
    np.testing.assert_allclose(np.bincount(draws, minlength=4) / 20000, np.exp(policy[0]), atol=0.01)
    seeds = RANDOM.integers(0, 1000, [4, 2]).astype("int32")
    (_, policy), _ = cell((FEATURES, *NOBODY), VISITED)
    whole = cell.choose(policy, tf.constant(seeds))
    np.testing.assert_array_equal(whole[2:3], cell.choose(policy[2:3], tf.constant(seeds[2:3])))


def test_half_precision_features_keep_the_mask():
    cell = SaccaderCell(dtype="mixed_float16")
    (_, policy), visited = cell((tf.cast(FEATURES, "float16"), *NOBODY), VISITED)
    assert policy.dtype == visited.dtype == tf.float32
    assert np.all(np.isfinite(policy))
    np.testing.assert_array_equal(policy.numpy() < -9e4, VISITED > 0)
