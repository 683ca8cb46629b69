import keras
import numpy as np
import pytest

from tf_glimpse.models import ImageVAE, load_model
from tf_glimpse.types import UserError

RANDOM = np.random.default_rng(0)
INPUTS = {"images": RANDOM.random([8, 8, 12, 3]).astype("float32"), "masks": (RANDOM.random([8, 8, 12, 1]) < 0.5).astype("float32")}


@pytest.mark.parametrize("conditional", [True, False])
def test_it_learns_by_fit_and_is_saved(conditional, tmp_path):
    vae = ImageVAE((8, 12, 3), latent_size=2, filters=4, units=16, conditional=conditional, seed=1)
    vae.build()
    vae.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    losses = vae.fit(INPUTS, batch_size=8, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    logits = vae(INPUTS).numpy()
    assert logits.shape == (8, 8, 12, 3)
    again = ImageVAE.from_config(vae.get_config())
    again.build()
    again.set_weights(vae.get_weights())
    again.save(tmp_path / "vae.keras")
    np.testing.assert_allclose(load_model(tmp_path / "vae.keras")(INPUTS), logits, atol=1e-5)


def test_only_a_conditional_vae_heeds_the_masks():
    for conditional in (True, False):
        vae = ImageVAE((8, 12, 3), latent_size=2, filters=4, units=16, conditional=conditional)
        outputs = [vae({**INPUTS, "masks": INPUTS["masks"] * keep}).numpy() for keep in (1, 0)]
        assert np.allclose(*outputs) != conditional


def test_odd_sizes_are_refused():
    with pytest.raises(UserError, match="multiples of 4"):
        ImageVAE((10, 8, 1))


@pytest.mark.slow
def test_it_learns_in_half_precision_too():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = ImageVAE((8, 8, 1), units=16, filters=4)
        model.compile("adam")
        images = np.random.default_rng(0).integers(0, 256, [16, 8, 8, 1]).astype("uint8")
        inputs = {"images": images, "masks": np.ones([16, 8, 8, 1], "float32")}
        assert np.isfinite(model.fit(inputs, epochs=2, verbose=0).history["loss"]).all()
    finally:
        keras.config.set_dtype_policy("float32")
