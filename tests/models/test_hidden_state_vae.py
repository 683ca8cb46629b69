"""The autoencoder's loss against TensorFlow Probability and NumPy, its shapes, draws and saving."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tf_glimpse import RAM
from tf_glimpse.models.hidden_state_vae import HiddenStateVAE, vae_names
from tf_glimpse.types import UserError
from tf_glimpse.weights import PRESETS

RANDOM = np.random.default_rng(0)
HIDDEN = RANDOM.normal(size=[6, 3, 8]).astype("float32")
IMAGES = RANDOM.integers(0, 256, [6, 10, 13, 1]).astype("uint8")


@pytest.fixture(params=["dense", "conv", "placed"])
def vae(request):
    model = HiddenStateVAE((10, 13, 1), latent_size=4, units=12, decoder=request.param, kl_weight=0.5)
    model.build((None, *HIDDEN.shape[1:]))
    return model


def test_shapes_and_draws(vae):
    made = vae(HIDDEN)
    assert (made.logits.shape, made.mean.shape, made.stddev.shape) == ((6, 3, 10, 13, 1), (6, 3, 4), (6, 3, 4))
    np.testing.assert_allclose(vae(HIDDEN[:, 1]).logits[:, 0], made.logits[:, 1], atol=1e-5)
    np.testing.assert_array_equal(vae(HIDDEN).logits, made.logits)  # nothing is drawn outside of training
    drawn = vae(HIDDEN, sample=True, seed=(1, 2)).logits
    np.testing.assert_array_equal(drawn, vae(HIDDEN, sample=True, seed=(1, 2)).logits)
    assert np.abs(drawn - made.logits).max() > 1e-3
    samples = vae.sample_images(HIDDEN, 5).numpy()
    assert samples.shape == (5, 6, 3, 10, 13, 1)
    assert 0 <= samples.min() <= samples.max() <= 1
    assert samples.std(axis=0).max() > 1e-3


def test_terms_are_the_negative_elbo(vae):
    made = vae(HIDDEN)
    cross_entropy, kl = vae.terms(IMAGES, made)
    pixels = (IMAGES / 255.0)[:, None]
    shares = 1 / (1 + np.exp(-made.logits.numpy().astype("float64")))
    expected = -(pixels * np.log(shares) + (1 - pixels) * np.log1p(-shares)).sum(axis=(2, 3, 4))
    np.testing.assert_allclose(cross_entropy, expected, rtol=1e-4)
    mean, variance = made.mean.numpy(), made.stddev.numpy() ** 2
    np.testing.assert_allclose(kl, 0.5 * (variance + mean**2 - 1 - np.log(variance)).sum(axis=-1), rtol=1e-4)
    assert isinstance(vae.posterior(HIDDEN), tfp.distributions.Distribution)
    weights = np.array([1, 0, 0, 2, 0, 1], "float32")
    loss = vae.compute_loss(y=IMAGES, y_pred=made, sample_weight=weights)
    np.testing.assert_allclose(loss, np.mean((cross_entropy + 0.5 * kl) * weights[:, None]), rtol=1e-4)


def test_fit_save_load(vae, tmp_path):
    vae.compile(keras.optimizers.Adam(1e-2))
    history = vae.fit(HIDDEN, IMAGES, epochs=5, batch_size=3, validation_data=(HIDDEN, IMAGES), verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert set(history) == {f"{prefix}{name}" for prefix in ("", "val_") for name in ("loss", "cross_entropy", "kl")}
    assert history["val_loss"][0] == pytest.approx(history["val_cross_entropy"][0] + 0.5 * history["val_kl"][0], rel=1e-4)
    vae.save(tmp_path / "vae.keras")
    loaded = HiddenStateVAE.from_preset(tmp_path / "vae.keras")
    np.testing.assert_array_equal(loaded(HIDDEN).logits, vae(HIDDEN).logits)
    assert json.loads(json.dumps(loaded.get_config())) == json.loads(json.dumps(vae.get_config()))
    np.testing.assert_array_equal(vae.predict(HIDDEN, verbose=0).mean, vae(HIDDEN).mean)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_training_takes_as_many_looks_as_it_is_told(jit_compile):
    vae = HiddenStateVAE((10, 13, 1), latent_size=2, units=4, training_looks=2)
    step = tf.function(lambda hidden: vae(hidden, training=True).mean, jit_compile=jit_compile)
    vae.build((None, *HIDDEN.shape[1:]))
    every = vae(HIDDEN).mean.numpy()
    seen = set()
    for _ in range(12):
        some = step(HIDDEN).numpy()
        assert some.shape == (6, 2, 2)
        match = np.abs(some[:, :, None] - every[:, None]).max(axis=(0, 3))
        seen |= {tuple(row.argmin() for row in match)}
        assert match.min(axis=1).max() < 1e-5
    assert len(seen) > 2


def test_mistakes_are_told():
    with pytest.raises(UserError, match="dense, conv.*decoder='deep'"):
        HiddenStateVAE((8, 8, 1), decoder="deep")
    with pytest.raises(UserError, match=r"image_shape=\(8, 8\)"):
        HiddenStateVAE((8, 8))
    with pytest.raises(UserError, match=r"states \[B, T, U\]"):
        HiddenStateVAE((8, 8, 1)).build((None, 2, 3, 4))
    with pytest.raises(UserError, match="There are: .*ram_mnist_paper"):
        HiddenStateVAE.from_preset("ram_mnist_papier")
    with pytest.raises(UserError, match="holds a RAM, which is no HiddenStateVAE"):
        HiddenStateVAE.from_preset(PRESETS / "ram_digits.keras")


@pytest.mark.parametrize("name", vae_names())
def test_what_ships_fits_its_preset_and_its_card(name):
    vae, model = HiddenStateVAE.from_preset(name), RAM.from_preset(name)
    assert vae.image_shape == model.image_shape
    assert not vae.compiled  # the optimiser's slots would make the file three times the size
    made = vae.reconstruct(model(np.zeros([1, *model.image_shape], np.uint8)).hidden)
    assert made.shape == (1, model.num_glimpses, *model.image_shape)
    note = json.loads((PRESETS / "vae" / f"{name}.json").read_text())
    assert max(note["squared_error"]) < note["blank_error"]
    card = (PRESETS / "vae" / f"{name}.md").read_text()
    assert ", ".join(map(str, note["squared_error"])) in card
    assert f"{vae.count_params():,}" in card
