"""A RAM in a Functional, a subclassed and a Sequential model of stock Keras: its policy learns, or it is told that it does not."""

import contextlib
import warnings

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

import tf_glimpse
from tf_glimpse import RAM, FinalLogits, losses
from tf_glimpse.types import UserError

DIGITS = load_digits()
IMAGES = np.round(DIGITS.images[:256, :, :, None] * (255 / 16)).astype("uint8")
LABELS = DIGITS.target[:256].astype("int32")
BOTH = {"images": IMAGES, "labels": LABELS}
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def make_ram():
    keras.utils.set_random_seed(0)
    settings = {"num_scales": 1, "encoder": "dense", "core": "rectified", "units": 32, "first_location": "random"}
    return RAM(10, patch_size=4, num_glimpses=3, seed=1, **settings)


def functional(ram, labelled=True):
    images, labels = keras.Input([8, 8, 1], dtype="uint8", name="images"), keras.Input([], dtype="int32", name="labels")
    inputs = {"images": images, "labels": labels} if labelled else images
    model = keras.Model(inputs, keras.layers.Dense(10)(ram(inputs).logits[:, -1]))
    model.compile("adam", LOSS)
    return model


@keras.saving.register_keras_serializable("tests")
class Around(keras.Model):
    def __init__(self, ram, **kwargs):
        super().__init__(**kwargs)
        self.ram = ram
        self.head = keras.layers.Dense(10)

    def call(self, inputs, training=None):
        return self.head(self.ram(inputs).logits[:, -1])

    def get_config(self):
        return {"name": self.name, "ram": keras.saving.serialize_keras_object(self.ram)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "ram": keras.saving.deserialize_keras_object(config["ram"])})


class Untold(Around):
    """Without `training`, as Keras allows, but then no layer learns that it is being trained."""

    def call(self, inputs):
        return self.head(self.ram(inputs).logits[:, -1])


def subclassed(ram, kind=Around):
    model = kind(ram)
    model.compile("adam", LOSS)
    return model


def policy_moved(model, ram, inputs):
    """By how much fit changes the policy's weights at most."""
    model({name: values[:2] for name, values in inputs.items()} if isinstance(inputs, dict) else inputs[:2])
    before = [weight.numpy() for weight in ram.cell.location.weights]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Gradients do not exist")  # Keras' own, of what does not learn
        model.fit(inputs, LABELS, batch_size=128, verbose=0)
    return max(np.abs(weight.numpy() - old).max() for weight, old in zip(ram.cell.location.weights, before, strict=True))


@pytest.mark.parametrize("make", [functional, pytest.param(subclassed, marks=pytest.mark.slow)])
def test_with_labels_the_policy_learns_and_the_whole_is_saved(make, tmp_path):
    ram = make_ram()
    model = make(ram)
    assert policy_moved(model, ram, BOTH) > 1e-4
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(BOTH, verbose=0), model.predict(BOTH, verbose=0), atol=1e-5)
    loaded.train_on_batch(BOTH, LABELS)


def test_the_policy_learns_what_pays():
    """The reward that the RAM was compiled with is for looking at the image's upper half."""
    ram = make_ram()
    upwards = losses.Reinforce(1.0, reward=lambda trajectory, labels: -trajectory.locations[..., 0])
    ram.compile(terms=[upwards, losses.Baseline()])
    model = functional(ram)
    before = ram(IMAGES).locations.numpy()[:, 1:, 0].mean()
    model.optimizer.learning_rate = 3e-3
    model.fit(BOTH, LABELS, batch_size=32, epochs=6, verbose=0)
    assert ram(IMAGES).locations.numpy()[:, 1:, 0].mean() < before - 0.3


@pytest.mark.parametrize("make", [lambda ram: functional(ram, labelled=False), subclassed, lambda ram: subclassed(ram, Untold)])
def test_what_cannot_learn_is_told_once_and_not_of_a_frozen_policy(make):
    for frozen in (False, True):
        ram = make_ram()
        ram.build((None, 8, 8, 1))
        ram.trainable = not frozen
        model = make(ram)
        words = "the policy of ram.* learns nothing inside this other model"
        told = contextlib.nullcontext() if frozen else pytest.warns(UserWarning, match=words)
        with told as caught:
            assert policy_moved(model, ram, IMAGES) == 0
        assert frozen or len([warning for warning in caught if "learns nothing" in str(warning.message)]) == 1


def test_every_step_draws_other_places():
    ram = make_ram()
    model, seen = functional(ram), []

    def watching(trajectory, labels):
        seen.append(trajectory.locations)
        return 0 * trajectory.log_probs

    ram.compile(terms=[losses.Reinforce(reward=watching, baseline=None)])
    model.compile("adam", LOSS, run_eagerly=True)
    model.fit(BOTH, LABELS, batch_size=128, shuffle=False, verbose=0)
    first, second = seen[: len(seen) // 2], seen[len(seen) // 2 :]  # of two steps, each of which may ask for the reward more than once
    assert len(first) == len(second) > 0
    assert all(np.array_equal(again, first[0]) for again in first) and all(np.array_equal(again, second[0]) for again in second)
    assert np.abs(first[0].numpy()[:, 0] - second[0].numpy()[:, 0]).max() > 0.1


def test_a_sequential_model_is_told_what_to_hold():
    for layers in ([make_ram()], [make_ram(), keras.layers.Dense(10)], [keras.Input([8, 8, 1]), make_ram()]):
        with pytest.raises(UserError, match=r"expects: put tf_glimpse\.FinalLogits\(model\) there"):
            model = keras.Sequential(layers)
            model.compile("adam", LOSS)
            model.fit(IMAGES, LABELS, verbose=0)


def test_a_sequential_model_of_final_logits_answers_and_is_saved(tmp_path):
    ram = make_ram()
    ram.build((None, 8, 8, 1))
    ram.trainable = False
    model = keras.Sequential([FinalLogits(ram), keras.layers.Dense(10)])
    model.compile("adam", LOSS, metrics=["accuracy"])
    history = model.fit(IMAGES, LABELS, epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
    np.testing.assert_allclose(FinalLogits(ram)(IMAGES), ram(IMAGES).logits[:, -1], atol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = tf_glimpse.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0), atol=1e-5)
    with pytest.raises(UserError, match="FinalLogits expects an AttentionModel"):
        FinalLogits(keras.layers.Dense(3))
