"""One label an image: which labels enter, in every form of data, and how right an answer is."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_model import IMAGES, LABELS, make_model

from tf_glimpse import RAM, losses
from tf_glimpse.tasks import Classification, config_of, get_task
from tf_glimpse.types import Trajectory, UserError

TASK = Classification(3)
LOGITS = np.random.default_rng(0).normal(size=[4, 3, 3]).astype("float32")
TRUTH = np.array([0, 2, 1, 1])
KINDS = {
    "numbers": TRUTH,
    "a column": TRUTH[:, None],
    "one-hot": np.eye(3, dtype="float32")[TRUTH],
    "whole one-hot": np.eye(3, dtype=int)[TRUTH],
}
SHARES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=-1, keepdims=True)
TRAJECTORY = Trajectory(tf.constant(LOGITS), *[None] * 7)


@pytest.mark.parametrize("kind", KINDS)
def test_how_right_an_answer_is(kind):
    """By hand, for labels of every kind that enters: the probabilities, of several answers a look too; right or not; early errors."""
    labels = KINDS[kind]
    TASK.check_labels(labels)
    right = np.take_along_axis(SHARES, TRUTH[:, None, None], axis=-1)[..., 0]
    np.testing.assert_allclose(TASK.right(LOGITS, labels), right, rtol=1e-5)
    tries = np.stack([LOGITS, 2 * LOGITS], axis=2)  # [B, T, M, K]
    np.testing.assert_allclose(TASK.right(tries, labels)[:, :, 0], right, rtol=1e-5)
    assert TASK.right(tries, labels).shape == (4, 3, 2)
    np.testing.assert_array_equal(TASK.correct(LOGITS, labels), LOGITS.argmax(axis=-1) == TRUTH[:, None])
    assert TASK.correct(LOGITS, labels).dtype == tf.int32
    np.testing.assert_allclose(TASK.early_errors(TRAJECTORY, labels), -np.log(right[:, :-1]).mean(axis=1), rtol=1e-5)
    np.testing.assert_array_equal(TASK.answers(TRAJECTORY), LOGITS[:, -1])
    assert float(TASK.loss()(labels, LOGITS[:, -1])) == pytest.approx(-np.log(right[:, -1]).mean(), rel=1e-5)


def test_before_the_first_look_every_class_is_as_likely():
    assert TASK.chance == pytest.approx(1 / 3)
    assert TASK.inputs == () and TASK.check_inputs(IMAGES) is None and TASK.check_inputs({"images": IMAGES}) is None


WRONG = {
    "a sequence a row": (np.zeros([12, 5], int), r"class numbers \[B\], or rows \[B, 3\] with a number a class. Received: shape"),
    "a sequence of two": (np.zeros([12, 2], int), r"rows \[B, 3\]"),
    "rank 3": (np.zeros([12, 1, 3]), r"rows \[B, 3\]"),
    "above": (LABELS + 1, "labels must lie in 0 to 2 .3 classes., got"),
    "below": (LABELS - 1, "labels must lie in 0 to 2 .3 classes., got -1"),
    "a column above": (LABELS[:, None] + 1, "labels must lie in 0 to 2"),
    "rows above 1": (2 * np.eye(3)[LABELS], r"labels \[B, 3\] must be numbers from 0 to 1, one a class, got 0.0 to 2.0"),
    "rows below 0": (-np.eye(3)[LABELS], r"labels \[B, 3\] must be numbers from 0 to 1"),
    "rows of NaN": (np.full([12, 3], np.nan), r"labels \[B, 3\] must be numbers from 0 to 1"),
    "floats": (LABELS * 1.0, "whole numbers, one an image"),
}


@pytest.fixture(scope="module")
def model():
    return make_model({"terms": ["anytime"], "run_eagerly": True})


def batched(images, labels):
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(6)


@pytest.mark.parametrize("mistake", WRONG)
def test_wrong_labels_are_told_where_they_enter(model, mistake):
    """As arrays, of every call; as a stream, whose shape is told before its first batch, and whose values are as each batch is made."""
    labels, words = WRONG[mistake]
    before = int(model.optimizer.iterations)
    calls = [
        lambda: model.fit(IMAGES, labels, verbose=0),
        lambda: model.evaluate(IMAGES, labels, verbose=0),
        lambda: model.fit(IMAGES, LABELS, validation_data=(IMAGES, labels), verbose=0),
        lambda: model.train_on_batch(IMAGES, labels),
        lambda: model.test_on_batch(IMAGES, labels),
        lambda: model.fit(batched(IMAGES, labels), verbose=0),
        lambda: model.evaluate(batched(IMAGES, labels), verbose=0),
    ]
    for call in calls:
        with pytest.raises(UserError, match=words) as told:
            call()
        assert "\n" not in str(told.value)
    assert int(model.optimizer.iterations) == before


def test_a_late_wrong_row_of_a_stream_is_told(model):
    rows = np.eye(3, dtype="float32")[LABELS]
    rows[-1] = 7
    for labels, words in ((np.append(LABELS[:-1], 3), "0 to 2"), (rows, "from 0 to 1, one a class")):
        for images in (IMAGES, (255 * IMAGES).astype("uint8")):
            with pytest.raises(UserError, match=words):
                model.evaluate(batched(images, labels), verbose=0)


@pytest.mark.parametrize("kind", KINDS)
def test_right_labels_of_a_stream_pass(model, kind):
    labels = np.tile(KINDS[kind], (3, 1)) if KINDS[kind].ndim == 2 else np.tile(KINDS[kind], 3)
    found = model.evaluate(batched(IMAGES, labels), verbose=0, return_dict=True)
    assert found == pytest.approx(model.evaluate(IMAGES, np.tile(TRUTH, 3), verbose=0, return_dict=True), rel=1e-5)


@pytest.mark.parametrize("shape", [[None], [None, None], None], ids=str)
def test_a_stream_that_does_not_say_its_shape_is_looked_at_batch_by_batch(model, shape):
    def batches(labels):
        kinds = tf.TensorSpec([None, 14, 14, 1]), tf.TensorSpec(shape, labels.dtype)
        found = tf.data.Dataset.from_generator(lambda: iter([(IMAGES, labels)]), output_signature=kinds)
        return found.apply(tf.data.experimental.assert_cardinality(1))

    right = np.eye(3)[LABELS] if shape == [None, None] else LABELS
    model.evaluate(batches(right), verbose=0)
    with pytest.raises(UserError, match="0 to 2|0 to 1"):
        model.evaluate(batches(right + 1), verbose=0)


def test_two_classes_in_rows_of_two():
    """`[B, 2]` are shares of two classes where there are two, and refused where there are three."""
    Classification(2).check_labels(np.array([[0.25, 0.75]]))
    with pytest.raises(UserError, match=r"rows \[B, 3\]"):
        TASK.check_labels(np.array([[0.25, 0.75]]))
    np.testing.assert_allclose(losses.class_numbers(np.array([[0.25, 0.75]])), [1])


def test_a_task_stands_in_place_of_classes():
    names = ["ant", "bee", "cat"]
    by_task, by_number = RAM(task=Classification(3, names)), RAM(3, class_names=names)
    for model in (by_task, by_number):
        assert (model.num_classes, model.class_names) == (3, names)
        assert {"num_classes", "class_names"} <= set(model.get_config()) and "task" not in model.get_config()
    task = Classification(3)
    assert get_task(task) is task and get_task(None, 3).num_classes == 3
    for wrong in ({"num_classes": 3, "task": task}, {"class_names": names, "task": task}, {"task": "questions"}, {"task": Classification}):
        with pytest.raises(UserError, match="task expects a task of tf_glimpse.tasks, in place of num_classes and class_names"):
            RAM(**wrong)
    with pytest.raises(UserError, match="num_classes expects a whole number of at least 2"):
        RAM()
    with pytest.raises(UserError, match="class_names expects 3 names"):
        Classification(3, ["a"])


@keras.saving.register_keras_serializable("tests")
class Lenient(Classification):
    """A task of one's own: the neighbours of the right class are half right."""

    def right(self, logits, labels):
        distance = tf.abs(tf.range(self.num_classes)[None] - losses.class_numbers(labels)[:, None])
        return tf.einsum("b...k,bk->b...", tf.nn.softmax(logits), tf.maximum(0.0, 1 - tf.cast(distance, tf.float32) / 2))


def test_a_task_of_one_s_own_is_kept_with_the_model(tmp_path):
    model = RAM(task=Lenient(3), patch_size=4, num_glimpses=2, units=8, num_scales=1)
    assert config_of(model.task)["task"]["class_name"] == "Lenient"
    model.compile(terms=["look_ahead", "anytime"], run_eagerly=True)
    assert np.isfinite(model.fit(IMAGES, LABELS, verbose=0).history["look_ahead"][0])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.task) is Lenient and loaded.num_classes == 3
    np.testing.assert_allclose(loaded.task.right(LOGITS[:, 0], np.ones(4, int)), 0.5 + SHARES[:, 0, 1] / 2, rtol=1e-5)
