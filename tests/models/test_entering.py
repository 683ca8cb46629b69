"""What is wrong with data is told in one line, in whatever form they enter, and costs nothing where nothing can be wrong."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.trainers import data_adapters
from tiny_model import ACTIONS, IMAGES, LABELS, given

from tf_glimpse import RAM, losses
from tf_glimpse.datasets import array_source
from tf_glimpse.models.entering import CheckedBatches, Expected
from tf_glimpse.models.ram import PAPER_LAYERS
from tf_glimpse.tasks import Classification
from tf_glimpse.types import UserError

BYTES = (IMAGES * 255).astype(np.uint8)


class Batches(keras.utils.PyDataset):
    def __init__(self, images, labels, **kwargs):
        super().__init__(**kwargs)
        self.images, self.labels = images, labels

    def __len__(self):
        return 2

    def __getitem__(self, index):
        rows = slice(6 * index, 6 * index + 6)
        return self.images[rows], self.labels[rows]


def batched(images, labels):
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(6)


def small_model(**compile_kwargs):
    keras.utils.set_random_seed(0)
    model = RAM(3, patch_size=4, num_glimpses=2, seed=0, **{**PAPER_LAYERS, "units": 4})
    model.build((None, *IMAGES.shape[1:]))
    model.compile(keras.optimizers.SGD(0.1), terms=losses.PAPER, **compile_kwargs)
    return model


FORMS = {
    "arrays": lambda images, labels: (images, labels),
    "tensors": lambda images, labels: (tf.constant(images), tf.constant(labels)),
    "tf.data": lambda images, labels: (batched(images, labels),),
    "PyDataset": lambda images, labels: (Batches(images, labels),),
    "PyDataset, two workers": lambda images, labels: (Batches(images, labels, workers=2),),
    "generator": lambda images, labels: ((batch for batch in batched(images, labels).as_numpy_iterator()),),
    "dict": lambda images, labels: ({"images": images}, labels),
    "tf.data of dicts": lambda images, labels: (
        batched({"images": images, "actions": ACTIONS[:, :2], "has_actions": given()["has_actions"]}, labels),
    ),
}


def late(values, value):
    """The same with one wrong value in its last batch, after the first steps have run."""
    values = values.copy()
    values[-1] = value
    return values


MISTAKES = {
    "range": (late(IMAGES, 200.0), LABELS, r"lie in 0 to 1, got \S+ to 200; divide by 255, pass uint8, or declare input_range=\(0, 255\)"),
    "NaN": (late(IMAGES, np.nan), LABELS, r"images must be numbers, 0 to 1, got NaN in 1 of \d+ images"),
    "label": (IMAGES, late(LABELS, 3), r"labels must lie in 0 to 2 \(3 classes\), got 0 to 3"),
    "label of bytes": (BYTES, late(LABELS, -1), r"labels must lie in 0 to 2 \(3 classes\), got -1 to"),
}


@pytest.fixture(scope="module")
def eager():
    return small_model(run_eagerly=True)


@pytest.mark.parametrize("mistake", ["range", "NaN", "label"])
@pytest.mark.parametrize("form", FORMS)
def test_the_same_line_in_every_form(eager, form, mistake):
    expect_the_line(eager, FORMS[form], *MISTAKES[mistake])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_same_line_from_a_compiled_step(jit_compile):
    model = small_model(jit_compile=jit_compile)
    for mistake in ("NaN", "label"):
        expect_the_line(model, FORMS["tf.data"], *MISTAKES[mistake])


def expect_the_line(model, form, images, labels, words):
    """From `fit`, `evaluate`, `predict` and as validation data, whatever the wrong batch; and that the weights are whole."""
    calls = {
        "fit": lambda *data: model.fit(*data, batch_size=None if len(data) == 1 else 6, verbose=0),
        "evaluate": lambda *data: model.evaluate(*data, verbose=0),
        "validation": lambda *data: model.fit(IMAGES[:6], LABELS[:6], validation_data=data if len(data) > 1 else data[0], verbose=0),
    }
    if "label" not in words:
        calls["predict"] = lambda *data: model.predict(data[0], verbose=0)
    for name, call in calls.items():
        with pytest.raises(UserError, match=words) as caught:
            call(*form(images, labels))
        assert "\n" not in str(caught.value), name
    assert all(np.all(np.isfinite(weight)) for weight in model.get_weights())


@pytest.mark.parametrize("mistake", MISTAKES)
def test_batches_and_calls_by_hand(mistake, eager):
    (images, labels, words), model = MISTAKES[mistake], eager
    calls = [lambda: model.train_on_batch(images, labels), lambda: model.test_on_batch(tf.constant(images), labels)]
    if "label" not in mistake:
        calls += [lambda: model.predict_on_batch(images), lambda: model(images), lambda: model({"images": tf.constant(images)})]
    for call in calls:
        with pytest.raises(UserError, match=words):
            call()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)), r"rank 4, .* got shape \(14, 14, 1\); .*dataset.batch\(32\)"),
        (batched(IMAGES, LABELS * 1.0), "labels must be whole numbers, .*float64"),
        (batched(IMAGES.astype(int), LABELS), r"uint8 \(0 to 255\) or float \(0 to 1\), got dtype int64"),
        (batched(IMAGES[:, :3], LABELS), "at least as large as the smallest patch, 4x4, got 3x14"),
        (batched(np.moveaxis(np.repeat(IMAGES, 3, axis=-1), -1, 1), LABELS), "channels on the last axis, got shape"),
        (batched({"pictures": IMAGES}, LABELS), '"images" among its keys'),
        ([IMAGES.tolist()], "images must come as an array, a tf.data set, a PyDataset or a generator of batches. Received: a list"),
    ],
)
def test_a_streams_kind_is_told_before_its_first_batch(data, words):
    model = small_model()
    with pytest.raises(UserError, match=words):
        model.fit(data, verbose=0)
    assert int(model.optimizer.iterations) == 0


def checked(dataset, class_weight=None):
    return CheckedBatches(data_adapters.get_data_adapter(dataset), Expected(task=Classification(3)), class_weight)


def test_what_a_stream_says_of_itself_survives_the_check():
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    dataset = batched(IMAGES, LABELS).with_options(options)
    stream = checked(dataset)
    assert stream.num_batches == len(stream.get_tf_dataset()) == 2
    assert stream.get_tf_dataset().element_spec == dataset.element_spec
    assert stream.get_tf_dataset().options().experimental_distribute.auto_shard_policy == tf.data.experimental.AutoShardPolicy.OFF
    assert checked(dataset.repeat()).num_batches is None
    for before, after in zip(dataset, stream.get_tf_dataset(), strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, before, after)


def test_what_can_hold_no_wrong_value_is_not_looked_at():
    dataset = batched(BYTES, LABELS).map(lambda images, labels: images)
    assert checked(dataset).get_tf_dataset() is dataset


def fitted_loss(*data, **kwargs):
    return small_model(run_eagerly=True).fit(*data, shuffle=False, verbose=0, **kwargs).history["loss"]


def test_class_weights_and_sample_weights_of_streams():
    weights = np.linspace(0.1, 1.0, 12).astype("float32")
    stream = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS, weights)).batch(12)
    np.testing.assert_allclose(fitted_loss(stream), fitted_loss(IMAGES, LABELS, sample_weight=weights, batch_size=12), rtol=1e-5)
    by_class = {"class_weight": {0: 0.5, 1: 2.0, 2: 1.0}}
    arrays = fitted_loss(IMAGES, LABELS, batch_size=6, **by_class)
    np.testing.assert_allclose(fitted_loss(batched(IMAGES, LABELS), **by_class), arrays, rtol=1e-5)
    np.testing.assert_allclose(fitted_loss(Batches(IMAGES, LABELS), **by_class), arrays, rtol=1e-5)
    with pytest.raises(UserError, match="labels must lie in 0 to 2"):
        fitted_loss(batched(IMAGES, late(LABELS, 3)), **by_class)


def test_a_users_own_error_in_a_stream_stays_their_own():
    broken = batched(IMAGES, LABELS).map(lambda images, labels: (images, tf.gather(labels, [99])))
    with pytest.raises(tf.errors.InvalidArgumentError, match="99"):
        small_model(run_eagerly=True).evaluate(broken, verbose=0)


@pytest.mark.parametrize("channels", [2, 4, 7])
def test_any_number_of_channels(channels):
    images = np.random.default_rng(channels).random([12, 14, 14, channels]).astype("float32")
    model = RAM(3, patch_size=4, num_glimpses=2, units=8, num_scales=2)
    model.compile(run_eagerly=True)
    assert np.isfinite(model.fit(images, LABELS, verbose=0).history["loss"][0])
    np.testing.assert_allclose(model.predict(images, verbose=0).logits, model.predict(batched(images, LABELS), verbose=0).logits, atol=1e-5)
    source = array_source((images * 255).astype(np.uint8), LABELS)
    np.testing.assert_allclose(model(source.fetch([3])).logits, model(images[3:4]).logits, atol=0.1)
