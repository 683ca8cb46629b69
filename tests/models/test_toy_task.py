"""A task that two well-placed looks solve and random ones do not: the centre says which corner holds the class."""

import keras
import numpy as np
import tensorflow as tf

from tf_glimpse import RAM, datasets
from tf_glimpse.ops.coordinates import cell_centres

CORNERS = np.array([[0, 0], [0, 12], [12, 0], [12, 12]])


def make_images(count, seed):
    """16x16 images; each corner shows one of two patterns, and the middle which corner counts."""
    random = np.random.default_rng(seed)
    images = np.zeros([count, 16, 16, 1], np.uint8)
    labels = np.zeros(count, np.int64)
    for index in range(count):
        kinds, chosen = random.integers(0, 2, 4), random.integers(0, 4)
        for kind, (row, column) in zip(kinds, CORNERS, strict=True):
            images[index, row : row + 4, column + 2 * kind : column + 2 * kind + 2] = 255
        row, column = 6 + 2 * (chosen // 2), 6 + 2 * (chosen % 2)
        images[index, row : row + 2, column : column + 2] = 255
        labels[index] = kinds[chosen]
    return images, labels


def test_two_looks_are_learned_and_beat_random_places():
    keras.utils.set_random_seed(0)
    images, labels = make_images(2048, seed=0)
    model = RAM(
        2,
        patch_size=4,
        num_glimpses=2,
        units=64,
        first_location="centre",
        location=("categorical", {"grid": (4, 4), "hidden_units": 64}),
        seed=0,
    )
    model.compile(keras.optimizers.Adam(3e-3), rollouts=2, reinforce_weight=1.0)
    model.fit(images, labels, batch_size=128, epochs=8, verbose=0)
    images, labels = make_images(500, seed=1)
    own = model.evaluate(images, labels, verbose=0, return_dict=True)["accuracy"]
    places = datasets.random_actions(2)(np.arange(500), (1, 2)).numpy()
    places[:, 0] = 0
    given = {"images": images, "actions": places, "has_actions": np.ones(500, bool)}
    blind = model.evaluate(given, labels, verbose=0, return_dict=True)["accuracy"]
    assert own > 0.95
    assert blind < 0.8
    corners = tf.gather(cell_centres((4, 4)), [0, 3, 12, 15]).numpy()
    second = model.predict(images, verbose=0).locations[:, 1]
    assert np.mean(np.abs(second[:, None] - corners).sum(-1).min(-1) < 1e-6) > 0.9
