"""The cell and its loop: places, scores, seeds, gradients, films."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from checks import LayerModel

from tf_glimpse.layers import (
    CategoricalLocation,
    ConvGlimpseEncoder,
    GaussianLocation,
    GlimpseCell,
    GlimpseEncoder,
    RectifiedCore,
    Retina,
    unroll,
)
from tf_glimpse.types import UserError

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random([4, 16, 20, 1]).astype("float32")
ACTIONS = RANDOM.uniform(-1.3, 1.3, [4, 3, 2]).astype("float32")
ROW_SEEDS = RANDOM.integers(0, 1000, [4, 2]).astype("int32")
HEADS = {
    "gaussian": lambda: GaussianLocation(stddev=0.3, hidden_units=8),
    "categorical": lambda: CategoricalLocation(grid=(3, 4), hidden_units=8),
}
CORES = {
    "rectified": lambda: RectifiedCore(units=8),
    "lstm": lambda: keras.layers.LSTMCell(8),
    "gru": lambda: keras.layers.GRUCell(8),
    "stacked": lambda: keras.layers.StackedRNNCells([keras.layers.GRUCell(6), keras.layers.LSTMCell(8)]),
}


def make_cell(head="gaussian", core="rectified", **kwargs):
    """A small built cell whose every weight is random, so that the policy has an opinion."""
    cell = GlimpseCell(Retina(4, 2), GlimpseEncoder(6, 6, 8), CORES[core](), HEADS[head](), **kwargs)
    cell.build(IMAGES.shape)
    draws = np.random.default_rng(1)
    cell.set_weights([draws.normal(scale=0.5, size=weight.shape) for weight in cell.get_weights()])
    return cell


def assert_same(found, expected, atol=0.0):
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=atol)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("head", HEADS)
def test_shapes(head, core):
    glimpses, log_probs, entropies, _ = unroll(make_cell(head, core), IMAGES, 3)
    sizes = {name: tuple(value.shape) for name, value in glimpses._asdict().items()}
    policy = {"gaussian": 2, "categorical": 12}[head]
    assert sizes == {"action": (4, 3, 2), "location": (4, 3, 2), "policy": (4, 3, policy), "baseline": (4, 3), "hidden": (4, 3, 8)}
    assert log_probs.shape == entropies.shape == (4, 3)


@pytest.mark.parametrize("first_location", ["centre", "learned", "random"])
@pytest.mark.parametrize("head", HEADS)
def test_replayed_actions_give_back_the_rollout(head, first_location):
    cell = make_cell(head, first_location=first_location)
    rollout = unroll(cell, IMAGES, 3, seed=(1, 2), training=True)
    assert len(np.unique(rollout.glimpses.action[:, 1:], axis=0)) > 1
    assert_same(unroll(cell, IMAGES, 3, actions=rollout.glimpses.action), rollout, atol=1e-6)


@pytest.mark.parametrize("head", HEADS)
def test_the_score_is_tfps_of_the_raw_action(head):
    cell = make_cell(head)
    glimpses, log_probs, entropies, _ = unroll(cell, IMAGES, 3, actions=ACTIONS)
    np.testing.assert_array_equal(glimpses.action, ACTIONS)
    np.testing.assert_array_equal(glimpses.location, np.clip(ACTIONS, -1, 1))
    if head == "gaussian":
        policy = tfp.distributions.MultivariateNormalDiag(glimpses.policy, tf.fill([4, 3, 2], 0.3))
        scores = policy.log_prob(ACTIONS)
    else:
        policy = tfp.distributions.Categorical(glimpses.policy)
        cells = np.floor((np.clip(ACTIONS, -1, 0.9999) + 1) / 2 * (3, 4))
        scores = policy.log_prob((cells[..., 0] * 4 + cells[..., 1]).astype("int32"))
    np.testing.assert_allclose(log_probs[:, 1:], scores[:, 1:], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(entropies[:, 1:], policy.entropy()[:, 1:], rtol=1e-4)


@pytest.mark.parametrize(("first_location", "chosen"), [("centre", False), ("random", False), ("learned", True)])
def test_a_first_place_that_nobody_chose_has_no_score(first_location, chosen):
    _, log_probs, entropies, _ = unroll(make_cell(first_location=first_location), IMAGES, 3, seed=(1, 2), training=True)
    assert np.all(log_probs[:, 0] != 0) == chosen
    assert np.all(entropies[:, 0] != 0) == chosen
    assert np.all(log_probs[:, 1:] != 0)


@pytest.mark.parametrize("first_location", ["centre", "random"])
@pytest.mark.parametrize("seed", [None, (1, 2)])
def test_outside_training_the_first_place_is_the_centre(first_location, seed):
    glimpses, *_ = unroll(make_cell(first_location=first_location), IMAGES, 2, seed=seed)
    np.testing.assert_array_equal(glimpses.location[:, 0], np.zeros([4, 2]))


def test_in_training_a_random_first_place_is_uniform():
    images = tf.zeros([2000, 16, 20, 1])
    first = unroll(make_cell(first_location="random"), images, 1, seed=(1, 2), training=True).glimpses.location[:, 0].numpy()
    assert np.all(np.abs(first) <= 1)
    np.testing.assert_allclose(first.mean(axis=0), 0, atol=0.06)
    np.testing.assert_allclose(first.std(axis=0), 1 / np.sqrt(3), atol=0.03)


@pytest.mark.parametrize("head", HEADS)
def test_without_a_seed_nothing_is_drawn(head):
    cell = make_cell(head, first_location="learned")
    glimpses, *_ = unroll(cell, IMAGES, 3)
    mode = cell.location.distribution(glimpses.policy).mode()
    np.testing.assert_allclose(glimpses.action, cell.location.to_action(mode), atol=1e-6)
    assert_same(unroll(cell, IMAGES, 3), unroll(cell, IMAGES, 3))


def test_a_seed_says_what_is_drawn():
    cell = make_cell()
    rollout = unroll(cell, IMAGES, 3, seed=(1, 2), training=True)
    assert_same(unroll(cell, IMAGES, 3, seed=(1, 2), training=True), rollout)
    other = unroll(cell, IMAGES, 3, seed=(1, 3), training=True)
    assert not np.any(np.all(other.glimpses.action == rollout.glimpses.action, axis=-1))
    steps = rollout.glimpses.action - rollout.glimpses.policy
    assert not np.allclose(steps[:, 1], steps[:, 2])  # each look draws afresh


@pytest.mark.parametrize(
    ("head", "training", "first_location"), [("gaussian", True, "random"), ("gaussian", False, "learned"), ("categorical", True, "centre")]
)
def test_with_a_seed_a_row_no_row_depends_on_its_batch_mates(head, training, first_location):
    cell = make_cell(head, first_location=first_location)
    together = unroll(cell, IMAGES, 3, seed=ROW_SEEDS, training=training)
    for row in (0, 3):
        alone = unroll(cell, IMAGES[row : row + 1], 3, seed=ROW_SEEDS[row : row + 1], training=training)
        assert_same(alone, tf.nest.map_structure(lambda value, row=row: value[row : row + 1], together), atol=1e-5)


@pytest.mark.parametrize("first_location", ["centre", "learned", "random"])
def test_only_the_rows_that_have_actions_follow_them(first_location):
    cell = make_cell(first_location=first_location)
    follows = np.array([True, False, False, True])
    mixed = unroll(cell, IMAGES, 3, actions=ACTIONS, has_actions=follows)
    given, free = unroll(cell, IMAGES, 3, actions=ACTIONS), unroll(cell, IMAGES, 3)
    for found, followed, chosen in zip(*map(tf.nest.flatten, (mixed, given, free)), strict=True):
        np.testing.assert_allclose(found[follows], followed[follows], atol=1e-6)
        np.testing.assert_allclose(found[~follows], chosen[~follows], atol=1e-6)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("head", HEADS)
def test_compiled_and_eager_agree_on_given_actions(head, core):
    cell = make_cell(head, core)
    expected = unroll(cell, IMAGES, 3, actions=ACTIONS)
    for jit_compile in (False, True):
        compiled = tf.function(lambda images, actions: unroll(cell, images, 3, actions=actions), jit_compile=jit_compile)
        assert_same(compiled(IMAGES, ACTIONS), expected, atol=1e-4)


def gradients_of(value_of, cell):
    """For each part of the cell, whether any gradient of the value reaches it."""
    parts = {name: getattr(cell, name).trainable_variables for name in ("encoder", "core", "location", "baseline")}
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(value_of(unroll(cell, IMAGES, 3, seed=(1, 2), training=True)))
    gradients = tape.gradient(value, parts)
    return {name for name, each in gradients.items() if any(gradient is not None and np.any(gradient != 0) for gradient in each)}


@pytest.mark.parametrize("head", HEADS)
def test_each_part_learns_from_its_own_signal_alone(head):
    cell = make_cell(head)
    assert gradients_of(lambda looks: looks.glimpses.hidden, cell) == {"encoder", "core"}
    assert gradients_of(lambda looks: looks.log_probs, cell) == {"location"}
    assert gradients_of(lambda looks: looks.glimpses.baseline, cell) == {"baseline"}


def test_the_baseline_has_not_seen_the_look_it_scores():
    """It comes from the state before the look: another image changes it from the second look on only."""
    cell = make_cell()
    first, second = (unroll(cell, images, 3, actions=ACTIONS).glimpses for images in (IMAGES, IMAGES[::-1].copy()))
    np.testing.assert_array_equal(first.baseline[:, 0], second.baseline[:, 0])
    assert not np.any(first.baseline[:, 1] == second.baseline[:, 1])
    assert not np.any(np.all(first.hidden[:, 0] == second.hidden[:, 0], axis=-1))


def test_without_a_baseline_there_are_zeros():
    glimpses, *_ = unroll(make_cell(baseline=False), IMAGES, 3)
    np.testing.assert_array_equal(glimpses.baseline, np.zeros([4, 3]))


@keras.saving.register_keras_serializable("tests")
class Seen(keras.layers.Layer):
    """An encoder that passes the pixels on."""

    def call(self, patches, locations):
        return tf.reshape(patches, [-1, patches.shape[1] * patches.shape[2] * patches.shape[3]])

    def compute_output_shape(self, patches_shape, locations_shape):
        return (patches_shape[0], patches_shape[1] * patches_shape[2] * patches_shape[3])


@keras.saving.register_keras_serializable("tests")
class Photograph(keras.layers.Layer):
    """A core whose state is what it saw last."""

    state_size = output_size = 16

    def call(self, inputs, states, training=False):
        return inputs, [inputs]

    def get_initial_state(self, batch_size=None):
        return [tf.zeros([batch_size, self.state_size])]


def test_a_moving_digit_is_followed_through_frames():
    """A 4x4 thing on a path of its own in each film; looks that follow it see it, whole, in every frame."""
    things = RANDOM.uniform(0.5, 1, [2, 4, 4, 1]).astype("float32")
    paths = np.array([[[0, 0], [3, 5], [6, 10]], [[12, 16], [7, 8], [1, 9]]])
    films = np.zeros([2, 3, 16, 20, 1], "float32")
    for film, step in np.ndindex(2, 3):
        top, left = paths[film, step]
        films[film, step, top : top + 4, left : left + 4] = things[film]
    cell = GlimpseCell(Retina(4), Seen(), Photograph(), GaussianLocation(hidden_units=0))
    actions = ((paths + 2) / (16, 20) * 2 - 1).astype("float32")
    glimpses, *_ = unroll(cell, films, 3, actions=actions)
    np.testing.assert_allclose(glimpses.hidden, np.repeat(things.reshape(2, 1, 16), 3, axis=1), atol=1e-6)
    still, *_ = unroll(cell, films[:, 0], 3, actions=actions)  # looking at the first frame only, the thing is gone
    assert np.all(still.hidden[:, 1:].numpy().sum(axis=-1) < things.sum(axis=(1, 2, 3))[:, None])


def test_one_frame_three_times_is_an_image():
    cell = make_cell()
    films = np.repeat(IMAGES[:, None], 3, axis=1)
    assert_same(unroll(cell, films, 3, actions=ACTIONS), unroll(cell, IMAGES, 3, actions=ACTIONS), atol=1e-6)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_places_and_scores_stay_float32_in_half_precision(dtype):
    encoder, core = ConvGlimpseEncoder((4,), units=8, dtype=dtype), keras.layers.GRUCell(8, dtype=dtype)
    cell = GlimpseCell(Retina(4, 2, dtype=dtype), encoder, core, HEADS["gaussian"](), dtype=dtype)
    glimpses, log_probs, entropies, _ = unroll(cell, IMAGES, 3, seed=(1, 2), training=True)
    kept = (glimpses.action, glimpses.location, glimpses.policy, glimpses.baseline, log_probs, entropies)
    assert {value.dtype for value in kept} == {tf.float32}
    assert glimpses.hidden.dtype.name == dtype.removeprefix("mixed_")
    assert all(np.all(np.isfinite(value)) for value in kept)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("head", HEADS)
def test_a_saved_cell_gives_the_same_rollout(head, core, tmp_path):
    cell = make_cell(head, core, first_location="learned")
    model = LayerModel(cell)
    model.build()
    model.save(tmp_path / "cell.keras")
    loaded = keras.saving.load_model(tmp_path / "cell.keras").layer
    assert loaded.first_location == "learned"
    assert_same(unroll(loaded, IMAGES, 3), unroll(cell, IMAGES, 3))


def test_the_configuration_can_be_used_twice():
    config = make_cell().get_config()
    for _ in range(2):
        assert GlimpseCell.from_config(config).retina.patch_size == 4


def test_an_unknown_first_location_is_refused():
    with pytest.raises(UserError, match=r"centre, learned, random. Received: 'corner'"):
        make_cell(first_location="corner")


@pytest.mark.parametrize(("jit_compile", "calls"), [(False, 3), (True, 0)])
def test_looks_are_traced_once_but_for_xla(jit_compile, calls):
    cell = make_cell()
    traced = tf.function(lambda images: unroll(cell, images, 3).glimpses.hidden, jit_compile=jit_compile).get_concrete_function(IMAGES)
    assert sum("PartitionedCall" in operation.type for operation in traced.graph.get_operations()) == calls
