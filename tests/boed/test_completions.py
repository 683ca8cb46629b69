import numpy as np
import pytest

from tf_glimpse.boed import Retrieval, build_bank
from tf_glimpse.boed.completions.retrieval import flattened
from tf_glimpse.types import UserError


def look(images, rows, columns):
    """Images float 0-1, and masks of a rectangle."""
    masks = np.zeros([*images.shape[:3], 1], np.float32)
    masks[:, rows, columns] = 1
    return (images / 255).astype(np.float32) * masks, masks


def test_what_fits_the_glimpses_is_drawn_more_often(bank, digits):
    images = digits.validation.fetch(range(20)).numpy()
    seen, masks = look(images, slice(1, 7), slice(2, 6))
    seeds = np.stack([np.arange(20), np.zeros(20, int), np.ones(20, int)], axis=1)
    found = Retrieval(bank, proposals=200, stddev=0.1, effective=5)(seen, masks, [-1] * 20, 64, seeds)
    np.testing.assert_allclose(np.bincount(found.owners, weights=found.weights), np.ones(20), rtol=1e-5)
    labels = digits.train.labels[[int(np.flatnonzero((bank.images == image).all(axis=(1, 2, 3)))[0]) for image in found.images]]
    right = np.bincount(found.owners, weights=found.weights * (labels == digits.validation.labels[:20][found.owners]))
    assert right.mean() > 0.7  # guessing gives 0.1


def test_nothing_known_draws_from_the_whole_bank(bank):
    nothing = np.zeros([1, 8, 8, 1], np.float32)
    found = Retrieval(bank)(nothing, nothing, [-1], 1000, [[0, 0, 0]])
    assert len(np.unique(found.images, axis=0)) > 600


def test_an_image_never_completes_itself_nor_does_its_mirror_image(tmp_path, digits):
    images = digits.train.fetch(range(100)).numpy()
    bank = build_bank(tmp_path / "bank", images, digits.train.labels[:100], flips=True)
    seen, masks = look(images[:5], slice(0, 8), slice(0, 8))
    found = Retrieval(bank, effective=1)(seen, masks, np.arange(5), 50, [[0, 1, row] for row in range(5)])
    for owner in range(5):
        own = found.images[found.owners == owner]
        assert not (own == images[owner]).all(axis=(1, 2, 3)).any()
        assert not (own == images[owner][:, ::-1]).all(axis=(1, 2, 3)).any()


def test_samples_do_not_depend_on_batch_mates(bank, digits):
    seen, masks = look(digits.validation.fetch(range(3)).numpy(), slice(0, 4), slice(0, 4))
    seeds = np.array([[0, 1, row] for row in range(3)])
    whole, alone = (Retrieval(bank)(seen[rows], masks[rows], [-1] * len(seen[rows]), 16, seeds[rows]) for rows in (slice(3), slice(2, 3)))
    np.testing.assert_array_equal(whole.images[whole.owners == 2], alone.images)
    np.testing.assert_array_equal(whole.weights[whole.owners == 2], alone.weights)


def test_likelihoods_are_flattened_to_the_wanted_effective_samples():
    weights = flattened(-np.arange(100.0) * 3, effective=20)
    assert 1 / np.square(weights).sum() == pytest.approx(20, rel=1e-3)


def test_mistakes_are_told(tmp_path, bank, digits):
    with pytest.raises(UserError, match="above zero"):
        Retrieval(bank, proposals=0)
    image = digits.train.fetch([3]).numpy()
    lonely = build_bank(tmp_path / "lonely", image, digits.train.labels[3:4], origins=[3], flips=True)
    with pytest.raises(UserError, match="nothing but image 3 itself"):
        Retrieval(lonely)(*look(image, slice(2), slice(2)), np.array([3]), 4, [[0, 0, 0]])
