"""Where a view comes from: an image at every look, a frame a look; and what is tried beside the looks sees the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.layers import GaussianLocation, GlimpseCell, GlimpseEncoder, RectifiedCore, Retina, unroll
from tf_glimpse.layers.scene import Film, StillImage, look_at_places, scene_of
from tf_glimpse.types import UserError

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random([4, 16, 20, 1]).astype("float32")
FILMS = RANDOM.random([4, 3, 16, 20, 1]).astype("float32")
ACTIONS = RANDOM.uniform(-1, 1, [4, 3, 2]).astype("float32")
PLACES = RANDOM.uniform(-1, 1, [4, 3, 5, 2]).astype("float32")
CORES = {
    "rectified": lambda: RectifiedCore(units=8),
    "gru": lambda: keras.layers.GRUCell(8),
    "lstm": lambda: keras.layers.LSTMCell(8),
    "stacked": lambda: keras.layers.StackedRNNCells([keras.layers.LSTMCell(6), keras.layers.GRUCell(8)]),
}


def make_cell(core="rectified", num_scales=2):
    cell = GlimpseCell(Retina(4, num_scales), GlimpseEncoder(6, 6, 8), CORES[core](), GaussianLocation(hidden_units=8))
    cell.build(IMAGES.shape)
    draws = np.random.default_rng(1)
    cell.set_weights([draws.normal(scale=0.5, size=weight.shape) for weight in cell.get_weights()])
    return cell


def assert_same(found, expected, atol=1e-6):
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=atol)


def test_an_image_is_the_same_at_every_look_and_a_film_another_frame():
    retina, places = Retina(4, 2), ACTIONS[:, 0]
    still, film = scene_of(retina, IMAGES, 3), scene_of(retina, FILMS, 3)
    assert isinstance(still, StillImage) and isinstance(film, Film)
    for look in range(3):
        assert_same(retina.look(still.view(look), places), retina.look(retina.prepare(IMAGES), places))
        assert_same(retina.look(film.view(look), places), retina.look(retina.prepare(FILMS[:, look]), places))


def test_views_may_stand_in_for_the_image():
    """What the retina reads of another image, the shape that was prepared kept."""
    retina = Retina(4, 2)
    views = retina.prepare(1 - IMAGES)
    scene = scene_of(retina, IMAGES, 3, views)
    assert scene.view(0) is views and scene.view(2) is views


@pytest.mark.parametrize("frames", [2, 4])
def test_a_film_has_a_frame_for_each_look(frames):
    with pytest.raises(UserError, match=f"3 looks expect 3 frames. Received: films of shape .4, {frames}"):
        scene_of(Retina(4), np.zeros([4, frames, 16, 20, 1], "float32"), 3)


@pytest.mark.parametrize("images", [IMAGES, FILMS], ids=["image", "film"])
@pytest.mark.parametrize("core", CORES)
def test_a_look_from_the_state_before_it_is_the_look_that_was_taken(core, images):
    """From the states that `unroll` kept, of any nest, at the places where it went, each at its own frame."""
    cell = make_cell(core)
    looks = unroll(cell, images, 3, actions=ACTIONS)
    after = look_at_places(cell, images, looks.glimpses.location[:, :, None], looks.states)
    assert_same(after[:, :, 0], looks.glimpses.hidden, atol=1e-5)
    later = tf.nest.map_structure(lambda state: state[:, 1:], looks.states)
    after = look_at_places(cell, images, looks.glimpses.location[:, 1:, None], later, first=1)
    assert_same(after[:, :, 0], looks.glimpses.hidden[:, 1:], atol=1e-5)


@pytest.mark.parametrize("images", [IMAGES, FILMS], ids=["image", "film"])
def test_tries_are_the_looks_that_would_have_been(images):
    """Each of several places a look, by the loop itself, one place and one look at a time."""
    cell = make_cell("lstm", num_scales=1)
    looks = unroll(cell, images, 3, actions=ACTIONS)
    tried = look_at_places(cell, images, PLACES, looks.states)
    assert tried.shape == (4, 3, 5, 8)
    for look, number in np.ndindex(3, 5):
        actions = ACTIONS.copy()
        actions[:, look] = PLACES[:, look, number]
        assert_same(tried[:, look, number], unroll(cell, images, 3, actions=actions).glimpses.hidden[:, look], atol=1e-5)


def test_a_film_s_tries_look_at_their_own_frames():
    """Another frame at one look changes what is tried there, and nothing at the others."""
    cell = make_cell()
    states = unroll(cell, FILMS, 3, actions=ACTIONS).states
    other = FILMS.copy()
    other[:, 1] = 1 - other[:, 1]
    before, after = (look_at_places(cell, films, PLACES, states) for films in (FILMS, other))
    changed = np.abs(before - after).max(axis=-1).min(axis=(0, 2)) > 0
    np.testing.assert_array_equal(changed, [False, True, False])
    later = tf.nest.map_structure(lambda state: state[:, 1:], states)
    assert_same(look_at_places(cell, FILMS, PLACES[:, 1:], later, first=1), before[:, 1:])


@pytest.mark.parametrize("core", CORES)
def test_the_states_kept_are_those_before_each_look(core):
    cell = make_cell(core)
    looks = unroll(cell, IMAGES, 3, actions=ACTIONS)
    initial = cell.core.get_initial_state(batch_size=4)
    tf.nest.assert_same_structure(looks.states, initial)
    assert_same(tf.nest.map_structure(lambda state: state[:, 0], looks.states), initial)
    shorter = unroll(cell, IMAGES, 2, actions=ACTIONS[:, :2])
    assert_same(tf.nest.map_structure(lambda state: state[:, :2], looks.states), shorter.states)


@pytest.mark.parametrize("core", CORES)
def test_a_start_stands_in_the_states_of_its_size(core):
    """It is the core's output before the first look, and every state of as many units."""
    cell, start = make_cell(core), RANDOM.normal(size=[4, 8]).astype("float32")
    hidden, states = cell.get_initial_state(4, start)
    np.testing.assert_array_equal(hidden, start)
    for state in tf.nest.flatten(states):
        np.testing.assert_array_equal(state, start if state.shape[-1] == 8 else np.zeros([4, 6]))
    looks, plain = unroll(cell, IMAGES, 2, start=start), unroll(cell, IMAGES, 2)
    assert np.abs(looks.glimpses.hidden - plain.glimpses.hidden).max(axis=(1, 2)).min() > 0
    np.testing.assert_allclose(looks.glimpses.policy[:, 0], cell.location.parameters(start), atol=1e-6)
