"""Rollouts alone teach the policy where the class is to be seen."""

import keras
import numpy as np
import tensorflow as tf
from toy_task import make_images

from tf_glimpse import RAM, losses
from tf_glimpse.models.ram import PAPER_LAYERS
from tf_glimpse.ops.coordinates import cell_centres
from tf_glimpse.policies import Random


def test_two_looks_are_learned_and_beat_random_places():
    keras.utils.set_random_seed(0)
    images, labels = make_images(2048, seed=0)
    places = ("categorical", {"grid": (4, 4), "hidden_units": 64})
    layers = {**PAPER_LAYERS, "units": 64, "first_location": "centre", "location": places}
    model = RAM(2, patch_size=4, num_glimpses=2, seed=0, **layers)
    model.compile(keras.optimizers.Adam(3e-3), rollouts=2, terms=[losses.Reinforce(1.0), losses.Baseline()])
    model.fit(images, labels, batch_size=128, epochs=8, verbose=0)
    images, labels = make_images(500, seed=1)
    own = model.evaluate(images, labels, verbose=0, return_dict=True)["accuracy"]
    places = Random(2)(images, np.arange(500), (1, 2)).numpy()
    places[:, 0] = 0
    given = {"images": images, "actions": places, "has_actions": np.ones(500, bool)}
    blind = model.evaluate(given, labels, verbose=0, return_dict=True)["accuracy"]
    assert own > 0.95
    assert blind < 0.8
    corners = tf.gather(cell_centres((4, 4)), [0, 3, 12, 15]).numpy()
    second = model.predict(images, verbose=0).locations[:, 1]
    assert np.mean(np.abs(second[:, None] - corners).sum(-1).min(-1) < 1e-6) > 0.9
