import keras
import numpy as np
import pytest

from tf_glimpse.models import GlimpsePosterior, load_model
from tf_glimpse.types import UserError

OBSERVATIONS = np.random.default_rng(0).random([3, 12, 10, 2]).astype("float32")


def test_it_is_saved_and_loaded(tmp_path):
    model = GlimpsePosterior(5, filters=(4, 8), units=16)
    logits = model(OBSERVATIONS)
    assert logits.shape == (3, 5)
    model.save(tmp_path / "posterior.keras")
    loaded = load_model(tmp_path / "posterior.keras")
    np.testing.assert_allclose(loaded(OBSERVATIONS), logits, atol=1e-6)
    assert loaded.get_config() == model.get_config()


def test_it_learns_by_fit():
    model = GlimpsePosterior(2, filters=(4,), units=8)
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    images = np.repeat(OBSERVATIONS[:2], 8, axis=0)
    losses = model.fit(images, np.repeat([0, 1], 8), epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("options", [{"num_classes": 1}, {"num_classes": 3, "filters": ()}])
def test_mistakes_are_told(options):
    with pytest.raises(UserError, match="num_classes expects a whole number of at least 2|filters expects a tuple"):
        GlimpsePosterior(**options)
