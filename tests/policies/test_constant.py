import dataclasses

import numpy as np
import pytest
from policy_models import DATA, IMAGES, ram, saccader

from tf_glimpse.datasets import array_source, load, train_batches
from tf_glimpse.models.ram import RAM
from tf_glimpse.policies import get_policy, mean_places
from tf_glimpse.types import UserError


@pytest.mark.parametrize("make", [ram, saccader])
def test_it_is_the_mean_over_the_training_images_for_every_image(make):
    model = make()
    own = model(IMAGES).locations.numpy()
    assert own.std(axis=0).max() > 0.01
    places = get_policy("constant", model, DATA)(IMAGES[:2], [0, 1], (0, 0))
    np.testing.assert_allclose(places, [own.mean(axis=0)] * 2, atol=1e-6)


def test_only_the_training_split_counts():
    dark = array_source(IMAGES // 2, np.zeros(7, int))
    model = ram()
    np.testing.assert_array_equal(mean_places(model, dataclasses.replace(DATA, test=dark, validation=None)), mean_places(model, DATA))
    assert np.abs(mean_places(model, dataclasses.replace(DATA, train=dark)) - mean_places(model, DATA)).max() > 1e-3


def test_two_thousand_images_are_enough():
    images = np.random.default_rng(0).integers(0, 256, [2500, 5, 5, 1]).astype(np.uint8)
    many = dataclasses.replace(DATA, train=array_source(images, np.zeros(2500, int)), image_shape=(5, 5, 1))
    model = RAM(3, patch_size=3, num_scales=1, num_glimpses=2, units=4, first_location="learned")
    model.build((None, 5, 5, 1))
    images = np.concatenate([images for images, _ in train_batches(many, 50, seed=0, epochs=1).take(40)])
    assert len(images) == 2000
    np.testing.assert_allclose(mean_places(model, many), model(images).locations.numpy().mean(axis=0), atol=1e-6)


def test_bare_digits_are_placed_on_training_canvases():
    data = load("digits_canvas")
    data = dataclasses.replace(data, train=data.train.subset(range(60)), test=None, validation=None)
    model = RAM(10, patch_size=6, num_scales=1, num_glimpses=3, units=8, first_location="learned")
    model.build((None, *data.image_shape))
    (images, _), *_ = train_batches(data, 50, seed=0, epochs=1)
    assert images.shape == (50, 60, 60, 1)
    np.testing.assert_allclose(mean_places(model, data), model(images).locations.numpy().mean(axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "Received: no data"),
        (dataclasses.replace(DATA, train=None), "no training images"),
        (dataclasses.replace(DATA, image_shape=(20, 20, 3)), r"without a train_size. Received: \(21, 25, 3\)"),
    ],
)
def test_without_training_images_it_says_what_it_expects(data, words):
    with pytest.raises(UserError, match=f"constant expects training images.*{words}"):
        get_policy("constant", ram(), data)
