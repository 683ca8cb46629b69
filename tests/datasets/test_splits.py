import hashlib

import numpy as np
import pytest

from tf_glimpse.datasets.splits import split_files


def class_files(sizes):
    files = [f"class{label:02}/{number:04}.jpg" for label, size in enumerate(sizes) for number in range(size)]
    return files, np.repeat(np.arange(len(sizes)), sizes)


def rounded_class_by_class(files, labels, fraction, seed):
    """The rule of the first published recipes."""
    hashes = [hashlib.sha256(f"{seed}/{file}".encode()).digest() for file in files]
    ranked = np.array(sorted(range(len(files)), key=hashes.__getitem__))
    classes = [ranked[labels[ranked] == label] for label in np.unique(labels)]
    return np.sort(np.concatenate([members[: min(round(fraction * len(members)), len(members) - 1)] for members in classes]))


@pytest.mark.parametrize("sizes", [[4] * 20, [5] * 20, [4, 5] * 10, [2] * 30, [1, 1, 1, 7], [4] * 10 + [40], [24, 4]], ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_small_classes_give_the_share_of_all_of_them_together(sizes, seed):
    files, labels = class_files(sizes)
    train, held_out = split_files(files, labels, 0.1, seed)
    np.testing.assert_array_equal(np.sort([*train, *held_out]), np.arange(len(files)))
    assert len(held_out) == round(0.1 * len(files)) > 0
    counts = np.bincount(labels[held_out], minlength=len(sizes))
    assert np.all(counts < sizes), "never all of a class"
    assert np.ptp(counts[np.equal(sizes, sizes[0])]) <= 1
    np.testing.assert_array_equal(split_files(files, labels, 0.1, seed)[1], held_out)
    if len(set(sizes)) == 1:
        assert (split_files(files, labels, 0.1, seed + 1)[1] != held_out).any(), "which classes give one depends on the seed"


def test_splits_of_published_recipes_are_what_they_were():
    """Wherever each class gave an image by its own rounding; pinned for a set with as many photos a class as tf_flowers."""
    draws = np.random.default_rng(0)
    for _ in range(20):
        files, labels = class_files(draws.integers(6, 60, draws.integers(2, 12)))
        fraction = draws.uniform(0.1, 0.6)
        np.testing.assert_array_equal(split_files(files, labels, fraction, 3)[1], rounded_class_by_class(files, labels, fraction, 3))
    files, labels = class_files([898, 633, 641, 699, 799])
    held_out = split_files(files, labels, 0.1, 0)[1]
    np.testing.assert_array_equal(np.bincount(labels[held_out]), [90, 63, 64, 70, 80])
    assert hashlib.sha256(held_out.tobytes()).hexdigest()[:16] == "b928ade70a73404f"


def test_what_small_classes_held_out_before_they_still_do():
    files, labels = class_files([30, 4, 4, 4, 4, 4, 4, 4, 4])
    before = rounded_class_by_class(files, labels, 0.1, 0)
    assert set(before) < set(split_files(files, labels, 0.1, 0)[1])


def test_too_few_images_hold_out_none():
    for sizes in ([2, 2], [1, 1, 1, 1, 1, 1]):
        files, labels = class_files(sizes)
        assert len(split_files(files, labels, 0.1, 0)[1]) == 0


def test_copies_stay_in_one_part():
    draws = np.random.default_rng(0)
    files, labels = class_files([40, 40, 40])
    copies = np.arange(120)
    for _ in range(50):  # in and across classes, also of copies
        copies[draws.integers(120)] = copies[draws.integers(120)]
    for seed in range(5):
        train, held_out = split_files(files, labels, 0.2, seed, copies)
        assert not set(copies[train]) & set(copies[held_out])
        assert 12 <= len(held_out) <= 36
        assert len(train) + len(held_out) == 120
        apart = split_files(files, labels, 0.2, seed)[1]
        assert len(set(copies[apart]) & set(copies[np.setdiff1d(np.arange(120), apart)])) > 3, "without, they are torn"
    np.testing.assert_array_equal(split_files(files, labels, 0.2, 0, np.arange(120))[1], split_files(files, labels, 0.2, 0)[1])
