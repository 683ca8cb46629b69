"""From states to pictures: what the autoencoder learns on real digits, and what it is trained on."""

import gzip
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse import RAM
from tf_glimpse.datasets import ImageData, load
from tf_glimpse.explain import collect_states, faithfulness, fit_vae, noisy, reconstruction_curves, stress_point
from tf_glimpse.models import HiddenStateVAE
from tf_glimpse.types import UserError
from tf_glimpse.weights import PRESETS


@pytest.fixture(scope="module")
def digits():
    return RAM.from_preset("ram_digits"), load("digits_canvas")


def test_states_come_with_the_clean_images(digits):
    model, data = digits
    hidden, images = collect_states(model, data, "validation", limit=20, batch_size=8)
    assert hidden.shape == (20, 6, 256) and hidden.dtype == np.float16
    np.testing.assert_array_equal(images, data.with_clutter("validation").fetch(np.arange(20)))
    trajectory = model(data.validation.fetch(np.arange(20)))
    np.testing.assert_allclose(hidden, trajectory.hidden, rtol=1e-2, atol=1e-2)
    hidden, images = collect_states(model, data, "train", limit=30, batch_size=30)
    assert len(hidden) == len(images) == 30
    assert 300 < (images > 0).sum(axis=(1, 2, 3)).max() < 28 * 28 + 1  # one digit, no clutter


@pytest.fixture(scope="module")
def centred(digits):
    """Bare 28x28 digits in the middle, and a model whose random weights already keep what it sees."""
    bare = digits[1].train
    parts = (bare.subset(np.arange(1000)), bare.subset(np.arange(1000, 1150)))
    model = RAM(10, patch_size=12, num_glimpses=3, units=64, first_location="centre", seed=0, num_scales=1)
    model.build((None, 28, 28, 1))
    return model, ImageData("bare digits", *parts, None, 10, list("0123456789"), (28, 28, 1))


def test_it_learns_to_show_what_the_states_know(centred):
    """On validation far from the mean image; worse images, worse pictures; the model that made the states stays as it was."""
    model, data = centred
    before = model.get_weights()
    vae, history = fit_vae(model, data, epochs=12, batch_size=25, units=64, training_looks=2, learning_rate=3e-3, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    hidden, images = collect_states(model, data, "validation")
    curves = reconstruction_curves(vae, hidden, images)
    assert history["val_loss"][-1] < history["val_loss"][0]
    assert curves.squared_error[-1] < 0.85 * curves.blank_error
    np.testing.assert_allclose(curves.elbo.mean(), -min(history["val_loss"]), rtol=0.1)
    point, worse = (stress_point(model, source, data.validation, vae) for source in (data.validation, noisy(data.validation, 0.5)))
    assert point.squared_error == pytest.approx(curves.squared_error[-1], rel=1e-2)
    assert worse.squared_error > point.squared_error
    with pytest.raises(UserError, match="as many states as images"):
        reconstruction_curves(vae, hidden[:3], images)


def test_the_best_epoch_is_kept(centred):
    """A rate that wrecks the weights in the first steps: what comes back is the best epoch, wherever it was."""
    model, data = centred
    settings = {"limit": 200, "validation_limit": 50, "epochs": 4, "batch_size": 100, "units": 8, "verbose": 0}
    vae, history = fit_vae(model, data, learning_rate=30.0, **settings)
    vae.compile()
    found = vae.evaluate(*collect_states(model, data, "validation", 50), verbose=0, return_dict=True)["loss"]
    assert found == pytest.approx(min(history["val_loss"]), rel=1e-3)


def test_noise_is_the_images_own(digits):
    _, data = digits
    few = data.validation.subset(np.arange(4))
    loud = noisy(few, 0.3, seed=1)
    np.testing.assert_array_equal(loud.fetch([2, 3]), noisy(few, 0.3, seed=1).fetch([2, 3]))
    assert (loud.fetch([1]).numpy() != noisy(few, 0.3, seed=2).fetch([1]).numpy()).any()
    np.testing.assert_array_equal(noisy(few, 0.0).fetch([0, 1]), few.fetch([0, 1]))
    assert tf.reduce_any(keras.ops.not_equal(loud.fetch([0]), few.fetch([0])))


def test_the_shipped_autoencoder_is_as_good_on_mnist_as_its_card_says(manual_dir):
    images = np.frombuffer(gzip.decompress((manual_dir / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    images = images.reshape(-1, 28, 28, 1)[:1000]
    model, vae = RAM.from_preset("ram_mnist_paper"), HiddenStateVAE.from_preset("ram_mnist_paper")
    curves = reconstruction_curves(vae, model.predict(images, batch_size=250, verbose=0).hidden, images)
    note = json.loads((PRESETS / "vae" / "ram_mnist_paper.json").read_text())
    np.testing.assert_allclose(curves.squared_error, note["squared_error"], rtol=0.1)
    assert curves.squared_error[-1] < 0.6 * curves.blank_error
    found = faithfulness(model, images[:50], images[50:100])
    assert found.change == 0 and found.control_flipped > 0.5
