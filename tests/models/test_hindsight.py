"""Learning in hindsight: which place counts and how much, whom it trains, and that a policy finds the digit by it, untold."""

import keras
import numpy as np
import pytest
from tiny_model import IMAGES, LABELS, gradients, looked, make_model, touched

from tf_glimpse import RAM, losses
from tf_glimpse.datasets import load, train_batches
from tf_glimpse.losses import best_in_hindsight, location_likelihood
from tf_glimpse.training import get_recipe
from tf_glimpse.training.recipe import with_policy

HINDSIGHT = {"terms": {"anytime": {}, "hindsight": {}}, "sample": False}


def test_the_best_place_is_that_of_the_largest_gain_and_losses_count_for_nothing():
    places = np.random.default_rng(0).uniform(-1, 1, [3, 4, 2]).astype("float32")
    gains = np.float32([[0.1, 0.7, -0.2, 0.0], [-0.5, -0.4, -0.1, -0.3], [0.0, 0.0, 0.0, 0.2]])
    place, gain = best_in_hindsight(places, gains)
    np.testing.assert_array_equal(place, places[[0, 1, 2], [1, 2, 3]])
    np.testing.assert_allclose(gain, [0.7, 0.0, 0.2])


@pytest.mark.parametrize("core", ["gru", "lstm"])
def test_tries_are_weighed_by_what_each_would_have_added(core):
    """Counted again by the model's own call, one look to one place at a time."""
    model = make_model({"terms": [losses.Hindsight(candidates=2), losses.Anytime()]}, first_location="centre", core=core)
    step = looked(model, training=False)
    trajectory, places, gains = step.trajectory, [], []
    found = model.terms[0](step)
    tried = model.try_places(IMAGES, trajectory, step.states, 2, step.seed, anywhere=2)[2]
    for look in (1, 2):
        before = right_after(model, trajectory, look - 1, trajectory.locations[:, look - 1])
        for number in range(4):
            places.append(tried[:, look - 1, number])
            gains.append(right_after(model, trajectory, look, places[-1]) - before)
    place, gain = best_in_hindsight(np.stack(places, axis=1), np.stack(gains, axis=1))
    np.testing.assert_allclose(found, gain * location_likelihood(model.score_place(trajectory, place)), rtol=1e-3, atol=1e-4)


def right_after(model, trajectory, look, places):
    """The right class's probability after a look that goes to these places `[12, 2]`, all earlier ones as they were."""
    actions = np.array(trajectory.actions)
    actions[:, look] = places
    given = {"images": IMAGES, "actions": actions, "has_actions": np.ones(12, bool)}
    return model.task.right(model(given).logits[:, look], LABELS).numpy()


def test_places_anywhere_are_uniform_and_scored_by_nobody():
    model = make_model(HINDSIGHT, first_location="centre")
    log_probs, logits, places = model.try_places(IMAGES, *model(IMAGES, return_states=True), 2, (3, 4), anywhere=50)
    assert log_probs.shape == (12, 2, 2) and logits.shape == (12, 2, 52, 3) and places.shape == (12, 2, 52, 2)
    spread = np.array(places)[:, :, 2:]
    assert np.abs(spread).max() <= 1 and np.abs(spread.mean()) < 0.05 and abs(spread.std() - 1 / np.sqrt(3)) < 0.05


def test_it_trains_the_states_too_and_not_the_classifier():
    found = gradients(make_model(HINDSIGHT), "hindsight")
    assert touched(found) == {"location", "other"}
    assert not any("classifier" in path for path in found)


def test_controls_learn_nothing_about_places_by_it():
    recipe = get_recipe("ram_cluttered_100")
    assert {"hindsight", "look_ahead"} <= set(recipe.loss["terms"])
    assert set(with_policy(recipe, "random").loss["terms"]) == {"anytime"}


@pytest.mark.slow
def test_a_policy_finds_the_digit_untold():
    data = load("digits_canvas")
    model = RAM(10, patch_size=8, num_scales=4, num_glimpses=3, units=64, core="gru", first_location="centre", seed=0)
    model.compile(keras.optimizers.Adam(3e-3), jit_compile=True, **HINDSIGHT)
    model.fit(train_batches(data, 64, seed=0, epochs=1, passes=30), verbose=0, shuffle=False)
    inputs, _ = next(iter(train_batches(data, 256, seed=1, places=True)))
    distance = np.linalg.norm(model(inputs["images"]).locations[:, 1] - inputs["places"], axis=-1).mean()
    blind = np.linalg.norm(inputs["places"], axis=-1).mean()  # of one who always stays in the middle
    assert distance < 0.7 * blind
