"""Trying places from the same state: what is tried, who learns from it, and that a policy is learned by it alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_model import IMAGES, LABELS, gradients, make_model, touched
from toy_task import make_images

from tf_glimpse import RAM
from tf_glimpse.models.ram import PAPER_LAYERS
from tf_glimpse.ops.coordinates import clip
from tf_glimpse.types import UserError

TRIES = {"sample": False, "look_ahead_weight": 0.1, "anytime_weight": 0.5}


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("location", ["gaussian", ("categorical", {"grid": (5, 5)})], ids=str)
@pytest.mark.parametrize("first_location", ["centre", "learned"])
def test_a_try_is_what_the_model_sees_when_it_goes_there(first_location, location, jit_compile):
    model = make_model(first_location=first_location, location=location, core="gru", num_scales=2)
    trajectory = model(IMAGES)
    first = 0 if first_location == "learned" else 1
    trying = tf.function(lambda: model.look_ahead(tf.constant(IMAGES), trajectory, 2, (3, 4)), jit_compile=jit_compile)
    log_probs, logits, places = trying()
    assert log_probs.shape == (12, 3 - first, 2) and logits.shape == (12, 3 - first, 2, 3) and places.shape == (12, 3 - first, 2, 2)
    if jit_compile:  # draws differ under XLA, so that only the scores' range can be told
        assert np.isfinite(logits).all() and np.isfinite(log_probs).all()
        return
    policy = model.cell.location.distribution(trajectory.policy[:, first:])
    draws = policy.sample(2, seed=(3, 4))
    for number in range(2):
        np.testing.assert_allclose(log_probs[:, :, number], policy.log_prob(draws[number]), rtol=1e-5)
        np.testing.assert_array_equal(places[:, :, number], clip(model.cell.location.to_action(draws[number])))
        for look in range(first, 3):
            actions = trajectory.actions.numpy()
            actions[:, look] = clip(model.cell.location.to_action(draws[number]))[:, look - first]
            seen = model({"images": IMAGES, "actions": actions, "has_actions": np.ones(12, bool)}).logits[:, look]
            np.testing.assert_allclose(logits[:, look - first, number], seen, rtol=1e-4, atol=1e-5)


def test_it_trains_the_location_network_alone():
    model = make_model(TRIES)
    assert touched(gradients(model, "look_ahead")) == {"location"}


@pytest.mark.parametrize("inputs", ["images", "given"])
def test_a_step_reports_it_and_needs_no_draw_of_the_rollout(inputs):
    model = make_model({**TRIES, "candidate_share": 0.3, "jit_compile": True})
    given = {"images": IMAGES, "actions": np.zeros([12, 3, 2], "float32"), "has_actions": np.arange(12) < 5}
    batch = IMAGES if inputs == "images" else given
    logs = model.fit(batch, LABELS, sample_weight=np.ones(12), batch_size=12, verbose=0).history
    assert "look_ahead" in logs and "reinforce" not in logs
    assert np.isfinite(logs["loss"]).all()


def test_without_a_teacher_or_draws_nothing_moves_the_policy():
    with pytest.warns(UserWarning, match="from given actions alone"):
        model = make_model({"sample": False})
    before = [weight.numpy() for weight in model.cell.location.weights]
    model.fit(IMAGES, LABELS, batch_size=12, verbose=0)
    for weight, old in zip(model.cell.location.weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_wrong_settings_are_told():
    for wrong in ({"candidates": 1}, {"candidate_share": 0.0}, {"candidate_share": 1.5}):
        with pytest.raises(UserError, match="candidates of at least 2 and candidate_share in"):
            make_model(wrong)
    with pytest.raises(UserError, match="a core whose state is its output"):
        make_model(TRIES, core="lstm").train_on_batch(IMAGES, LABELS)
    films = np.repeat(IMAGES[:, None], 3, axis=1)
    with pytest.raises(UserError, match="the same at every look"):
        make_model(TRIES).train_on_batch(films, LABELS)


def test_the_toy_task_is_learned_from_tries_alone():
    """Where `test_toy_task` needs rollouts; the centre says which corner counts."""
    keras.utils.set_random_seed(0)
    images, labels = make_images(2048, seed=0)
    places = ("categorical", {"grid": (4, 4), "hidden_units": 64})
    layers = {**PAPER_LAYERS, "units": 64, "first_location": "centre", "location": places}
    model = RAM(2, patch_size=4, num_glimpses=2, seed=0, **layers)
    model.compile(keras.optimizers.Adam(3e-3), look_ahead_weight=1.0, reinforce_weight=0.0, anytime_weight=0.1, candidates=8)
    model.fit(images, labels, batch_size=128, epochs=8, verbose=0)
    images, labels = make_images(500, seed=1)
    assert model.evaluate(images, labels, verbose=0, return_dict=True)["accuracy"] > 0.95


@pytest.mark.parametrize("weight", ["look_ahead_weight", "hindsight_weight"])
def test_a_single_look_has_nothing_to_try(weight):
    model = RAM(3, patch_size=4, num_glimpses=1, units=8, first_location="centre", num_scales=1)
    with pytest.warns(UserWarning, match="looks once"):
        model.compile("sgd", **{weight: 0.1, "anytime_weight": 0.1})
    with pytest.raises(UserError, match="num_glimpses of at least 2, or a learned first location. Received: num_glimpses=1"):
        model.fit(IMAGES, LABELS, verbose=0)
