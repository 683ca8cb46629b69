"""The Saccader: what its trajectory says, whose places it looks at, draws, precision, export."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from checks import TOLERANCE, assert_trajectories_close
from policy_models import BAGNET as TINY
from policy_models import with_opinion

from tf_glimpse import losses
from tf_glimpse.export import export_model
from tf_glimpse.models.bagnet import BagNet
from tf_glimpse.models.rollouts import compiled
from tf_glimpse.models.saccader import Saccader
from tf_glimpse.ops.grids import field_cells, field_centres
from tf_glimpse.types import UserError

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random([8, 26, 30, 3]).astype("float32")
LABELS = np.arange(8) % 3
BAGNET = {"blocks": (1, 1), "filters": (8, 8), "strides": (2, 2), "stem_filters": 8, "receptive_field": 9}
GRID = (5, 6)


def make_model(num_glimpses=4, bagnet=BAGNET, **options):
    model = Saccader(3, bagnet, num_glimpses, mixed_channels=16, seed=1, **options)
    model.build((None, *IMAGES.shape[1:]))
    return with_opinion(model)


def given(trajectory, rows=slice(None)):
    has_actions = np.zeros(len(IMAGES), bool)
    has_actions[rows] = True
    return {"images": IMAGES, "actions": trajectory.actions, "has_actions": has_actions}


def test_the_published_size():
    model = Saccader.published()
    model.build((None, 224, 224, 3))
    trainable = sum(np.prod(variable.shape) for variable in model.trainable_variables)
    assert (model.count_params(), trainable, model.bagnet.count_params()) == (35_583_400, 35_523_112, 20_627_880)
    assert model.compute_output_shape((None, 224, 224, 3)).policy == (None, 6, 361)
    np.testing.assert_allclose(field_centres(model.fields((224, 224)))[-1], [1 - 77 / 224] * 2, atol=1e-6)


def test_the_answer_is_the_mean_of_the_cells_looked_at():
    model = make_model()
    trajectory, seen = model(IMAGES), model.bagnet.represent(IMAGES)
    cells = field_cells(trajectory.locations, model.fields(IMAGES.shape[1:3])).numpy()
    assert {len(set(row)) for row in cells} == {4}, "no cell is looked at twice"
    assert len({tuple(row) for row in cells}) > 4, "different images, different places"
    rows, columns = cells // GRID[1], cells % GRID[1]
    images = np.arange(8)[:, None]
    logits, what = (maps.numpy()[images, rows, columns] for maps in (seen.logits, seen.what))
    means = [logits[:, : look + 1].mean(axis=1) for look in range(4)]
    np.testing.assert_allclose(trajectory.logits, np.stack(means, axis=1), atol=1e-5)
    np.testing.assert_allclose(trajectory.hidden, what, atol=1e-6)
    np.testing.assert_array_equal(np.argmax(trajectory.policy, axis=-1), cells)
    np.testing.assert_array_equal(trajectory.baselines, np.zeros([8, 4]))


def test_a_look_saw_nothing_but_its_window():
    """Gradients of the answer reach the pixels of the windows at `locations`, and no others."""
    model, side = make_model(num_glimpses=1), 9
    image = tf.Variable(IMAGES[:1])
    with tf.GradientTape() as tape:
        trajectory = model(image)
    seen = np.abs(tape.gradient(trajectory.logits, image)[0]).max(axis=-1) > 0
    top, left = np.round((trajectory.locations[0, 0].numpy() + 1) / 2 * IMAGES.shape[1:3] - side / 2).astype(int)
    inside = np.zeros(seen.shape, bool)
    inside[top : top + side, left : left + side] = True
    assert np.all(inside | ~seen)
    assert seen[[top, top + side - 1]].any(axis=1).all()
    assert seen[:, [left, left + side - 1]].any(axis=0).all()


def test_places_of_somebody_else():
    model = make_model()
    sampled = model(IMAGES, sample=True, seed=(3, 4))
    own = model(IMAGES)
    replayed = model(given(sampled))
    assert_trajectories_close(replayed, sampled, atol=1e-5)
    mixed = model(given(sampled, slice(0, 3)))
    assert_trajectories_close(
        tf.nest.map_structure(lambda field: field[:3], mixed), tf.nest.map_structure(lambda field: field[:3], sampled), 1e-5
    )
    assert_trajectories_close(
        tf.nest.map_structure(lambda field: field[3:], mixed), tf.nest.map_structure(lambda field: field[3:], own), 1e-5
    )
    near = sampled._replace(actions=sampled.actions + 0.02)
    looked = model(given(near))
    np.testing.assert_allclose(looked.locations, sampled.locations, atol=1e-6)
    np.testing.assert_allclose(looked.actions, near.actions)
    twice = model({"images": IMAGES, "actions": np.zeros([8, 4, 2], "float32")})
    assert np.all(np.isfinite(twice.log_probs))
    np.testing.assert_allclose(twice.logits[:, 0], twice.logits[:, -1], atol=1e-5)


def test_draws():
    model = make_model()
    first, again, other = (model(IMAGES, sample=True, seed=seed).locations for seed in ((1, 2), (1, 2), (1, 3)))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)
    seeds = RANDOM.integers(0, 1000, [8, 2]).astype("int32")
    rows = model(IMAGES, sample=True, seed=seeds).locations
    np.testing.assert_array_equal(model(IMAGES[5:], sample=True, seed=seeds[5:]).locations, rows[5:])
    np.testing.assert_array_equal(model(IMAGES).locations, model(IMAGES, seed=(1, 2)).locations)


@pytest.mark.slow
def test_xla_on_and_off_train_alike_on_given_places():
    weights = []
    for jit_compile in (False, True):
        model = make_model(num_glimpses=2, bagnet=TINY)
        model.compile(keras.optimizers.SGD(1e-2), jit_compile=jit_compile)
        model.fit(given(model(IMAGES, sample=True, seed=(1, 2))), LABELS, batch_size=8, epochs=2, verbose=0)
        weights.append(model.get_weights())
    for plain, with_xla in zip(*weights, strict=True):
        np.testing.assert_allclose(plain, with_xla, atol=1e-3)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_keeps_the_mask(dtype):
    model, half = make_model(), make_model(dtype=dtype)
    expected = model(IMAGES)
    trajectory = half(given(expected))
    assert {field.dtype for field in trajectory} == {tf.float32}
    assert half.bagnet.represent(IMAGES).features.dtype == dtype.removeprefix("mixed_")
    np.testing.assert_array_equal(trajectory.policy.numpy() < -9e4, expected.policy.numpy() < -9e4)
    scale = np.abs(expected.logits).max()
    np.testing.assert_allclose(trajectory.logits / scale, expected.logits / scale, atol=TOLERANCE[dtype.removeprefix("mixed_")])


def test_a_bagnet_of_ones_own():
    bagnet = BagNet(3, **BAGNET)
    bagnet.build((None, *IMAGES.shape[1:]))
    model = Saccader(3, bagnet, num_glimpses=30, mixed_channels=8)
    model.build((None, *IMAGES.shape[1:]))
    assert model.bagnet is bagnet
    np.testing.assert_allclose(model(IMAGES).logits[:, -1], bagnet(IMAGES), atol=1e-5)  # 30 looks see all 30 cells
    assert Saccader.from_config(model.get_config()).bagnet.receptive_field == 9


@pytest.mark.slow
def test_export(tmp_path):
    model = make_model(class_names=["ant", "bee", "cat"])
    loaded = tf.saved_model.load(str(export_model(model, tmp_path, warm_up_batch_sizes=())))
    answer, expected = loaded.signatures["float"](images=tf.constant(IMAGES)), model(IMAGES)
    np.testing.assert_allclose(answer["locations"], expected.locations, atol=1e-6)
    np.testing.assert_allclose(answer["scores"], tf.nn.softmax(expected.logits[:, -1]), atol=1e-5)
    assert model.retina.patch_size == model.patch_size == 9


def test_mistakes_are_told():
    with pytest.raises(UserError, match="a BagNet of 3 classes. Received: a BagNet of 4"):
        Saccader(3, BagNet(4, **BAGNET), num_glimpses=2)
    with pytest.raises(UserError, match="class_names expects 3 names"):
        make_model(class_names=["a"])
    with pytest.raises(UserError, match=r"expects images \[B, H, W, C\]"):
        Saccader(3, BAGNET).build((None, 4, 26, 30, 3))
    with pytest.raises(UserError, match="at least 9x9 pixels"):
        Saccader(3, BAGNET).build((None, 8, 30, 3))
    for shape in ([8, 3, 2], [8, 4, 3]):
        with pytest.raises(UserError, match=r"4 looks expect actions \[B, 4, 2\]"):
            make_model()({"images": IMAGES, "actions": np.zeros(shape)})
    with pytest.raises(UserError, match="50 looks need as many cells"):
        make_model().with_glimpses(50)(IMAGES)
    with pytest.raises(UserError, match="4 looks need as many cells") as told:
        compiled(make_model())(IMAGES[:, :9, :9])
    assert "\n" not in str(told.value), "as in one line of the command line"
    with pytest.raises(UserError, match="at least as large as the smallest patch, 9x9"):
        make_model()(IMAGES[:, :8, :8])
    with pytest.raises(UserError, match="built for 3 channels"):
        make_model()(IMAGES[..., :1])
    with pytest.raises(UserError, match="num_targets .* at least 1"):
        make_model().compile(terms={"targets": {"num_targets": 0}})
    with pytest.raises(UserError, match="Saccader.compile knows no argument stage"):
        make_model().compile(stage="location")
    for term in ("look_ahead", "hindsight", "guidance"):
        with pytest.raises(UserError, match="a Saccader cannot learn by .*: it has no method"):
            make_model().compile(terms=[term])
    for terms in (losses.PAPER, ["reinforce"]):
        with pytest.raises(UserError, match="batch_mean|no baseline to teach"):
            make_model().compile(terms=terms)
    with pytest.raises(UserError, match="Targets learns from places drawn"):
        make_model().compile(terms=["targets"], sample=False)
