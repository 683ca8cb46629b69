"""Trying places from the same state: what is tried, who learns from it, and that a policy is learned by it alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_model import IMAGES, LABELS, gradients, looked, make_model, touched
from toy_task import make_images

from tf_glimpse import RAM, losses
from tf_glimpse.models.ram import PAPER_LAYERS
from tf_glimpse.ops.coordinates import clip
from tf_glimpse.types import UserError

TRIES = {"terms": {"anytime": {}, "look_ahead": {}}, "sample": False}
FILMS = np.random.default_rng(2).random([12, 3, 14, 14, 1]).astype("float32")
CORES = {
    "rectified": "rectified",
    "gru": "gru",
    "lstm": "lstm",
    "stacked": keras.layers.StackedRNNCells([keras.layers.GRUCell(6), keras.layers.LSTMCell(16)]),
}


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("location", ["gaussian", ("categorical", {"grid": (5, 5)})], ids=str)
@pytest.mark.parametrize("first_location", ["centre", "learned"])
def test_a_try_is_what_the_model_sees_when_it_goes_there(first_location, location, jit_compile):
    model = make_model(first_location=first_location, location=location, core="gru", num_scales=2)
    trajectory, states = model(IMAGES, return_states=True)
    first = 0 if first_location == "learned" else 1
    trying = tf.function(lambda: model.try_places(tf.constant(IMAGES), trajectory, states, 2, (3, 4)), jit_compile=jit_compile)
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


@pytest.mark.parametrize("kind", ["image", "film"])
@pytest.mark.parametrize("core", CORES)
def test_cores_of_any_state_and_films_are_tried_like_any_other(core, kind):
    """Going where a try went gives its answer, also from the two states of an LSTM, from stacked cells, and at a film's later frames."""
    model = make_model(first_location="centre", core=CORES[core])
    images = FILMS if kind == "film" else IMAGES
    trajectory, states = model(images, return_states=True)
    _, logits, places = model.try_places(images, trajectory, states, 2, (3, 4), anywhere=1)
    assert logits.shape == (12, 2, 3, 3)
    for look, number in np.ndindex(2, 3):
        actions = trajectory.actions.numpy()
        actions[:, look + 1] = places[:, look, number]
        seen = model({"images": images, "actions": actions, "has_actions": np.ones(12, bool)}).logits[:, look + 1]
        np.testing.assert_allclose(logits[:, look, number], seen, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("core", CORES)
def test_it_trains_the_location_network_alone(core):
    assert touched(gradients(make_model(TRIES, core=CORES[core]), "look_ahead")) == {"location"}
    assert touched(gradients(make_model(TRIES, core=CORES[core]), "look_ahead", FILMS)) == {"location"}


def test_rewards_are_the_right_answers_probabilities():
    """`losses.look_ahead` of the tries' scores and of what each would have answered, on the share of the rows."""
    model = make_model({"terms": [losses.LookAhead(candidates=3, share=0.5), losses.Anytime()]}, core="lstm")
    step = looked(model)
    first = tf.nest.map_structure(lambda values: values[:6], (IMAGES, step.trajectory, step.states))
    log_probs, logits, _ = model.try_places(*first, 3, step.seed)
    right = np.take_along_axis(tf.nn.softmax(logits).numpy(), LABELS[:6, None, None, None], axis=-1)[..., 0]
    np.testing.assert_allclose(model.terms[0](step), losses.look_ahead(log_probs, right), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("inputs", ["images", "given"])
def test_a_step_reports_it_and_needs_no_draw_of_the_rollout(inputs):
    terms = [losses.Anytime(), losses.LookAhead(share=0.3), losses.Supervision()]
    model = make_model({"terms": terms, "sample": False, "jit_compile": True})
    given = {"images": IMAGES, "actions": np.zeros([12, 3, 2], "float32"), "has_actions": np.arange(12) < 5}
    batch = IMAGES if inputs == "images" else given
    logs = model.fit(batch, LABELS, sample_weight=np.ones(12), batch_size=12, verbose=0).history
    assert "look_ahead" in logs and "reinforce" not in logs
    assert np.isfinite(logs["loss"]).all()


def test_without_a_teacher_or_draws_nothing_moves_the_policy():
    with pytest.warns(UserWarning, match="from given places alone"):
        model = make_model({"terms": ["supervision"]})
    before = [weight.numpy() for weight in model.cell.location.weights]
    model.fit(IMAGES, LABELS, batch_size=12, verbose=0)
    for weight, old in zip(model.cell.location.weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_wrong_settings_are_told():
    for wrong, words in (({"candidates": 1}, "candidates .* at least 2"), ({"share": 0.0}, "share in"), ({"share": 1.5}, "share in")):
        for kind in (losses.LookAhead, losses.Hindsight):
            with pytest.raises(UserError, match=words):
                kind(**wrong)


def test_the_toy_task_is_learned_from_tries_alone():
    """Where `test_toy_task` needs rollouts; the centre says which corner counts."""
    keras.utils.set_random_seed(0)
    images, labels = make_images(2048, seed=0)
    places = ("categorical", {"grid": (4, 4), "hidden_units": 64})
    layers = {**PAPER_LAYERS, "units": 64, "first_location": "centre", "location": places}
    model = RAM(2, patch_size=4, num_glimpses=2, seed=0, **layers)
    terms = [losses.LookAhead(1.0, candidates=8), losses.Anytime(0.1)]
    model.compile(keras.optimizers.Adam(3e-3), terms=terms, sample=True)
    model.fit(images, labels, batch_size=128, epochs=8, verbose=0)
    images, labels = make_images(500, seed=1)
    assert model.evaluate(images, labels, verbose=0, return_dict=True)["accuracy"] > 0.95


@pytest.mark.parametrize("term", ["look_ahead", "hindsight"])
def test_a_single_look_has_nothing_to_try(term):
    model = RAM(3, patch_size=4, num_glimpses=1, units=8, first_location="centre", num_scales=1)
    with pytest.warns(UserWarning, match="looks once"):
        model.compile("sgd", terms=[term, "anytime"])
    with pytest.raises(UserError, match="num_glimpses of at least 2, or a learned first location. Received: num_glimpses=1"):
        model.fit(IMAGES, LABELS, verbose=0)
