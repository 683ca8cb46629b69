import numpy as np
import tensorflow as tf

from tf_glimpse.ops.masks import glimpse_masks, observe
from tf_glimpse.ops.patches import extract_patches


def test_a_mask_covers_the_pixels_that_the_patch_reads():
    random = np.random.default_rng(0)
    places = random.uniform(-1, 1, [50, 2]).astype("float32")
    images = random.integers(1, 256, [50, 9, 11, 1]).astype("uint8")
    masks = glimpse_masks(tf.constant(places), (9, 11), 4)
    shown = tf.reduce_sum(observe(images, masks)[..., :1], axis=[1, 2, 3])
    np.testing.assert_allclose(shown, tf.reduce_sum(extract_patches(images, places, 4), axis=[1, 2, 3]), rtol=1e-5)


def test_hidden_pixels_are_zero_and_the_mask_is_the_last_channel():
    images = tf.fill([2, 4, 4, 3], 0.5)
    masks = glimpse_masks(tf.constant([[0.0, 0.0], [1.0, 1.0]]), (4, 4), 2)
    seen = observe(images, masks).numpy()
    assert seen.shape == (2, 4, 4, 4)
    np.testing.assert_array_equal(seen[..., 3:], masks)
    assert (seen[..., :3][masks.numpy()[..., 0] == 0] == 0).all()
    assert masks.numpy().sum(axis=(1, 2, 3)).tolist() == [4, 1]
