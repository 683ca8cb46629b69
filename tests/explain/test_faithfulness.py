"""Nothing that was not seen may change the answer; and what was seen does."""

import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse import RAM, Saccader
from tf_glimpse.datasets import load
from tf_glimpse.explain import attribution, deletion_curve, faithfulness, seen_mask
from tf_glimpse.explain.faithfulness import answers_without
from tf_glimpse.models import AdaptiveModel, BagNet
from tf_glimpse.types import UserError

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def digits():
    images = load("digits_canvas").validation.fetch(np.arange(10)).numpy()
    model = RAM.from_preset("ram_digits")
    return model, images, model(images)


@pytest.fixture(scope="module")
def saccader():
    model = Saccader(4, {"receptive_field": 17, "width": 0.125}, num_glimpses=3, mixed_channels=16, even_spacing=True, seed=0)
    images = RANDOM.random([6, 57, 60, 3]).astype("float32")
    model(images)
    model.set_weights([weight + RANDOM.normal(0, 0.05, weight.shape) ** 2 for weight in model.get_weights()])
    return model, images


def test_a_ram_answers_by_what_it_saw_alone(digits):
    model, images, trajectory = digits
    noise = RANDOM.integers(0, 256, images.shape).astype("uint8")
    for filler in (noise, images[::-1]):
        found = faithfulness(model, images, filler)
        assert (found.change, found.flipped, found.own_flipped, found.moved) == (0, 0, 0, 0)
        assert found.control_flipped > 0.3
        assert 0.2 < found.seen_share < 0.9
    replaced = np.where(seen_mask(model, trajectory.locations, (60, 60))[..., None], images, noise)
    assert (replaced != images).mean() > 0.1
    again = model(replaced)
    np.testing.assert_array_equal(again.locations, trajectory.locations)
    np.testing.assert_array_equal(again.logits, trajectory.logits)


def test_one_pixel_less_than_was_seen_is_too_little(digits):
    """The mask is no wider than it must be: take its upper left pixel out of it, and some answer may change."""
    model, images, trajectory = digits
    seen = seen_mask(model, trajectory.locations, (60, 60)).numpy()
    edge = seen & ~np.roll(seen, 1, axis=1)  # leftmost seen pixels of each row
    edge[:, :, 0] = False
    bright = np.where(edge[..., None], 255 - images, images)
    assert np.abs(model(bright).logits - trajectory.logits).max() > 1e-4


def test_a_saccader_is_faithful_at_the_same_places_and_its_choice_is_told_apart(saccader):
    model, images = saccader
    actions = RANDOM.uniform(-1, 1, [6, 3, 2]).astype("float32")
    for given in (None, actions):
        found = faithfulness(model, images, images[::-1], given)
        assert found.change < 1e-5
        assert found.flipped == 0
        assert 0 < found.seen_share < 0.6
    assert faithfulness(model, images, images[::-1]).moved > 0


def test_the_true_field_of_a_cell_is_a_square_of_its_pixels(saccader):
    """With `even_spacing` a location is not its field's centre; the mask must be of the field."""
    model, images = saccader
    trajectory = model(images)
    mask = seen_mask(model, trajectory.locations[:, :1], images.shape[1:3]).numpy()
    assert (mask.sum(axis=(1, 2)) == 17 * 17).all()
    tops, lefts = mask.any(axis=2).argmax(axis=1), mask.any(axis=1).argmax(axis=1)
    assert not (tops % 8).any() and not (lefts % 8).any()


def test_a_hidden_look_is_a_black_frame(digits):
    model, images, trajectory = digits
    hidden = np.zeros([10, 6], bool)
    np.testing.assert_allclose(answers_without(model, images, trajectory, hidden), trajectory.logits[:, -1], atol=1e-3)
    hidden[:, 2] = True
    film = np.repeat(images[:, None], 6, axis=1)
    film[:, 2] = 0
    expected = model({"images": film, "actions": trajectory.actions}).logits[:, -1]
    np.testing.assert_allclose(answers_without(model, images, trajectory, hidden), expected, atol=1e-3)


def test_a_model_around_another_hides_looks_as_that_does(digits):
    model, images, trajectory = digits
    hidden = np.arange(6)[None].repeat(10, axis=0) == 2
    around = answers_without(AdaptiveModel(model, stopping_units=4), images, trajectory, hidden)
    np.testing.assert_allclose(around, answers_without(model, images, trajectory, hidden), atol=1e-5)


def test_worthy_looks_hidden_first_hurt_most(digits):
    model, images, trajectory = digits
    worth = attribution(model, images, trajectory)
    assert worth.shape == (10, 6)
    best, worst = (deletion_curve(model, images, trajectory, order) for order in (worth.argsort()[:, ::-1], worth.argsort()))
    np.testing.assert_allclose(best[:, 0], tf.reduce_max(tf.nn.softmax(trajectory.logits[:, -1]), axis=-1), atol=1e-5)
    np.testing.assert_allclose(best[:, -1], worst[:, -1], atol=1e-6)  # all looks hidden, whatever the order
    assert best[:, 1:-1].mean() < worst[:, 1:-1].mean() - 0.1


def test_a_saccaders_hidden_look_loses_its_pixels(saccader):
    model, images = saccader
    trajectory = model(images)
    assert np.abs(attribution(model, images, trajectory)).max() > 1e-4
    hidden = np.ones([6, 3], bool)
    black = answers_without(model, images, trajectory, hidden)
    np.testing.assert_allclose(black, model({"images": np.zeros_like(images), "actions": trajectory.actions}).logits[:, -1], atol=1e-5)


def test_a_model_with_unknown_fields_is_refused():
    with pytest.raises(UserError, match="expects a RAM or a Saccader.*BagNet"):
        seen_mask(BagNet(3, receptive_field=17, width=0.125), tf.zeros([1, 1, 2]), (32, 32))
