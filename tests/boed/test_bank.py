import numpy as np
import pytest

from tf_glimpse.boed import Bank, build_bank
from tf_glimpse.types import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, [40, 6, 6, 1]).astype(np.uint8)
LABELS = np.arange(40) % 4


def test_the_index_finds_what_a_search_of_all_known_pixels_finds(tmp_path):
    bank = build_bank(tmp_path / "bank", IMAGES, LABELS, components=36)  # as many components as pixels: nothing is lost
    mask = np.zeros([6, 6, 1], np.float32)
    mask[1:4, 2:5] = 1
    image = np.random.default_rng(1).random([6, 6, 1]).astype(np.float32)
    distances = np.square((IMAGES / 255 - image) * mask).sum(axis=(1, 2, 3))
    assert set(bank.nearest(image, mask, 7)) == set(np.argsort(distances)[:7])


def test_the_index_of_few_components_finds_near_images(bank, digits):
    mask = np.zeros([8, 8, 1], np.float32)
    mask[2:6, 1:7] = 1
    image = digits.validation.fetch([0]).numpy()[0] / 255
    distances = np.square((bank.images / 255 - image) * mask).sum(axis=(1, 2, 3))
    found = bank.nearest(image.astype(np.float32), mask, 50)
    assert distances[found].mean() < np.sort(distances)[:200].mean()


def test_flips_and_shifts_enlarge_it_and_keep_their_origins(tmp_path):
    bank = build_bank(tmp_path / "bank", IMAGES, LABELS, flips=True, shifts=1)
    assert len(bank) == 10 * 40
    ours = bank.images[bank.origins == 7]
    assert any(np.array_equal(image, IMAGES[7][:, ::-1]) for image in ours)
    down = np.concatenate([np.zeros([1, 6, 1], np.uint8), IMAGES[7][:-1]])
    assert any(np.array_equal(image, down) for image in ours)
    np.testing.assert_array_equal(bank.class_counts, [100] * 4)


def test_it_is_built_once_and_mapped_from_disk(tmp_path):
    built = build_bank(tmp_path / "bank", IMAGES, LABELS)
    before = (tmp_path / "bank" / "codes.npy").stat().st_mtime_ns
    again = build_bank(tmp_path / "bank", IMAGES, LABELS)
    assert (tmp_path / "bank" / "codes.npy").stat().st_mtime_ns == before
    assert isinstance(again.images, np.memmap)
    np.testing.assert_array_equal(built.codes, Bank(tmp_path / "bank").codes)


def test_another_bank_is_not_overwritten(tmp_path):
    build_bank(tmp_path / "bank", IMAGES, LABELS)
    with pytest.raises(UserError, match="nothing was overwritten"):
        build_bank(tmp_path / "bank", IMAGES, LABELS, flips=True)
    with pytest.raises(UserError, match="nothing was overwritten"):
        build_bank(tmp_path / "bank", IMAGES[::-1], LABELS)


def test_mistakes_are_told(tmp_path):
    with pytest.raises(UserError, match="No bank in"):
        Bank(tmp_path / "nowhere")
    with pytest.raises(UserError, match="a bank expects at least two uint8 images"):
        build_bank(tmp_path / "bank", IMAGES / 255, LABELS)
    bank = build_bank(tmp_path / "bank", IMAGES, LABELS)
    with pytest.raises(UserError, match="no image of class 4, 5 of 6"):
        bank.check((6, 6, 1), 6)
    with pytest.raises(UserError, match="images of shape"):
        bank.check((8, 8, 1), 4)
    (tmp_path / "bank" / "images.npy").write_bytes((tmp_path / "bank" / "images.npy").read_bytes()[:200])
    with pytest.raises(UserError, match="damaged"):
        Bank(tmp_path / "bank")
