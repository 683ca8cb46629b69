"""Guidance by a known place: its number, whom it trains, and that a policy learns it."""

import keras
import numpy as np
import pytest
from tiny_model import IMAGES, LABELS, gradients, make_model, touched

from tf_glimpse import RAM
from tf_glimpse.datasets import ImageData, array_source, load, train_batches
from tf_glimpse.types import UserError

GUIDED = {"terms": {"guidance": {"weight": 1.0}}}
PLACES = np.random.default_rng(0).uniform(-1, 1, [12, 2]).astype("float32")


@pytest.mark.parametrize("location", ["gaussian", ("categorical", {"grid": (5, 5)})], ids=str)
def test_it_is_the_likelihood_of_the_place_after_each_look_but_the_last(location):
    model = make_model(location=location, first_location="centre")
    trajectory = model(IMAGES)
    found = model.score_place(trajectory, PLACES)
    assert found.shape == (12, 2)
    for look in (1, 2):  # the states before these looks are those that their policies were made of
        policy = model.cell.location.distribution(trajectory.policy[:, look])
        np.testing.assert_allclose(found[:, look - 1], policy.log_prob(model.cell.location.to_draw(PLACES)), rtol=1e-4, atol=1e-4)


def test_it_trains_the_states_too_and_not_the_classifier():
    model = make_model(GUIDED)
    found = gradients(model, "guidance", inputs={"images": IMAGES, "places": PLACES})
    assert touched(found) == {"location", "other"}
    assert np.abs(next(grad for path, grad in found.items() if "core" in path)).max() > 0
    assert not any("classifier" in path for path in found)


def test_a_policy_learns_to_go_to_the_digit():
    data = load("digits_canvas")
    model = RAM(10, patch_size=8, num_scales=4, num_glimpses=2, units=64, core="gru", first_location="centre", seed=0)
    model.compile(keras.optimizers.Adam(3e-3), **GUIDED)
    batches = train_batches(data, 64, seed=0, epochs=1, passes=8, places=True)
    model.fit(batches, verbose=0, shuffle=False)
    inputs, _ = next(iter(train_batches(data, 256, seed=1, places=True)))
    distance = np.linalg.norm(model(inputs["images"]).locations[:, 1] - inputs["places"], axis=-1).mean()
    blind = np.linalg.norm(inputs["places"], axis=-1).mean()  # of one who always stays in the middle
    assert distance < 0.7 * blind


def test_mistakes_are_told():
    with pytest.raises(UserError, match="places=True"):
        make_model(GUIDED).fit(IMAGES, LABELS, verbose=0)
    bare = ImageData("bare", array_source((255 * IMAGES).astype("uint8"), LABELS), None, None, 3, list("abc"), (14, 14, 1))
    with pytest.raises(UserError, match="knows the places of its digits, got bare"):
        train_batches(bare, 10, seed=0, places=True)
