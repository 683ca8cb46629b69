"""The retina against pixels picked one by one, and what it reads of an image."""

import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.layers import Retina
from tf_glimpse.ops.patches import extract_patches

RANDOM = np.random.default_rng(0)
IMAGES = {
    "grey": RANDOM.random([6, 28, 28, 1]).astype("float32"),
    "wide": RANDOM.random([6, 20, 33, 3]).astype("float32"),
    "bytes": RANDOM.integers(0, 256, [6, 33, 20, 3]).astype("uint8"),
}
LOCATIONS = np.concatenate([RANDOM.uniform(-1, 1, [2, 2]), [[-1, -1], [1, 1], [-1, 1], [0, 0]]]).astype("float32")


def slow_retina(images, locations, patch_size, num_scales, aligned=False):
    """Crops by slices out of generously padded images and averages block by block, in NumPy."""
    pixels = images / 255.0 if images.dtype == np.uint8 else images
    margin = patch_size * 2**num_scales
    padded = np.pad(pixels, [(0, 0), (margin, margin), (margin, margin), (0, 0)])
    rows = []
    for image, location in zip(padded, locations, strict=True):
        centre = (location.astype("float64") + 1) / 2 * images.shape[1:3]
        scales = []
        for factor in 2 ** np.arange(num_scales):
            side = patch_size * factor
            step = factor if aligned else 1
            top, left = np.round((centre - side / 2) / step).astype(int) * step + margin
            patch = image[top : top + side, left : left + side]
            scales.append(patch.reshape(patch_size, factor, patch_size, factor, -1).mean(axis=(1, 3)))
        rows.append(np.concatenate(scales, axis=-1))
    return np.stack(rows)


@pytest.mark.parametrize("jit_compile", [None, False, True])
@pytest.mark.parametrize("num_looks", [1, 100])
@pytest.mark.parametrize("images", IMAGES)
@pytest.mark.parametrize("settings", [(8, 1), (5, 3), (8, 4)], ids=str)
def test_patches_are_the_images_pixels(images, settings, num_looks, jit_compile):
    """Read directly or from box means, eager or compiled."""
    retina = Retina(*settings)

    def look(pixels, places):
        return retina.look(retina.prepare(pixels, num_looks), places)

    see = look if jit_compile is None else tf.function(look, jit_compile=jit_compile)
    patches = see(tf.constant(IMAGES[images]), tf.constant(LOCATIONS))
    np.testing.assert_allclose(patches, slow_retina(IMAGES[images], LOCATIONS, *settings), atol=1e-5)


def test_the_two_ways_of_reading_were_both_tried():
    retina = Retina(5, 3)
    image = tf.constant(IMAGES["grey"])
    assert all(view is image for view in retina.prepare(image, 1))
    assert [view.shape[1] for view in retina.prepare(image, 100)] == [28, 29, 31]


def test_an_image_of_unknown_size_is_read_directly():
    retina = Retina(5, 3)
    spec = [tf.TensorSpec([None, None, None, 3]), tf.TensorSpec([None, 2])]
    see = tf.function(lambda pixels, places: retina.look(retina.prepare(pixels, 100), places), input_signature=spec)
    np.testing.assert_allclose(see(IMAGES["wide"], LOCATIONS), slow_retina(IMAGES["wide"], LOCATIONS, 5, 3), atol=1e-5)


@pytest.mark.parametrize("jit_compile", [None, False, True])
@pytest.mark.parametrize("images", IMAGES)
def test_an_aligned_retina_reads_a_pyramid(images, jit_compile):
    retina = Retina(5, 4, aligned=True)

    def look(pixels, places):
        return retina(pixels, places)

    see = look if jit_compile is None else tf.function(look, jit_compile=jit_compile)
    patches = see(tf.constant(IMAGES[images]), tf.constant(LOCATIONS))
    expected = slow_retina(IMAGES[images], LOCATIONS, 5, 4, aligned=True)
    np.testing.assert_allclose(patches, expected, atol=1e-5)
    assert np.abs(expected - slow_retina(IMAGES[images], LOCATIONS, 5, 4)).max() > 0.1
    assert [view.shape[1] for view in retina.prepare(tf.constant(IMAGES["grey"]))] == [28, 14, 7, 4]
    for scale, patch in enumerate(np.split(expected, 4, axis=-1)):  # what the drawings show
        drawn = extract_patches(tf.constant(IMAGES[images]), tf.constant(LOCATIONS), 5, 2**scale, retina.aligned)
        np.testing.assert_allclose(drawn, patch, atol=1e-5)
    spec = [tf.TensorSpec([None, None, None, IMAGES[images].shape[-1]], IMAGES[images].dtype), tf.TensorSpec([None, 2])]
    np.testing.assert_allclose(tf.function(look, input_signature=spec)(IMAGES[images], LOCATIONS), expected, atol=1e-5)
    places = np.stack([LOCATIONS, LOCATIONS[::-1]], axis=1)  # two places an image
    several = retina.look(retina.prepare(tf.constant(IMAGES[images])), tf.constant(places))
    np.testing.assert_allclose(several[:, 0], expected, atol=1e-5)


def tensors_that_grow(side, dtype, num_looks):
    """Operations whose output has more elements for a larger image: (type, elements, kind of number)."""

    def trace(pixels_a_side):
        retina = Retina(8, 3)
        spec = [tf.TensorSpec([2, pixels_a_side, pixels_a_side, 3], dtype), tf.TensorSpec([2, 2])]
        look = tf.function(lambda images, places: retina.look(retina.prepare(images, num_looks), places), input_signature=spec)
        operations = look.get_concrete_function().graph.get_operations()
        return [(operation.type, output.shape.num_elements(), output.dtype) for operation in operations for output in operation.outputs]

    small, large = trace(side), trace(side * 4)
    assert [kind for kind, _, _ in small] == [kind for kind, _, _ in large]
    return [after for before, after in zip(small, large, strict=True) if after[1] != before[1]]


@pytest.mark.parametrize("dtype", [tf.uint8, tf.float32])
def test_nothing_but_the_image_grows_with_the_image(dtype):
    grown = tensors_that_grow(256, dtype, num_looks=6)
    assert {kind for kind, _, _ in grown} <= {"Placeholder", "Reshape"}
    assert {elements for _, elements, _ in grown} == {2 * 1024 * 1024 * 3}
    assert {kind for _, _, kind in grown} == {dtype}  # still the bytes that came


def test_the_check_of_growth_can_fail():
    grown = tensors_that_grow(32, tf.float32, num_looks=10000)  # box means of both sizes
    assert not {kind for kind, _, _ in grown} <= {"Placeholder", "Reshape"}


@pytest.mark.parametrize("num_looks", [1, 100])
def test_what_was_prepared_may_enter_a_function(num_looks):
    """As arguments the views are tensors of their own; the patches stay the same."""
    retina = Retina(5, 3)
    views = retina.prepare(tf.constant(IMAGES["grey"]), num_looks)
    patches = tf.function(retina.look)(views, tf.constant(LOCATIONS))
    np.testing.assert_allclose(patches, slow_retina(IMAGES["grey"], LOCATIONS, 5, 3), atol=1e-5)


@pytest.mark.parametrize("settings", [{"patch_size": 0}, {"patch_size": 8, "num_scales": 0}])
def test_a_retina_without_pixels_is_refused(settings):
    with pytest.raises(ValueError, match="expects a whole number of at least 1"):
        Retina(**settings)
