"""Adaptive stopping: the head learns the gain, finished images leave the batch, an image's answer is its own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_model import IMAGES, LABELS, make_model

from tf_glimpse.export import export_model
from tf_glimpse.models import RAM, AdaptiveModel, HiddenStateVAE, ReconstructingModel, Saccader
from tf_glimpse.models.adaptive_looks import has_looks
from tf_glimpse.server.servable import Servable
from tf_glimpse.types import UserError


def make_adaptive(images=IMAGES, **kwargs):
    return AdaptiveModel(make_model(**kwargs), stopping_units=8)


def by_hand(model, images, thresholds, most):
    """`(logits, num_glimpses)` from whole trajectories."""
    trajectory = model.predict(images, verbose=0)
    gains = model.stopping(trajectory.logits).numpy()
    stops = gains < np.reshape(thresholds, [-1, 1])
    stops[:, most - 1 :] = True
    last = np.argmax(stops, axis=1)
    return trajectory.logits[np.arange(len(images)), last], last + 1


SACCADER = {"receptive_field": 9, "width": 0.125, "blocks": (1, 1, 1, 1), "filters": (8, 8, 16, 16), "stem_filters": 8}


def saccader():
    model = Saccader(3, bagnet=SACCADER, num_glimpses=3, mixed_channels=8, seed=1)
    model(np.zeros([1, 33, 33, 1], "float32"))
    return AdaptiveModel(model, stopping_units=8)


VARIANTS = {
    "rectified": make_adaptive,
    "lstm, learned first place": lambda: make_adaptive(core="lstm", first_location="learned"),
    "gru, pooled scales, categorical": lambda: make_adaptive(core="gru", num_scales=3, location="categorical"),
    "half precision": lambda: make_adaptive(dtype="mixed_bfloat16"),
    "saccader": saccader,
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_stopping_early_is_the_trajectory_cut_short(variant):
    model = VARIANTS[variant]()
    images = np.random.default_rng(3).random([12, *model.image_shape]).astype("float32")
    atol = 2e-2 if "half" in variant else 1e-5
    gains = model.stopping(model.predict(images, verbose=0).logits).numpy()
    thresholds = np.quantile(gains, np.linspace(0.2, 0.8, 12)).astype("float32")
    for threshold, most in ((thresholds, 3), (-1.0, 2), (2.0, 3), (float(np.median(gains)), 3)):
        prediction = model.predict_adaptive(images, threshold, most)
        logits, num_glimpses = by_hand(model, images, threshold, most)
        clear = np.abs(gains - np.reshape(threshold, [-1, 1])).min(axis=1) > atol
        np.testing.assert_array_equal(prediction.num_glimpses[clear], num_glimpses[clear])
        np.testing.assert_allclose(prediction.logits[clear], logits[clear], atol=atol)
    assert 1 < model.predict_adaptive(images, thresholds).num_glimpses.mean() < 3


def test_an_image_alone_is_answered_as_in_a_batch():
    model = make_adaptive(core="gru", num_scales=3)
    threshold = float(np.median(model.stopping(model.predict(IMAGES, verbose=0).logits)))
    together = model.predict_adaptive(IMAGES, threshold)
    assert len(set(together.num_glimpses)) > 1
    for batch_size in (1, 5):
        for field, expected, found in zip(
            together._fields, together, model.predict_adaptive(IMAGES, threshold, batch_size=batch_size), strict=True
        ):
            np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=field)


def test_what_comes_after_the_last_look_is_zero():
    prediction = make_adaptive().predict_adaptive(IMAGES, np.linspace(-0.5, 0.5, 12))
    for row, count in enumerate(prediction.num_glimpses):
        assert np.all(prediction.locations[row, count:] == 0)
        assert np.all(prediction.gains[row, count:] == 0)
        assert np.all(prediction.gains[row, : count - 1] >= np.linspace(-0.5, 0.5, 12)[row])


def test_finished_images_cost_nothing_more():
    model, seen = make_adaptive(), []
    look = model.model.cell.encoder.call
    model.model.cell.encoder.call = lambda patches, locations: (seen.append(int(patches.shape[0])), look(patches, locations))[1]
    gains = model.stopping(model.predict(IMAGES, verbose=0).logits).numpy()
    seen.clear()
    thresholds = np.where(np.arange(12) < 5, 2.0, -2.0).astype("float32")
    model.adapt(tf.constant(IMAGES), tf.constant(thresholds), tf.constant(3))
    assert gains.shape == (12, 3)
    assert seen == [12, 7, 7]


def test_fit_trains_the_head_alone_and_it_learns_which_images_gain():
    ram = make_model()
    model = AdaptiveModel(ram, stopping_units=16)
    model.compile(keras.optimizers.Adam(0.1))
    before, loss = ram.get_weights(), model.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)["loss"]
    history = model.fit(IMAGES, LABELS, batch_size=12, epochs=25, validation_data=(IMAGES, LABELS), verbose=0).history
    for old, new in zip(before, ram.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert history["val_loss"][-1] < loss / 2
    assert history["val_accuracy"][-1] == ram.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)["accuracy"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ram", "saccader"])
def test_a_server_answers_each_row_by_its_own_threshold(kind, tmp_path):
    model = make_adaptive() if kind == "ram" else saccader()
    export_model(model, tmp_path, warm_up_batch_sizes=(1,))
    images = np.random.default_rng(0).integers(0, 256, [12, *model.image_shape]).astype("uint8")
    files = np.array([tf.io.encode_png(image).numpy() for image in images], object)
    gains = model.stopping(model.predict(images, verbose=0).logits).numpy()
    thresholds = np.quantile(gains, np.linspace(0.1, 0.9, 12)).astype("float32") + 1e-5
    servable = Servable(tmp_path, "model")
    assert servable.dtypes("adaptive") == {"image_bytes": object, "threshold": np.float32}
    together = servable.run("adaptive", {"image_bytes": files, "threshold": thresholds})
    expected = model.predict_adaptive(images, thresholds)
    np.testing.assert_array_equal(together["num_glimpses"], expected.num_glimpses)
    np.testing.assert_allclose(together["scores"], tf.nn.softmax(expected.logits), atol=1e-5)
    np.testing.assert_allclose(together["locations"], expected.locations, atol=1e-5)
    alone = servable.run("adaptive", {"image_bytes": files[3:4], "threshold": thresholds[3:4]})
    assert all(np.allclose(alone[name][0], together[name][3], atol=1e-5) for name in ("scores", "locations", "num_glimpses"))


def test_a_stopping_head_on_models_of_other_kinds():
    ram = make_model()
    joint = AdaptiveModel(ReconstructingModel(ram, HiddenStateVAE(IMAGES.shape[1:], units=8)), stopping_units=8)
    plain = AdaptiveModel(ram, stopping_units=8)
    plain.stopping.set_weights(joint.stopping.get_weights())
    np.testing.assert_array_equal(joint.predict_adaptive(IMAGES, 0.1).logits, plain.predict_adaptive(IMAGES, 0.1).logits)
    assert not has_looks(keras.Sequential([]))


MISTAKES = {
    "NaN threshold": ({"threshold": float("nan")}, "finite numbers"),
    "text": ({"threshold": "often"}, "threshold expects a number"),
    "wrong number": ({"threshold": [0.1, 0.2]}, "one for each of 12 images"),
    "no looks": ({"threshold": 0.1, "max_glimpses": 0}, "max_glimpses expects 1 to 3"),
    "half a look": ({"threshold": 0.1, "max_glimpses": 2.5}, "max_glimpses expects 1 to 3"),
    "too many looks": ({"threshold": 0.1, "max_glimpses": 4}, "max_glimpses expects 1 to 3"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_bad_input_is_told(mistake):
    settings, words = MISTAKES[mistake]
    with pytest.raises(UserError, match=words):
        make_adaptive().predict_adaptive(IMAGES, **settings)


def test_images_that_no_model_takes():
    for images in (IMAGES[None], IMAGES[:0]):
        with pytest.raises(UserError, match=r"expects at least one image, \[N, H, W, C\]"):
            make_adaptive().predict_adaptive(images, 0.1)
    with pytest.raises(UserError, match="at least two looks"):
        AdaptiveModel(RAM(3, num_glimpses=1, num_scales=1))


def test_a_saccader_looks_at_images_of_another_size_than_it_was_built_for():
    model = saccader()
    height, width, channels = model.image_shape
    for more in (0, 8, 4):
        images = np.random.default_rng(0).random([3, height + more, width + more // 2, channels]).astype("float32")
        expected, found = model(images), model.predict_adaptive(images, threshold=-1.0)
        np.testing.assert_allclose(found.locations, expected.locations, atol=1e-6)
        np.testing.assert_allclose(found.logits, expected.logits[:, -1], atol=1e-5)
    model.model.build((None, *images.shape[1:]))
    with pytest.raises(UserError, match="channels"):
        model.model.build((None, height, width, channels + 1))
