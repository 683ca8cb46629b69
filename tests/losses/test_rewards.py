"""Rewards, returns and labels in their several forms."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tf_glimpse.losses import EntropyShaped, final_correct, final_probability, get_reward, returns_to_go
from tf_glimpse.losses.rewards import class_numbers
from tf_glimpse.types import Trajectory, UserError

LOGITS = np.random.default_rng(0).normal(size=[6, 4, 3]).astype("float32")
LABELS = np.array([0, 1, 2, 0, 1, 2])
FORMS = {"numbers": LABELS, "column": LABELS[:, None], "uint8": LABELS.astype("uint8"), "one-hot": np.eye(3, dtype="float32")[LABELS]}


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_reward_comes_with_the_last_look_if_the_answer_is_right(form, jit_compile):
    trajectory = Trajectory(tf.constant(LOGITS), *[None] * 7)
    rewards = tf.function(lambda labels: final_correct(trajectory, labels), jit_compile=jit_compile)(FORMS[form])
    expected = np.zeros([6, 4])
    expected[:, -1] = LOGITS[:, -1].argmax(axis=-1) == LABELS
    assert 0 < expected.sum() < 6
    np.testing.assert_array_equal(rewards, expected)


def test_the_right_answers_probability_comes_with_the_last_look():
    rewards = final_probability(Trajectory(tf.constant(LOGITS), *[None] * 7), LABELS)
    shares = np.exp(LOGITS[:, -1]) / np.exp(LOGITS[:, -1]).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(rewards[:, -1], shares[np.arange(6), LABELS], rtol=1e-5)
    np.testing.assert_array_equal(rewards[:, :-1], np.zeros([6, 3]))


@pytest.mark.parametrize("form", FORMS)
def test_labels_of_every_form_are_class_numbers(form):
    numbers = class_numbers(FORMS[form])
    assert numbers.dtype == tf.int32
    np.testing.assert_array_equal(numbers, LABELS)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("discount", [0.0, 0.9, 1.0])
def test_returns_are_discounted_sums_of_what_follows(discount, jit_compile):
    rewards = np.random.default_rng(1).random([5, 4]).astype("float32")
    expected = [[sum(row[step + ahead] * discount**ahead for ahead in range(4 - step)) for step in range(4)] for row in rewards]
    returns = tf.function(lambda given: returns_to_go(given, discount), jit_compile=jit_compile)(rewards)
    np.testing.assert_allclose(returns, expected, rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_shaped_reward_pays_for_every_drop_in_entropy(jit_compile):
    trajectory, reward = Trajectory(tf.constant(LOGITS), *[None] * 7), EntropyShaped(weight=0.3)
    found = tf.function(lambda labels: reward(trajectory, labels), jit_compile=jit_compile)(LABELS)
    shares = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=-1, keepdims=True)
    entropy = np.concatenate([np.full([6, 1], np.log(3)), scipy.stats.entropy(shares, axis=-1)], axis=1)
    np.testing.assert_allclose(found, final_correct(trajectory, LABELS) - 0.3 * np.diff(entropy, axis=1), atol=1e-5)
    np.testing.assert_allclose(returns_to_go(found)[:, 0], found.numpy().sum(axis=1), atol=1e-5)
    np.testing.assert_array_equal(EntropyShaped(weight=0.0)(trajectory, LABELS), final_correct(trajectory, LABELS))


def test_rewards_by_name():
    assert get_reward("final_correct") is final_correct
    assert get_reward(("entropy_shaped", {"weight": 0.2})).weight == 0.2
    assert get_reward("entropy_shaped").weight == 0.5
    assert get_reward(returns_to_go) is returns_to_go
    for wrong in ("entropy", ("entropy_shaped", {"height": 1}), 3):
        with pytest.raises(UserError, match="reward expects one of final_correct, final_probability, entropy_shaped"):
            get_reward(wrong)
    with pytest.raises(UserError, match="weight of at least 0"):
        EntropyShaped(-1)
