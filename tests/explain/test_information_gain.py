"""Gains, mutual information and calibration against independent computations."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tf_glimpse import RAM
from tf_glimpse.datasets import array_source, load
from tf_glimpse.explain import (
    calibration_error,
    collect_logits,
    entropies,
    fit_temperatures,
    gain_curves,
    information_gain,
    looks_needed,
    mutual_information,
)
from tf_glimpse.losses.rewards import entropy_drops
from tf_glimpse.types import UserError

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=[50, 4, 5]) * 2
LABELS = RANDOM.integers(0, 5, 50)


def shares(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


def test_entropy_is_ln_k_before_the_first_look_and_scipys_after():
    found = entropies(LOGITS)
    np.testing.assert_allclose(found[:, 0], np.log(5))
    np.testing.assert_allclose(found[:, 1:], scipy.stats.entropy(shares(LOGITS), axis=-1))
    np.testing.assert_allclose(information_gain(LOGITS).sum(axis=1), np.log(5) - found[:, -1])
    np.testing.assert_allclose(information_gain(LOGITS), entropy_drops(LOGITS.astype("float32")), atol=1e-5)  # what the reward pays


def test_curves_average_images_and_rollouts():
    rollouts = np.stack([LOGITS, LOGITS[:, ::-1]])
    curves = gain_curves(rollouts, LABELS)
    np.testing.assert_allclose(curves.gain, information_gain(rollouts).mean(axis=(0, 1)), atol=1e-12)
    right = np.array([[rollouts[r, i, :, label] for i, label in enumerate(LABELS)] for r in range(2)])
    cross_entropy = (np.log(np.exp(rollouts).sum(axis=-1)) - right).mean(axis=(0, 1))
    np.testing.assert_allclose(curves.cross_entropy, [np.log(5), *cross_entropy])
    np.testing.assert_allclose(curves.nll_drop.sum(), np.log(5) - cross_entropy[-1])
    np.testing.assert_allclose(curves.accuracy, (rollouts.argmax(-1) == LABELS[None, :, None]).mean(axis=(0, 1)))


def test_over_confidence_is_told_from_knowledge():
    labels = np.zeros(10, int)
    sure_and_wrong = np.tile([[0.0, 0.0], [0.0, 9.0]], [10, 1, 1])
    assert gain_curves(sure_and_wrong, labels).unearned.tolist() == [False, True]
    assert not gain_curves(sure_and_wrong[..., ::-1], labels).unearned.any()


def test_mutual_information_is_the_jensen_gap_and_never_negative():
    found = mutual_information(LOGITS, axis=0)
    mean = scipy.stats.entropy(shares(LOGITS).mean(axis=0), axis=-1)
    np.testing.assert_allclose(found, mean - scipy.stats.entropy(shares(LOGITS), axis=-1).mean(axis=0))
    assert (found > 0).all()
    np.testing.assert_allclose(mutual_information(np.stack([LOGITS, LOGITS]), axis=0), 0, atol=1e-12)
    rollouts = np.stack([LOGITS, LOGITS + 1])  # softmax knows no shift: rollouts that agree tell nothing more
    np.testing.assert_allclose(mutual_information(rollouts, axis=(0, 1)), found)
    with pytest.raises(UserError, match="axis of samples"):
        mutual_information(LOGITS, axis=-1)


def test_calibration_error_by_hand():
    """Four answers of confidence 0.9 with three right, four of 0.6 with one right: (|0.75 - 0.9| + |0.25 - 0.6|) / 2."""
    confidence = np.repeat([0.9, 0.6], 4)
    logits = np.log(np.stack([confidence, 1 - confidence], axis=-1))[:, None]
    labels = [0, 0, 0, 1, 0, 1, 1, 1]
    np.testing.assert_allclose(calibration_error(logits, labels), [0.25])


def test_temperature_finds_the_scale_that_made_the_labels():
    logits = RANDOM.normal(size=[20000, 2, 4])
    gumbel = RANDOM.gumbel(size=[20000, 4])
    labels = (logits[:, 0] + gumbel).argmax(axis=-1)  # drawn from the softmax of the first look's logits
    too_sure = logits * [[[3.0]]]
    temperatures = fit_temperatures(too_sure[:, :1], labels)
    assert temperatures[0] == pytest.approx(3.0, rel=0.05)
    before, after = (gain_curves(too_sure[:, :1], labels, scale) for scale in (None, temperatures))
    assert after.calibration_error[0] < 0.02 < 0.1 < before.calibration_error[0]
    assert fit_temperatures(logits, labels)[1] == pytest.approx(20.0, rel=0.01)  # the second look knows nothing


def test_looks_needed_counts_to_the_last_change_of_mind():
    answers = [[1, 1, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0]]
    logits = np.eye(2)[answers]
    assert looks_needed(logits, [1, 1, 1, 1]) == np.mean([1, 2, 3, 4])


def test_sampled_rollouts_differ_and_repeat():
    images = RANDOM.integers(0, 256, [6, 12, 12, 1]).astype("uint8")
    source = array_source(images, np.arange(6) % 3)
    model = RAM(3, patch_size=4, num_glimpses=3, units=8, seed=0, num_scales=1)
    one, three = collect_logits(model, source), collect_logits(model, source, rollouts=3)
    np.testing.assert_allclose(one[0], model(images).logits, atol=1e-5)
    assert three.shape == (3, 6, 3, 3)
    assert np.abs(three[0] - three[1])[:, 1:].max() > 1e-4
    np.testing.assert_array_equal(three, collect_logits(model, source, rollouts=3))
    with pytest.raises(UserError, match="N labels"):
        gain_curves(three, [0, 1])


def test_the_presets_looks_tell_more_than_the_controls():
    """On real digits: what is won by looking where the policy says, against places at random."""
    data = load("digits_canvas")
    own, control = (gain_curves(collect_logits(RAM.from_preset(name), data.validation), data.validation.labels)
                    for name in ("ram_digits", "ram_digits_random"))  # fmt: skip
    assert own.gain.sum() > control.gain.sum()
    assert own.nll_drop.sum() > control.nll_drop.sum()
    assert own.mutual_information[-1] <= np.log(10)
    assert tf.reduce_all(np.diff(own.mutual_information) > 0)
