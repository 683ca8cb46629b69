import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse.boed import Completions, ExpectedEntropy, Retrieval, build_bank
from tf_glimpse.boed.expected_entropy import against_rest
from tf_glimpse.ops.coordinates import cell_centres
from tf_glimpse.ops.patches import extract_patches
from tf_glimpse.types import UserError

# A family small enough to count: all binary images of 2x2 pixels, how often each comes, and how likely each is of class 1.
FAMILY = np.array(list(itertools.product([0, 255], repeat=4)), np.uint8).reshape(16, 2, 2, 1)
TIMES = np.random.default_rng(3).integers(1, 6, 16)
CLASS_ONE = np.random.default_rng(4).random(16)


def family_entropies(seen, mask):
    """The exact posterior entropy given seen pixels: Bayes' rule over the family."""
    fits = ((seen == FAMILY / 255) | (mask == 0)).all(axis=(1, 2, 3)) * TIMES
    share = (fits * CLASS_ONE).sum() / fits.sum()
    return -sum(part * np.log(part) for part in (share, 1 - share))


def family_logits(observations):
    """The exact posterior as a network would give it, `[R, 2, 2, 2] -> [R, 2]`."""
    seen, mask = observations[:, None, ..., :1], observations[:, None, ..., 1:]
    fits = tf.reduce_all((tf.abs(tf.constant(FAMILY / 255, tf.float32) - seen) < 1e-3) | (mask == 0), axis=[2, 3, 4])
    weights = tf.cast(fits, tf.float32) * TIMES.astype(np.float32)
    share = tf.reduce_sum(weights * CLASS_ONE.astype(np.float32), axis=1) / tf.reduce_sum(weights, axis=1)
    return tf.math.log(tf.stack([1 - share, share], axis=1))


def exact(image, mask):
    """The expected posterior entropy at each of the four pixels, by enumeration."""
    fits = ((image == FAMILY / 255) | (mask == 0)).all(axis=(1, 2, 3)) * TIMES
    masks = [np.maximum(mask, np.eye(4)[pixel].reshape(2, 2, 1)) for pixel in range(4)]
    return [
        sum(time * family_entropies(member / 255, after) for member, time in zip(FAMILY, fits, strict=True)) / fits.sum() for after in masks
    ]


@pytest.fixture
def family_bank(tmp_path):
    images = np.repeat(FAMILY, TIMES, axis=0)
    return build_bank(tmp_path / "family", images, np.arange(len(images)) % 2, components=4)


@pytest.mark.parametrize("known", [(), (2,), (0, 3)])
def test_the_limit_is_the_enumerated_expectation(family_bank, known):
    image = FAMILY[9:10] / 255
    mask = np.isin(np.arange(4), known).astype(np.float32).reshape(1, 2, 2, 1)
    expected = ExpectedEntropy(family_logits, (2, 2), (2, 2), patch_size=1)
    completer = Retrieval(family_bank, stddev=0.02, effective=0.5)
    estimates = {}
    for samples in (30, 100_000):
        completions = completer((image * mask).astype(np.float32), mask, np.array([-1]), samples, np.array([[0, 0, 0]]))
        estimates[samples] = expected(image, mask, completions)[0]
    np.testing.assert_allclose(estimates[100_000], exact(image[0], mask[0]), atol=4e-3)
    errors = [np.abs(estimate - exact(image[0], mask[0])).mean() for estimate in estimates.values()]
    assert errors[1] < errors[0] or errors[0] < 1e-6


def direct_loop(posterior, grid, patch_size, images, masks, completions):
    """Algorithm 1 as it is printed: one candidate, one completion, one pass of the network at a time."""
    height, width = images.shape[1:3]
    total = np.zeros([len(images), grid[0] * grid[1]])
    for number, place in enumerate(cell_centres(grid)):
        for completed, weight, owner in zip(completions.images, completions.weights, completions.owners, strict=True):
            patch = extract_patches(tf.constant(completed)[None], place[None], patch_size)[0].numpy()
            shown = images[owner] * masks[owner]
            mask = masks[owner].copy()
            top, left = (round(float((value + 1) / 2 * side - patch_size / 2)) for value, side in zip(place, (height, width), strict=True))
            for row, column in itertools.product(range(patch_size), repeat=2):
                if 0 <= top + row < height and 0 <= left + column < width and not mask[top + row, left + column, 0]:
                    shown[top + row, left + column], mask[top + row, left + column] = patch[row, column], 1
            probabilities = tf.nn.softmax(posterior(np.concatenate([shown, mask], axis=-1)[None].astype(np.float32)))[0].numpy()
            total[owner, number] -= weight * (probabilities * np.log(probabilities)).sum()
    return total


@pytest.mark.parametrize("batch_size", [7, 512])
def test_it_is_the_direct_loop_of_algorithm_1(posterior, digits, batch_size):
    random = np.random.default_rng(0)
    images = digits.validation.fetch([0, 1]).numpy() / np.float32(255)
    masks = (random.random([2, 8, 8, 1]) < 0.2).astype(np.float32)
    completions = Completions(digits.train.fetch([5, 6, 7]).numpy(), np.float32([1, 0.25, 0.75]), np.int32([0, 1, 1]))
    found = ExpectedEntropy(posterior, (2, 2), (8, 8), 3, batch_size=batch_size)(images, masks, completions)
    np.testing.assert_allclose(found, direct_loop(posterior, (2, 2), 3, images, masks, completions), atol=1e-5)


def test_one_posterior_serves_a_task_of_one_against_the_rest(posterior, digits):
    images, masks = digits.validation.fetch([0]).numpy() / np.float32(255), np.ones([1, 8, 8, 1], np.float32)
    everything, three = (ExpectedEntropy(posterior, (2, 2), (8, 8), 2, task).believe(images, masks) for task in (None, 3))
    np.testing.assert_allclose(three[0], [1 - everything[0, 3], everything[0, 3]], atol=1e-6)
    assert against_rest(tf.constant([[0.2, 0.3, 0.5]]), 2).numpy().tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize(("grid", "words"), [((0, 3), "at least one cell"), ((9, 8), "finer than the image")])
def test_impossible_grids_are_refused(posterior, grid, words):
    with pytest.raises(UserError, match=words):
        ExpectedEntropy(posterior, grid, (8, 8), 2)


def test_no_completions_are_refused(posterior):
    nothing = Completions(np.zeros([0, 8, 8, 1], np.uint8), np.zeros(0, np.float32), np.zeros(0, np.int32))
    with pytest.raises(UserError, match="at least one completion"):
        ExpectedEntropy(posterior, (2, 2), (8, 8), 2)(np.zeros([1, 8, 8, 1]), np.zeros([1, 8, 8, 1]), nothing)
