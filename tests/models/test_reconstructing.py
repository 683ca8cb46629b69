"""Training a model together with the autoencoder of its states: what flows back, what does not, and saving."""

import json

import keras
import numpy as np
import pytest
from checks import assert_trajectories_close

from tf_glimpse import RAM
from tf_glimpse.datasets import load, train_batches
from tf_glimpse.losses import PAPER
from tf_glimpse.models import HiddenStateVAE, ReconstructingModel, Saccader
from tf_glimpse.types import UserError

SHAPE = (60, 60, 1)
OPTIMIZER = {"class_name": "SGD", "config": {"learning_rate": 0.01}}


def small_model():
    model = RAM(10, patch_size=12, num_scales=3, num_glimpses=2, units=16, first_location="centre", seed=0)
    model.build((None, *SHAPE))
    return model


@pytest.fixture(scope="module")
def digits():
    return load("digits_canvas")


@pytest.fixture(scope="module")
def start():
    return small_model().get_weights()


def trained(model, data, start, clean=True, rollouts=1):
    """The inner model's weights after three steps from the same start."""
    inner = getattr(model, "model", model)
    inner.set_weights(start)
    terms = {**PAPER, "look_ahead": {"weight": 0.1}, "anytime": {"weight": 0.5}}
    model.compile(keras.optimizers.deserialize(OPTIMIZER), terms=terms, rollouts=rollouts)
    batches = train_batches(data, 16, seed=0, epochs=1, clean=clean).take(3)
    history = model.fit(batches, verbose=0, shuffle=False).history
    return inner.get_weights(), history


def joint_model(state_weight, **settings):
    return ReconstructingModel(small_model(), HiddenStateVAE(SHAPE, latent_size=4, units=8), state_weight, **settings)


def test_without_weight_the_model_learns_as_if_alone(digits, start):
    alone, history = trained(small_model(), digits, start, clean=False)
    joint = joint_model(0.0)
    decoder = joint.vae.get_weights()
    beside, joint_history = trained(joint, digits, start)
    for weight, other in zip(beside, alone, strict=True):
        np.testing.assert_allclose(weight, other, atol=1e-6)
    assert joint_history["cross_entropy"] == pytest.approx(history["cross_entropy"], rel=1e-4)
    assert any((old != new).any() for old, new in zip(decoder, joint.vae.get_weights(), strict=True))  # the autoencoder does learn
    assert joint_history["loss"][0] == pytest.approx(history["loss"][0] + joint_history["reconstruction"][0], rel=1e-4)


def test_with_weight_the_states_learn_for_the_picture(digits, start, tmp_path):
    alone, _ = trained(joint_model(0.0), digits, start, rollouts=2)
    joint = joint_model(1e-2)
    assert any(
        np.abs(weight - other).max() > 1e-5 for weight, other in zip(trained(joint, digits, start, rollouts=2)[0], alone, strict=True)
    )
    images = digits.validation.fetch(np.arange(4)).numpy()
    expected = joint.predict(images, verbose=0)
    assert_trajectories_close(joint.model.predict(images, verbose=0), expected, atol=1e-6)
    joint.save(tmp_path / "joint.keras")
    loaded = keras.saving.load_model(tmp_path / "joint.keras")
    assert_trajectories_close(loaded.predict(images, verbose=0), expected, atol=0)
    np.testing.assert_array_equal(loaded.vae(expected.hidden).logits, joint.vae(expected.hidden).logits)
    assert json.loads(json.dumps(loaded.get_config())) == json.loads(json.dumps(joint.get_config()))
    assert 0 <= joint.evaluate(images, np.arange(4), verbose=0, return_dict=True)["accuracy"] <= 1


def test_mistakes_are_told(digits):
    with pytest.raises(UserError, match="state_weight of at least 0"):
        joint_model(-1.0)
    with pytest.raises(UserError, match=r"autoencoder of images \(60, 60, 1\)"):
        ReconstructingModel(small_model(), HiddenStateVAE((28, 28, 1)))
    saccader = Saccader(3, {"receptive_field": 5, "blocks": [1], "filters": [8], "strides": [4], "stem_filters": 8}, num_glimpses=2)
    with pytest.raises(UserError, match="such as a RAM.* Received: a Saccader"):
        ReconstructingModel(saccader, HiddenStateVAE((60, 60, 1)))
    joint = joint_model(1.0)
    joint.compile()
    with pytest.raises(UserError, match="clean=True"):
        joint.fit(train_batches(digits, 8, seed=0, epochs=1).take(1), verbose=0, shuffle=False)


def test_half_precision_is_the_models_and_scales_the_loss():
    model = RAM(3, patch_size=4, num_glimpses=2, units=8, dtype="mixed_float16", num_scales=1)
    model.build((None, 12, 12, 1))
    joint = ReconstructingModel(model, HiddenStateVAE((12, 12, 1), units=8))
    joint.compile("adam")
    assert isinstance(joint.optimizer, keras.optimizers.LossScaleOptimizer)
