"""BagNet: what a cell sees, how large it is, and that it is an ordinary Keras classifier."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.models.bagnet import BagNet
from tf_glimpse.ops.receptive_fields import receptive_field_of
from tf_glimpse.types import UserError

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random([6, 30, 34, 3]).astype("float32")
LABELS = np.arange(6) % 3
SMALL = {"blocks": (1, 2), "filters": (8, 12), "strides": (2, 1), "stem_filters": 8, "receptive_field": 9}


def make_model(**options):
    model = BagNet(3, **{**SMALL, **options})
    model.build((None, *IMAGES.shape[1:]))
    return model


def random_weights(model):
    """Every weight away from where it starts, so that zero gains hide nothing."""
    for variable in model.variables:
        variable.assign(RANDOM.uniform(0.5, 1.0, variable.shape) if variable.name != "kernel" else RANDOM.normal(0, 0.2, variable.shape))
    return model


@pytest.mark.parametrize(
    ("field", "wide_blocks"), [(3, (0, 0, 0, 0)), (9, (1, 1, 0, 0)), (17, (1, 1, 1, 0)), (33, (1, 1, 1, 1)), (77, (2, 2, 2, 2))]
)
def test_published_receptive_fields(field, wide_blocks):
    assert BagNet(2, field, width=0.02).wide_blocks == wide_blocks
    assert receptive_field_of(wide_blocks, (2, 2, 2, 1)) == field


def test_the_published_size():
    model = BagNet(1000)
    model.build((None, 224, 224, 3))
    trainable = sum(np.prod(variable.shape) for variable in model.trainable_variables)
    assert (model.count_params(), trainable) == (20_627_880, 20_573_736)
    assert model.fields((224, 224)) == ((19, 19), (224, 224), 77, (8, 8))
    assert BagNet(1001, width=0.5).stem.filters == 32


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"receptive_field": 7, "strides": (1, 3)},
        {"receptive_field": None, "wide_blocks": (0, 1), "low_dim": False},
        {"second_norm": "main", "receptive_field": 5},
    ],
)
def test_a_cell_sees_its_field_and_no_more(options):
    model = random_weights(make_model(**options))
    fields = model.fields(IMAGES.shape[1:3])
    logits, side, pitch = model.represent(IMAGES).logits, fields.side, fields.pitch[0]
    assert logits.shape[1:3] == fields.grid
    for row, column in [(0, 0), (1, 2), tuple(cells - 1 for cells in fields.grid)]:
        crop = IMAGES[:, row * pitch : row * pitch + side, column * pitch : column * pitch + side]
        np.testing.assert_allclose(model(crop), logits[:, row, column], atol=1e-4)
    row, column = fields.grid[0] // 2, fields.grid[1] // 2
    for edge in (row * pitch, row * pitch + side - 1):
        image = tf.Variable(IMAGES[:1])
        with tf.GradientTape() as tape:
            cell = model.represent(image).logits[0, row, column]
        assert np.any(tape.gradient(cell, image)[0, edge])


def test_the_answer_is_the_mean_of_the_cells():
    model = random_weights(make_model())
    seen = model.represent(IMAGES)
    np.testing.assert_allclose(model(IMAGES), np.mean(seen.logits, axis=(1, 2)), atol=1e-5)
    linear = seen.what @ model.classifier.kernel[0, 0] + model.classifier.bias
    np.testing.assert_allclose(seen.logits, linear, atol=1e-4)
    assert (seen.features.shape[-1], seen.what.shape[-1]) == model.channels == (48, 12)


def test_bytes_are_floats():
    model, pixels = random_weights(make_model()), RANDOM.integers(0, 256, IMAGES.shape).astype("uint8")
    np.testing.assert_allclose(model(pixels), model(pixels.astype("float32") / 255), atol=1e-5)
    other = random_weights(make_model(pixel_mean=(0.5, 0.4, 0.3), pixel_stddev=(0.2, 0.3, 0.4)))
    other.set_weights(model.get_weights())
    mild = 0.5 * IMAGES + 0.25  # so that what is like it lies in 0 to 1 too
    like = (mild - (0.5, 0.4, 0.3)) / (0.2, 0.3, 0.4) * 0.225 + 0.45
    np.testing.assert_allclose(other(mild), model(like.astype("float32")), atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_it_is_a_keras_classifier(dtype, tmp_path):
    model = make_model(blocks=(1,), filters=(8,), strides=(2,), receptive_field=5, dtype=dtype)
    model.compile("sgd")
    model.optimizer.build(model.trainable_variables)  # or the step is traced twice
    history = model.fit(IMAGES, LABELS, batch_size=3, epochs=2, validation_data=(IMAGES, LABELS), verbose=0).history
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(history)
    assert np.all(np.isfinite(history["loss"]))
    expected, tolerance = model.predict(IMAGES, verbose=0), 1e-4 if dtype == "float32" else 0.1
    assert expected.dtype == np.float32
    np.testing.assert_allclose(tf.function(model, jit_compile=True)(IMAGES), expected, atol=tolerance)
    model.save(tmp_path / "bagnet.keras")
    loaded = keras.saving.load_model(tmp_path / "bagnet.keras")
    np.testing.assert_array_equal(loaded.predict(IMAGES, verbose=0), expected)
    assert loaded.optimizer.built
    model.export(tmp_path / "saved", verbose=False, input_signature=[tf.TensorSpec([None, *IMAGES.shape[1:]])])
    saved = tf.saved_model.load(str(tmp_path / "saved"))
    np.testing.assert_allclose(saved.serve(IMAGES), expected, atol=tolerance)


MISTAKES = {
    "no BagNet of these groups has receptive_field=10; near it are 7, 9, 11, 13": {"receptive_field": 10},
    "make a receptive field of 5 pixels": {"wide_blocks": (1, 0)},
    "one number a group, at most its blocks": {"wide_blocks": (1, 3), "receptive_field": None},
    "equally many blocks, filters and strides": {"filters": (8,)},
    "a width above zero": {"width": 0},
}


@pytest.mark.parametrize("words", MISTAKES)
def test_mistakes_are_told(words):
    with pytest.raises(UserError, match=words):
        BagNet(3, **{**SMALL, **MISTAKES[words]})


def test_images_that_do_not_fit():
    for shape in ((8, 20, 3), (None, 20, 3)):
        with pytest.raises(UserError, match="images of a known size, at least 9x9 pixels"):
            BagNet(3, **SMALL).build((None, *shape))
    with pytest.raises(UserError, match="at least 9x9 pixels"):
        make_model()(IMAGES[:, :8, :8])
    for grey in (lambda: make_model()(IMAGES[..., :1]), lambda: BagNet(3, pixel_mean=[0.4, 0.5, 0.4], **SMALL)(IMAGES[..., :1])):
        with pytest.raises(UserError, match="images of 3 channels, as its weights or pixel_mean. Received: 1"):
            grey()
    with pytest.raises(UserError, match=r"from_logits=True"):
        make_model().compile(loss="sparse_categorical_crossentropy")


def test_bad_arrays_are_told_before_training():
    model = make_model()
    model.compile()
    with pytest.raises(UserError, match="0 to 1"):
        model.fit(255 * IMAGES, LABELS)
    with pytest.raises(UserError, match="0 to 2"):
        model.evaluate(IMAGES, LABELS + 1)
    with pytest.raises(UserError, match="rank 4"):
        model.predict(IMAGES[0])
