"""Location heads: distributions against TFP's own and against formulas by hand."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tf_glimpse.layers import CategoricalLocation, GaussianLocation

RANDOM = np.random.default_rng(0)
HIDDEN = RANDOM.normal(size=[5, 8]).astype("float32")
PLACES = RANDOM.normal(scale=1.5, size=[5, 2]).astype("float32")
COMPILE = pytest.mark.parametrize("jit_compile", [False, True])


def linear(values, layer):
    return values @ layer.kernel.numpy() + layer.bias.numpy()


def by_hand(head):
    """What the head's Dense layers make of the state, in NumPy."""
    values = np.maximum(linear(HIDDEN, head.hidden), 0) if head.hidden_units else HIDDEN
    return linear(values, head.linear)


@COMPILE
@pytest.mark.parametrize("stddev", [0.05, 0.3])
def test_gaussian_numbers(stddev, jit_compile):
    head = GaussianLocation(stddev=stddev, hidden_units=7)
    head(HIDDEN)

    def score(hidden, places):
        policy = head(hidden)
        return policy.mode(), policy.log_prob(places), policy.entropy()

    mode, log_prob, entropy = tf.function(score, jit_compile=jit_compile)(HIDDEN, PLACES)
    mean = np.tanh(by_hand(head))
    expected = -0.5 * (((PLACES - mean) / stddev) ** 2).sum(axis=1) - 2 * np.log(stddev) - np.log(2 * np.pi)
    np.testing.assert_allclose(mode, mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(log_prob, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(entropy, np.full(5, np.log(2 * np.pi * np.e * stddev**2)), rtol=1e-4)


def test_gaussian_draws_have_the_mean_and_width_they_say():
    policy = GaussianLocation(stddev=0.2)(HIDDEN)
    draws = policy.sample(20000, seed=(1, 2)).numpy()
    np.testing.assert_allclose(draws.mean(axis=0), policy.mode(), atol=0.01)
    np.testing.assert_allclose(draws.std(axis=0), 0.2, atol=0.01)


@COMPILE
def test_categorical_numbers(jit_compile):
    head = CategoricalLocation(grid=(3, 4), hidden_units=7)
    head(HIDDEN)
    cells = np.array([0, 3, 5, 11, 7], "int32")

    def score(hidden, chosen):
        policy = head(hidden)
        return policy.log_prob(chosen), policy.entropy(), policy.mode()

    log_prob, entropy, mode = tf.function(score, jit_compile=jit_compile)(HIDDEN, cells)
    logits = by_hand(head)
    scores = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(log_prob, scores[np.arange(5), cells], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(entropy, -(np.exp(scores) * scores).sum(axis=1), rtol=1e-4)
    np.testing.assert_array_equal(mode, logits.argmax(axis=1))


def test_a_cell_and_its_place_are_one():
    head = CategoricalLocation(grid=(2, 4))
    cells = tf.range(8)
    places = head.to_action(cells).numpy()
    np.testing.assert_allclose(places[:, 0], np.repeat([-0.5, 0.5], 4))
    np.testing.assert_allclose(places[:, 1], np.tile([-0.75, -0.25, 0.25, 0.75], 2))
    np.testing.assert_array_equal(head.to_draw(places), cells)


def test_the_heads_return_tfp_distributions():
    assert isinstance(GaussianLocation()(HIDDEN), tfp.distributions.MultivariateNormalDiag)
    assert isinstance(CategoricalLocation()(HIDDEN), tfp.distributions.Categorical)


IMPOSSIBLE = [(GaussianLocation, {"stddev": 0.0}), (CategoricalLocation, {"grid": (0, 3)}), (CategoricalLocation, {"grid": (3,)})]


@pytest.mark.parametrize(("head", "settings"), IMPOSSIBLE)
def test_impossible_settings_are_refused(head, settings):
    with pytest.raises(ValueError, match=r"expects a .*Received: (stddev|grid)="):
        head(**settings)
