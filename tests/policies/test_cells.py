"""Policies to compare a Saccader's own with: made from the images, looked at as given actions."""

import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.models.saccader import Saccader
from tf_glimpse.ops.grids import field_cells
from tf_glimpse.policies import OrderedLogits, RandomCells, Sobel
from tf_glimpse.types import UserError

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, [6, 21, 25, 3]).astype("uint8")
BAGNET = {"blocks": (1,), "filters": (8,), "strides": (4,), "stem_filters": 8, "receptive_field": 5}
GRID = (5, 6)


@pytest.fixture(scope="module", params=[False, True])
def model(request):
    model = Saccader(3, BAGNET, num_glimpses=4, mixed_channels=8, even_spacing=request.param)
    model.build((None, *IMAGES.shape[1:]))
    return model


def places_of(policy, images, seed=(1, 2)):
    return policy(images, np.arange(len(images)), seed)


def cells_of(model, places):
    return field_cells(places, model.fields(IMAGES.shape[1:3])).numpy()


@pytest.mark.parametrize("policy", [OrderedLogits, Sobel, RandomCells])
def test_the_model_looks_there(model, policy):
    places = places_of(policy(model, 4), IMAGES)
    trajectory = model({"images": IMAGES, "actions": places})
    np.testing.assert_allclose(trajectory.locations, places, atol=1e-6)
    assert {len(set(row)) for row in cells_of(model, places)} == {4}


def test_floats_are_bytes(model):
    policy = RandomCells(model, 4)
    np.testing.assert_array_equal(places_of(policy, IMAGES), places_of(policy, (IMAGES / 255).astype("float32")))


def test_ordered_logits(model):
    cells, logits = cells_of(model, places_of(OrderedLogits(model, 30), IMAGES)), model.bagnet.represent(IMAGES).logits.numpy()
    for row, maps in zip(cells, logits, strict=True):
        values = maps.reshape(30, 3)[row, maps.mean(axis=(0, 1)).argmax()]
        assert np.all(np.diff(values) <= 0)


@pytest.mark.parametrize("statistic", ["mean", "variance"])
def test_sobel_finds_the_only_thing_there_is(model, statistic):
    images = np.zeros([2, 21, 25, 3], "uint8")
    images[0, 10:12, 14] = 255  # within the field of cell (2, 3): rows 8 to 12, columns 12 to 16
    images[1, 1, 2] = 255
    cells = cells_of(model, places_of(Sobel(model, 1, statistic), images))
    np.testing.assert_array_equal(cells, [[2 * GRID[1] + 3], [0]])
    with pytest.raises(UserError, match="statistic expects one of mean, variance"):
        Sobel(model, 1, "median")


def test_random_cells_are_uniform(model):
    images = np.zeros([3000, 21, 25, 3], "uint8")
    images[:, 0, :2, 0] = np.stack(np.divmod(np.arange(3000), 250), axis=1)  # the same image would get the same cells
    policy = tf.function(RandomCells(model, 2), reduce_retracing=True)  # row by row: slow outside of a graph
    places = places_of(policy, images, (3, 4)).numpy()
    counts = np.bincount(cells_of(model, places).ravel(), minlength=30)
    assert np.abs(counts - 200).max() < 50
    np.testing.assert_array_equal(places_of(policy, images[2000:], (3, 4)), places[2000:])
    assert np.any(places_of(policy, images, (3, 5)) != places)
