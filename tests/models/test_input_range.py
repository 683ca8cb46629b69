"""Float images of another range than 0-1, where the model declares it: the same answers, pictures and files as of 0-1."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_model import IMAGES, LABELS

import tf_glimpse
from tf_glimpse import RAM, Retina, Saccader, explain
from tf_glimpse.explain import draw_glimpses, figure_to_array, foveate
from tf_glimpse.export.signatures import signatures
from tf_glimpse.types import UserError

RANGES = {"bytes": (0, 255), "signed": (-1, 1)}
BYTES = np.round(IMAGES * 255).astype(np.uint8)
UNIT = (BYTES / 255.0).astype(np.float32)
LOCATIONS = np.random.default_rng(1).uniform(-1.2, 1.2, [12, 2]).clip(-1, 1).astype("float32")


def scaled(images, input_range):
    black, white = input_range
    return (images * (white - black) + black).astype("float32")


@pytest.fixture(scope="module", params=RANGES)
def pair(request):
    """A model of 0-1 and one of the same weights that declares a range, and that range."""
    keras.utils.set_random_seed(0)
    settings = {"patch_size": 4, "num_scales": 2, "num_glimpses": 2, "units": 8, "seed": 0}
    plain, other = RAM(3, **settings), RAM(3, **settings, input_range=RANGES[request.param])
    for model in (plain, other):
        model.build((None, 14, 14, 1))
        model.compile(run_eagerly=True)
    other.set_weights(plain.get_weights())
    return plain, other, RANGES[request.param]


def assert_same(found, expected, atol=1e-5):
    for name, value in expected._asdict().items():
        np.testing.assert_allclose(getattr(found, name), value, atol=atol, err_msg=name)


@pytest.mark.parametrize("input_range", RANGES.values(), ids=RANGES)
@pytest.mark.parametrize(("settings", "looks"), [((5, 1), 1), ((5, 3), 1), ((5, 3), 100), ((5, 3, True), 1)], ids=str)
def test_the_retina_shows_the_same_patches(settings, looks, input_range):
    """Read directly, from box means and from a pyramid; at the border too, where what lies outside is black."""
    plain, other = Retina(*settings), Retina(*settings, input_range=input_range)
    unit, images = tf.constant(UNIT), tf.constant(scaled(UNIT, input_range))
    expected = plain.look(plain.prepare(unit, looks), LOCATIONS)
    for given in (images, tf.constant(BYTES)):
        for jit_compile in (None, True):
            look = lambda pixels: other.look(other.prepare(pixels, looks), LOCATIONS)  # noqa: E731
            look = look if jit_compile is None else tf.function(look, jit_compile=True)
            np.testing.assert_allclose(look(given), expected, atol=1e-5)
    for scale in range(plain.num_scales):
        blank = plain.look(plain.without(plain.prepare(unit, looks), scale), LOCATIONS)
        np.testing.assert_allclose(other.look(other.without(other.prepare(images, looks), scale), LOCATIONS), blank, atol=1e-5)
        assert np.abs(blank[..., scale]).max() == 0
    np.testing.assert_allclose(foveate(images[0], LOCATIONS[0], other), foveate(UNIT[0], LOCATIONS[0], plain), atol=1e-5)


def test_answers_training_and_files_are_those_of_the_same_pixels(pair, tmp_path):
    plain, other, input_range = pair
    images = scaled(UNIT, input_range)
    for given in (images, BYTES, tf.constant(images)):
        assert_same(other(given), plain(UNIT))
    assert_same(other.predict(tf.data.Dataset.from_tensor_slices(images).batch(5), verbose=0), plain(UNIT))
    assert other.classify(images).names == plain.classify(UNIT).names
    losses = [model.evaluate(data, LABELS, verbose=0) for model, data in ((plain, UNIT), (other, images))]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    other.save(tmp_path / "model.keras")
    loaded = tf_glimpse.load_model(tmp_path / "model.keras")
    assert loaded.input_range == tuple(map(float, input_range))
    assert_same(loaded(images), plain(UNIT))
    with pytest.raises(UserError, match=f"must lie in {input_range[0]} to {input_range[1]}, got"):
        other.predict(images * 3, verbose=0)


def test_exported_signatures_answer_the_same(pair):
    plain, other, input_range = pair
    expected, found = signatures(plain), signatures(other)
    for name, given, same in (("float", UNIT, scaled(UNIT, input_range)), ("uint8", BYTES, BYTES)):
        answers = [functions[name][0](tf.constant(data)) for functions, data in ((expected, given), (found, same))]
        np.testing.assert_allclose(answers[1]["scores"], answers[0]["scores"], atol=1e-5)
    png = tf.stack([tf.io.encode_png(image) for image in BYTES[:2]])
    np.testing.assert_allclose(found["bytes"][0](png)["scores"], expected["bytes"][0](png)["scores"], atol=1e-5)


def test_pictures_and_reports_are_the_same(pair):
    plain, other, input_range = pair
    images = scaled(UNIT, input_range)
    drawn = [figure_to_array(draw_glimpses(data[:2], m(data[:2]), m.retina)) for m, data in ((plain, UNIT), (other, images))]
    assert np.abs(drawn[0].astype(int) - drawn[1]).max() <= 2
    found, expected = explain.explain_images(other, images[:2]), explain.explain_images(plain, UNIT[:2])
    for name in ("images", "views", "shares", "attribution", "scale_worth"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-4, err_msg=name)
    np.testing.assert_allclose(found.faithfulness, expected.faithfulness, atol=1e-4)


def test_a_saccader_takes_its_bagnets_range():
    settings = {"wide_blocks": (1,), "blocks": (1,), "filters": (4,), "strides": (1,), "stem_filters": 4}
    models = [Saccader(3, {**settings, **extra}, num_glimpses=2, mixed_channels=4) for extra in ({}, {"input_range": (0, 255)})]
    for model in models:
        model.build((None, 14, 14, 1))
    models[1].set_weights(models[0].get_weights())
    assert_same(models[1](UNIT * 255), models[0](UNIT), atol=1e-4)
    assert models[1].input_range == models[1].retina.input_range == (0.0, 255.0)
    assert_same(models[1].with_glimpses(2)(UNIT * 255), models[0](UNIT), atol=1e-4)


def test_a_file_from_before_ranges_means_0_to_1():
    config = RAM(3, patch_size=4, num_scales=1).get_config()
    del config["input_range"]
    assert RAM.from_config(config).input_range == (0.0, 1.0)


@pytest.mark.parametrize("wrong", [(1, 0), (0, 0), 255, (0, 1, 2), "01", (0, float("inf")), (float("nan"), 1), None])
def test_no_range(wrong):
    with pytest.raises(UserError, match=r"input_range expects \(black, white\) of float images"):
        RAM(3, input_range=wrong, num_scales=1)
