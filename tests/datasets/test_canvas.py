import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.datasets import Canvas, array_source
from tf_glimpse.datasets.canvas import compose, compose_clean, digit_places


def reference(digit, index, draws, images, canvas):
    """The paper's recipe for one image, written with loops."""
    result = np.zeros([canvas.size, canvas.size], np.int64)
    top, left = (int(draw * (canvas.size - 28 + 1)) for draw in draws[:2])
    result[top : top + 28, left : left + 28] += digit[..., 0]
    for which, row, column, y, x in draws[2:].reshape(-1, 5):
        other = (index + 1 + int(which * np.float32(len(images) - 1))) % len(images)
        row, column = int(row * 21), int(column * 21)
        y, x = (int(place * (canvas.size - 8 + 1)) for place in (y, x))
        result[y : y + 8, x : x + 8] += images[other, row : row + 8, column : column + 8, 0]
    return np.minimum(result, 255).astype(np.uint8)[..., None]


def random_images(count):
    return np.random.default_rng(0).integers(0, 256, [count, 28, 28, 1], np.uint8)


@pytest.mark.parametrize(("size", "pieces"), [(60, 4), (300, 700)])
def test_compose_agrees_with_loops_eager_and_compiled(size, pieces):
    """So many pieces that they overlap, on the large canvas too."""
    images, canvas = random_images(20), Canvas(size, pieces)
    source, indices = array_source(images, np.zeros(20, int)), np.arange(5, 15)
    draws = np.random.default_rng(1).random([10, canvas.draws_per_image], np.float32)
    wanted = np.stack([reference(images[i], i, row, images, canvas) for i, row in zip(indices, draws, strict=True)])
    np.testing.assert_array_equal(compose(images[indices], indices, draws, source, canvas), wanted)
    compiled = tf.function(lambda digits, indices, draws: compose(digits, indices, draws, source, canvas))
    np.testing.assert_array_equal(compiled(images[indices], indices, draws), wanted)


def test_extreme_draws_stay_inside_the_canvas():
    images, canvas = random_images(3), Canvas(60, pieces=8)
    source = array_source(images, np.zeros(3, int))
    for draw in (0.0, np.nextafter(np.float32(1), np.float32(0))):
        composed = compose(images[:1], np.array([0]), np.full([1, canvas.draws_per_image], draw, np.float32), source, canvas).numpy()
        corner = np.s_[:28, :28] if draw == 0 else np.s_[-28:, -28:]
        assert (composed[0][corner] >= images[0]).all()
        composed[0][corner] = 0
        assert not composed.any()  # the pieces lie in the same corner


def test_without_pieces_only_the_digit_is_there():
    images, canvas = random_images(4), Canvas(60, pieces=0)
    draws = np.random.default_rng(2).random([4, canvas.draws_per_image], np.float32)
    composed = compose(images, np.arange(4), draws, array_source(images, np.zeros(4, int)), canvas).numpy()
    assert composed.shape == (4, 60, 60, 1) and composed.dtype == np.uint8
    np.testing.assert_array_equal(composed.sum((1, 2, 3), dtype=np.int64), images.sum((1, 2, 3), dtype=np.int64))


def test_pieces_are_8x8_from_other_images_of_the_source_and_values_are_clipped():
    images = np.zeros([10, 28, 28, 1], np.uint8)
    images[1:] = 200  # image 0 is empty, so whatever shows on its canvas comes from others
    canvas, count = Canvas(100, pieces=8), 500
    draws = np.random.default_rng(3).random([count, canvas.draws_per_image], np.float32)
    source = array_source(images, np.zeros(10, int))
    composed = compose(images[np.zeros(count, int)], np.zeros(count, int), draws, source, canvas).numpy()
    assert set(np.unique(composed)) == {0, 200, 255}  # two pieces on one pixel give 400, clipped
    areas = (composed > 0).sum((1, 2, 3))
    assert areas.max() == 8 * 64 and areas.min() > 4 * 64


def test_own_digit_is_never_a_piece():
    images = np.zeros([3, 28, 28, 1], np.uint8)
    images[1] = 90
    canvas = Canvas(60, pieces=4)
    draws = np.random.default_rng(4).random([200, canvas.draws_per_image], np.float32)
    composed = compose(images[np.ones(200, int)], np.ones(200, int), draws, array_source(images, [0, 0, 0]), canvas).numpy()
    assert composed.max() == 90 and ((composed > 0).sum((1, 2, 3)) == 28 * 28).all()


def test_places_are_spread_evenly():
    images, canvas = np.full([2, 28, 28, 1], 255, np.uint8), Canvas(60, pieces=0)
    draws = np.random.default_rng(5).random([6600, 2], np.float32)
    composed = compose(images[np.zeros(6600, int)], np.zeros(6600, int), draws, array_source(images, [0, 0]), canvas).numpy()
    tops = composed.any((2, 3)).argmax(1)
    counts = np.bincount(tops, minlength=33)
    assert len(counts) == 33 and counts.min() > 140 and counts.max() < 260  # 200 each, +- 4 standard deviations


def test_the_clean_image_has_the_same_digit_at_the_same_place():
    images, canvas = random_images(20), Canvas(60, pieces=4)
    source, indices = array_source(images, np.zeros(20, int)), np.arange(5, 15)
    draws = np.random.default_rng(1).random([10, canvas.draws_per_image], np.float32)
    bare = Canvas(60, pieces=0)
    wanted = np.stack([reference(images[i], i, row[:2], images, bare) for i, row in zip(indices, draws, strict=True)])
    np.testing.assert_array_equal(compose_clean(images[indices], indices, draws, source, canvas), wanted)


def test_the_places_are_those_of_the_digits():
    images, canvas = np.full([6, 28, 28, 1], 255, np.uint8), Canvas(100, pieces=0)
    draws = np.random.default_rng(4).random([6, canvas.draws_per_image], np.float32)
    composed = compose(images, np.arange(6), draws, array_source(images, np.zeros(6, int)), canvas).numpy()
    for canvas_image, place in zip(composed[..., 0], digit_places(draws, (28, 28), canvas).numpy(), strict=True):
        middle = np.argwhere(canvas_image).mean(axis=0) + 0.5
        np.testing.assert_allclose((place + 1) / 2 * 100, middle, atol=1e-4)
