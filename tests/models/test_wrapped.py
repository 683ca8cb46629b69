"""A model around another: everything that it does not change is the other's, through any number of them."""

import keras
import numpy as np
import pytest
from checks import assert_trajectories_close
from tiny_model import ACTIONS, IMAGES, LABELS, looked, make_model

import tf_glimpse
from tf_glimpse import RAM, AdaptiveModel, losses
from tf_glimpse.models import HiddenStateVAE, ReconstructingModel, Saccader
from tf_glimpse.models.wrapped import WrappedModel
from tf_glimpse.types import UserError

BAGNET = {"receptive_field": 5, "blocks": (1,), "filters": (8,), "strides": (4,), "stem_filters": 8}


@keras.saving.register_keras_serializable("tests")
class Negated(WrappedModel):
    """Answers the opposite of another model, and learns to."""

    def rollout(self, inputs, training, sample, seed):
        trajectory, states = self.model(inputs, training=training, sample=sample, seed=seed, return_states=True)
        return trajectory._replace(logits=-trajectory.logits), states


@pytest.fixture
def inner():
    return make_model(first_location="centre", core="lstm")


def test_what_is_not_changed_is_the_other_s(inner):
    model = Negated(Negated(inner))
    model.build((None, *IMAGES.shape[1:]))
    assert model.innermost() is inner is model.model.innermost() and inner.innermost() is inner
    assert model.policy_part is inner.cell.location and model.retina is inner.retina
    assert model.task is inner.task and (model.num_classes, model.class_names) == (3, None)
    assert model.seed == inner.seed and Negated(inner, seed=9).seed == 9
    for name in ("num_glimpses", "patch_size", "num_scales", "image_shape", "input_range", "has_baseline"):
        assert getattr(model, name) == getattr(inner, name), name
    assert model.compute_output_shape((None, 14, 14, 1)) == inner.compute_output_shape((None, 14, 14, 1))
    assert model.default_terms() == losses.TRIES == inner.default_terms()
    assert_trajectories_close(model(IMAGES), inner(IMAGES), atol=0)
    given = {"images": IMAGES, "actions": ACTIONS}
    np.testing.assert_array_equal(Negated(inner)(given).locations, inner(given).locations)


def test_a_model_that_was_not_built_is_built_with_it():
    inner = RAM(3, patch_size=4, num_glimpses=2, units=8)
    model = Negated(inner)
    assert not inner.built and model.image_shape is None
    model(IMAGES)
    assert inner.built and model.image_shape == inner.image_shape == (14, 14, 1)


def test_it_tries_places_as_the_other_does(inner):
    """The places are the other's, and so are the answers: what is tried is not negated, as it asks the other."""
    model = Negated(inner)
    model.compile("sgd", terms=["look_ahead", "hindsight", "anytime"], sample=False, run_eagerly=True)
    trajectory, states = inner(IMAGES, return_states=True)
    own = model.try_places(IMAGES, trajectory, states, 2, (1, 2), anywhere=2)
    for found, expected in zip(own, inner.try_places(IMAGES, trajectory, states, 2, (1, 2), anywhere=2), strict=True):
        np.testing.assert_array_equal(found, expected)
    terms, _ = model.loss_terms(looked(model, training=False))
    assert {"look_ahead", "hindsight"} <= set(terms)
    before = inner.cell.location.get_weights()
    assert np.isfinite(model.fit(IMAGES, LABELS, verbose=0).history["loss"][0])
    assert any(np.any(new != old) for new, old in zip(inner.cell.location.get_weights(), before, strict=True))


def test_it_cannot_do_what_the_other_cannot():
    saccader = Saccader(3, BAGNET, num_glimpses=2, mixed_channels=8)
    model = Negated(saccader)
    assert not hasattr(model, "try_places") and not hasattr(model, "score_place") and not model.has_baseline
    assert [term.name for term in losses.get_terms(model.default_terms())] == ["reinforce", "supervision"]
    for term in ("look_ahead", "hindsight", "guidance"):
        with pytest.raises(UserError, match="a Negated cannot learn by"):
            model.compile(terms=[term])
    with pytest.raises(UserError, match="model expects an AttentionModel"):
        Negated(keras.Sequential())


def test_it_learns_and_is_saved_with_the_other_inside(inner, tmp_path):
    model = Negated(inner)
    model.compile(keras.optimizers.Adam(0.02), run_eagerly=True)
    history = model.fit(IMAGES, LABELS, epochs=12, verbose=0).history
    assert history["cross_entropy"][-1] < history["cross_entropy"][0]
    model.save(tmp_path / "model.keras")
    loaded = tf_glimpse.load_model(tmp_path / "model.keras")
    assert type(loaded) is Negated and type(loaded.model) is RAM
    assert_trajectories_close(loaded.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0), atol=0)
    assert [term.name for term in loaded.terms] == list(losses.TRIES)


def test_the_package_s_own_stand_around_each_other():
    """A stopping head around a model that is trained together with an autoencoder."""
    inner = make_model(first_location="centre")
    joint = ReconstructingModel(inner, HiddenStateVAE((14, 14, 1), latent_size=2, units=8))
    adaptive = AdaptiveModel(joint, stopping_units=4)
    assert adaptive.innermost() is inner and joint.innermost() is inner
    assert adaptive.policy_part is inner.cell.location
    assert_trajectories_close(adaptive(IMAGES), inner(IMAGES), atol=1e-6)
    assert adaptive.predict_adaptive(IMAGES, 2.0).num_glimpses.tolist() == [1] * 12
    adaptive.compile(run_eagerly=True)
    assert adaptive.terms == () and set(adaptive.fit(IMAGES, LABELS, verbose=0).history) >= {"loss", "accuracy"}
