"""Places drawn from a seed: uniform, by weights, and row by row the same however many are drawn."""

import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.policies import DrawnCells, Random

POLICIES = {"random": Random(6), "cells": DrawnCells(np.zeros(12), (3, 4), 6)}


def test_places_are_uniform_on_the_image():
    places = Random(3)(None, np.arange(20000), (5, 0)).numpy()
    assert places.shape == (20000, 3, 2) and places.dtype == np.float32
    assert np.abs(places).max() <= 1
    counts = np.histogramdd(places.reshape(-1, 2), bins=4, range=[(-1, 1)] * 2)[0]
    np.testing.assert_allclose(counts / counts.sum(), 1 / 16, atol=0.003)
    assert np.abs(np.corrcoef(places.reshape(-1, 6).T) - np.eye(6)).max() < 0.03


def test_draws_of_an_evaluation_stay_what_they_were():
    """One table for the split, drawn by a seed folded from (seed, stream 3, epoch 0, step 0): published figures are of these places."""
    seed = tf.random.fold_in(tf.random.fold_in(tf.constant([7, 3], tf.int64), 0), 0)
    table = tf.random.stateless_uniform([101, 6, 2], seed, -1.0, 1.0)
    np.testing.assert_array_equal(Random(6)(None, np.arange(40, 101), (7, 0)), table[40:])


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_a_row_is_the_same_however_long_the_table(policy):
    index = np.array([70_000, 3, 3, 12])
    places = policy(None, index, (1, 2)).numpy()
    for row, number in enumerate(index):
        np.testing.assert_array_equal(policy(None, [number], (1, 2))[0], places[row])
    assert (places[1] == places[2]).all() and (places[1] != places[3]).any()
    assert (policy(None, index, (1, 3)) != places).numpy().any() and (policy(None, index, (2, 2)) != places).numpy().any()


def test_cells_are_drawn_by_their_weights():
    draws = DrawnCells(np.log([0.5, 0.25, 0.125, 0.125]), (2, 2), 3)(None, tf.range(4000), (1, 2)).numpy()
    assert draws.shape == (4000, 3, 2)
    for cell, share in (((-0.5, -0.5), 0.5), ((-0.5, 0.5), 0.25), ((0.5, -0.5), 0.125), ((0.5, 0.5), 0.125)):
        np.testing.assert_allclose((draws == cell).all(axis=-1).mean(axis=0), share, atol=0.03)
    assert (draws[:, 0] != draws[:, 1]).any()
