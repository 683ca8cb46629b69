import dataclasses
import hashlib
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.datasets import (
    Augmentation,
    Canvas,
    ImageData,
    Supervision,
    array_source,
    eval_batches,
    steps_per_epoch,
    train_batches,
)
from tf_glimpse.policies import Centre, Random, Scan
from tf_glimpse.types import UserError


def batches_of(dataset):
    return [(images, labels) for images, labels in dataset.as_numpy_iterator()]


def assert_equal_batches(first, second):
    assert len(first) == len(second)
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)


def on_canvas(data):
    return dataclasses.replace(data, canvas=Canvas(60, pieces=4), image_shape=(60, 60, 1))


def test_an_epoch_shows_every_image_once_in_its_own_order(numbered_data):
    batches = batches_of(train_batches(numbered_data, 10, seed=0, epochs=2))
    assert [images.shape for images, _ in batches] == [(10, 28, 28, 1)] * 10 and batches[0][0].dtype == np.uint8
    orders = np.stack([labels for _, labels in batches]).reshape(2, 50)
    assert (np.sort(orders) == np.arange(50)).all() and (orders[0] != orders[1]).any() and (orders[0] != np.arange(50)).any()
    for images, labels in batches:
        assert (images == labels[:, None, None, None]).all()


def test_the_remainder_is_dropped_and_the_length_is_known(numbered_data):
    assert steps_per_epoch(numbered_data, 16) == 3
    assert train_batches(numbered_data, 16, seed=0, epoch=1, epochs=5).cardinality() == 12
    assert train_batches(numbered_data, 16, seed=0).cardinality() == tf.data.INFINITE_CARDINALITY
    assert [len(labels) for _, labels in batches_of(train_batches(numbered_data, 16, seed=0, epochs=1))] == [16] * 3


def test_a_set_smaller_than_a_batch_makes_one_batch(numbered_data):
    assert steps_per_epoch(numbered_data, 128) == 1
    assert [len(labels) for _, labels in batches_of(train_batches(numbered_data, 128, seed=0, epochs=2))] == [50, 50]


def test_an_epoch_may_go_through_the_split_several_times(numbered_data):
    assert steps_per_epoch(numbered_data, 40, passes=3) == 3
    options = {"batch_size": 25, "seed": 0, "epochs": 2, "passes": 3}
    dataset = train_batches(numbered_data, **options)
    assert dataset.cardinality() == 2 * steps_per_epoch(numbered_data, 25, passes=3) == 12
    batches = batches_of(dataset)
    orders = np.stack([labels for _, labels in batches]).reshape(6, 50)
    assert (np.sort(orders) == np.arange(50)).all() and len({order.tobytes() for order in orders}) == 6
    assert_equal_batches(batches[6:], batches_of(train_batches(numbered_data, epoch=1, **options)))
    once = batches_of(train_batches(numbered_data, 25, seed=0, epochs=1))
    assert_equal_batches(batches[:2], once)
    assert [len(labels) for _, labels in batches_of(train_batches(numbered_data, 128, seed=0, epochs=1, passes=3))] == [128]


def test_one_pass_keeps_its_order():
    """Published results depend on it."""
    source = array_source(np.zeros([53, 8, 8, 1], np.uint8), np.arange(53))
    data = ImageData("53", source, None, None, 53, [str(label) for label in range(53)], (8, 8, 1))
    labels = np.concatenate([labels for _, labels in batches_of(train_batches(data, 10, seed=3, epochs=4))])
    assert hashlib.sha256(labels.tobytes()).hexdigest() == "ba42a857c287728584249ff93d0289f1d3cbcc60c1147824193b6acb3b5cc448"


def test_a_digit_is_never_its_own_clutter_in_any_pass(numbered_data):
    black_and_grey = array_source(np.stack([np.zeros([28, 28, 1], np.uint8), np.full([28, 28, 1], 90, np.uint8)]), [0, 1])
    data = on_canvas(dataclasses.replace(numbered_data, train=black_and_grey))
    images, labels = next(train_batches(data, 100, seed=0, epochs=1, passes=50).as_numpy_iterator())
    assert images.shape == (100, 60, 60, 1)
    assert ((images[labels == 1] > 0).sum((1, 2, 3)) == 28 * 28).all() and images[labels == 0].any((1, 2, 3)).all()


@pytest.mark.parametrize("place", [lambda data: data, on_canvas], ids=["plain", "canvas"])
def test_a_resumed_run_sees_the_same_batches(numbered_data, place):
    options = {"batch_size": 10, "seed": 3, "epochs": 4, "augment": Augmentation(shift=2, rotation=10), "actions": Random(3)}
    whole = batches_of(train_batches(place(numbered_data), **options))
    assert_equal_batches(whole, batches_of(train_batches(place(numbered_data), **options)))
    assert_equal_batches(whole[10:], batches_of(train_batches(place(numbered_data), epoch=2, **options)))
    other_seed = batches_of(train_batches(place(numbered_data), **{**options, "seed": 4}))
    assert any((one != two).any() for (_, one), (_, two) in zip(whole, other_seed, strict=True))


def test_places_and_clutter_are_fresh_every_epoch(numbered_data):
    same = array_source(np.full([50, 28, 28, 1], 200, np.uint8), np.zeros(50, int))
    data = on_canvas(dataclasses.replace(numbered_data, train=same))
    batches = [images for images, _ in batches_of(train_batches(data, 25, seed=0, epochs=2))]
    assert batches[0].shape == (25, 60, 60, 1)
    for one, other in itertools.combinations(batches, 2):  # the images are all alike, so only places and clutter can differ
        assert (one != other).any((1, 2, 3)).all()
    assert len({image.tobytes() for image in np.concatenate(batches)}) == 100


def test_augmentation_is_fresh_every_epoch(numbered_data):
    noise = array_source(np.random.default_rng(0).integers(0, 256, [1, 28, 28, 1], np.uint8).repeat(50, 0), np.zeros(50, int))
    data = dataclasses.replace(numbered_data, train=noise)
    batches = [images for images, _ in batches_of(train_batches(data, 25, seed=0, epochs=2, augment=Augmentation(rotation=20)))]
    for one, other in itertools.combinations(batches, 2):
        assert (one != other).any((1, 2, 3)).all()


def test_fit_goes_through_the_epochs_and_resumes(numbered_data, recwarn):
    def seen(epoch):
        model = keras.Sequential([keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(1, trainable=False)])
        found = []

        class Watched(keras.Model):
            def train_step(self, batch):
                tf.py_function(lambda labels: found.append(labels.numpy()), [batch[1]], [])
                return {"loss": tf.reduce_sum(model(batch[0]))}

        watched = Watched()
        watched.compile()
        batches = train_batches(numbered_data, 25, seed=0, epoch=epoch, epochs=4)
        watched.fit(batches, initial_epoch=epoch, epochs=4, steps_per_epoch=steps_per_epoch(numbered_data, 25), shuffle=False, verbose=0)
        return np.stack(found)

    whole = seen(0)
    assert len(whole) == 8
    np.testing.assert_array_equal(whole, np.stack([labels for _, labels in batches_of(train_batches(numbered_data, 25, 0, epochs=4))]))
    np.testing.assert_array_equal(seen(2), whole[4:])
    assert not [warning for warning in recwarn if "shuffle" in str(warning.message) or "ran out" in str(warning.message)]


def test_augment_may_be_any_function(numbered_data):
    dataset = train_batches(numbered_data, 10, seed=0, epochs=1, augment=lambda images, seed: 255 - images)
    for images, labels in dataset.as_numpy_iterator():
        assert (255 - images == labels[:, None, None, None]).all()


def test_evaluation_is_in_order_whole_and_of_known_length(digits_data):
    dataset = eval_batches(digits_data.test, 64)
    assert dataset.cardinality() == 7
    batches = batches_of(dataset)
    assert [len(labels) for _, labels in batches] == [64] * 6 + [16]
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in batches]), digits_data.test.labels)
    np.testing.assert_array_equal(batches[1][0], digits_data.test.fetch(np.arange(64, 128)))


def test_given_actions_are_fresh_in_training_and_fixed_in_evaluation(numbered_data):
    (first, _), (second, _) = batches_of(train_batches(numbered_data, 50, seed=0, epochs=2, actions=Random(6)))
    assert first["actions"].shape == (50, 6, 2) and first["actions"].dtype == np.float32
    assert first["has_actions"].dtype == bool and first["has_actions"].all()
    assert (first["actions"] != second["actions"]).all() and np.abs(first["actions"]).max() <= 1

    def places(batch_size, seed):
        batches = batches_of(eval_batches(numbered_data.train, batch_size, actions=Random(6), seed=seed))
        return np.concatenate([inputs["actions"] for inputs, _ in batches])

    np.testing.assert_array_equal(places(7, seed=1), places(50, seed=1))
    assert (places(50, seed=1) != places(50, seed=2)).all()
    assert abs(places(50, seed=1).mean()) < 0.1 and places(50, seed=1).std() == pytest.approx(np.sqrt(1 / 3), rel=0.1)
    ((inputs, _),) = batches_of(eval_batches(numbered_data.train, 50, actions=Centre(2)))
    assert inputs["actions"].shape == (50, 2, 2) and not inputs["actions"].any()


def test_a_policy_sees_what_the_model_sees_and_where_it_stands(numbered_data):
    def told(images, indices, seed):
        grey = tf.reduce_max(tf.cast(images, tf.float32), axis=[1, 2, 3]) / 255
        return tf.stack([grey, tf.cast(indices, tf.float32) / 255], axis=1)[:, None]

    for images, labels in batches_of(train_batches(numbered_data, 10, seed=0, epochs=1, actions=told)):
        np.testing.assert_allclose(images["actions"][:, 0], np.stack([labels, labels], axis=1) / 255, rtol=1e-6)
    bright = dataclasses.replace(numbered_data, train=array_source(np.full([50, 28, 28, 1], 255, np.uint8), np.arange(50)))
    inputs, _ = next(train_batches(on_canvas(bright), 10, seed=0, actions=told).as_numpy_iterator())
    assert (inputs["actions"][:, 0, 0] == 1).all()
    inputs, _ = batches_of(eval_batches(numbered_data.train, 20, actions=told))[2]
    np.testing.assert_allclose(255 * inputs["actions"][:, 0, 1], np.arange(40, 50), rtol=1e-6)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_policies_that_do_not_fit_are_told(numbered_data):
    in_numpy = "TensorFlow's functions; wrap NumPy's"
    unfit = [
        (lambda *_: tf.zeros([10, 2]), r"return places \[B, T, 2\].* shape \(10, 2\)"),
        (lambda images, *_: np.array(images)[:, :2, :2, 0], in_numpy),
        (lambda images, *_: images.numpy()[:, :2, :2, 0], in_numpy),
    ]
    for policy, words in unfit:
        with pytest.raises(UserError, match=words):
            eval_batches(numbered_data.train, 10, actions=policy)
        with pytest.raises(UserError, match=words):
            train_batches(numbered_data, 10, seed=0, actions=policy)
    with pytest.raises(AttributeError, match="no attribute 'wrong'"):
        eval_batches(numbered_data.train, 10, actions=lambda images, *_: images.wrong)


def test_bad_arguments_are_told(numbered_data):
    with pytest.raises(UserError, match="batch_size must be at least 1, got 0"):
        train_batches(numbered_data, 0, seed=0)
    with pytest.raises(UserError, match="batch_size must be at least 1, got -1"):
        eval_batches(numbered_data.train, -1)
    with pytest.raises(UserError, match="passes must be at least 1, got 0"):
        train_batches(numbered_data, 10, seed=0, passes=0)
    with pytest.raises(UserError, match="epochs=3 and epoch=3"):
        train_batches(numbered_data, 10, seed=0, epoch=3, epochs=3)


def test_a_teachers_share_of_the_rows_falls_to_zero(numbered_data):
    scan = [(0.0, 0.5), (0.25, -0.5)]
    teacher = Supervision(Scan(scan), share=0.8, until=0.5)
    batches = [inputs for inputs, _ in batches_of(train_batches(numbered_data, 50, seed=0, epochs=40, actions=teacher))]
    taught = np.stack([inputs["has_actions"] for inputs in batches])
    assert (batches[7]["actions"] == np.array(scan, "float32")).all()
    expected = 0.8 * np.maximum(0, 1 - np.arange(len(batches)) / len(batches) / 0.5)
    np.testing.assert_allclose(taught.reshape(8, -1).mean(axis=1), expected.reshape(8, -1).mean(axis=1), atol=0.06)
    assert not taught[len(batches) // 2 :].any()
    assert (taught[0] != taught[1]).any()
    resumed = [inputs for inputs, _ in batches_of(train_batches(numbered_data, 50, seed=0, epoch=10, epochs=40, actions=teacher))]
    np.testing.assert_array_equal(resumed[0]["has_actions"], taught[len(batches) // 4])
    kept = batches_of(train_batches(numbered_data, 50, seed=0, epochs=2, actions=Supervision(Scan(scan), share=0.5)))
    assert 0.2 < np.mean([inputs["has_actions"].mean() for inputs, _ in kept]) < 0.8


def test_impossible_teachers_are_told(numbered_data):
    for wrong in ({"share": 0.0}, {"share": 1.5}, {"until": 0.0}):
        with pytest.raises(UserError, match="share, and until, in"):
            Supervision(Centre(2), **wrong)
    with pytest.raises(UserError, match="expects the run's epochs"):
        train_batches(numbered_data, 10, seed=0, actions=Supervision(Centre(2), until=0.5))
