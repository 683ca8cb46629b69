import numpy as np
import pytest

from tf_glimpse.datasets import Augmentation
from tf_glimpse.datasets.augment import displacements, warped


@pytest.fixture
def photos():
    return np.random.default_rng(0).integers(0, 256, [64, 12, 17, 3], np.uint8)


def test_nothing_asked_nothing_done(photos):
    np.testing.assert_array_equal(Augmentation()(photos, [1, 2]), photos)


def test_same_seed_same_images(photos):
    augment = Augmentation(shift=2, rotation=10, zoom=0.1, shear=0.1, flip=True)
    first = augment(photos, [1, 2]).numpy()
    np.testing.assert_array_equal(augment(photos, [1, 2]), first)
    assert first.shape == photos.shape and first.dtype == np.uint8
    assert (augment(photos, [1, 3]).numpy() != first).any()


def test_shift_moves_by_whole_pixels_evenly_and_fills_with_zeros():
    images = np.zeros([2000, 11, 13, 1], np.uint8)
    images[:, 5, 6] = 255
    moved = Augmentation(shift=2)(images, [3, 4]).numpy()
    _, rows, columns, _ = moved.nonzero()
    assert len(rows) == 2000 and moved.max() == 255
    counts = np.zeros([11, 13], int)
    np.add.at(counts, (rows, columns), 1)
    assert counts[3:8, 4:9].sum() == 2000 and counts[3:8, 4:9].min() > 40  # 80 each
    assert not Augmentation(shift=40)(np.full([1, 8, 8, 1], 9, np.uint8), [7, 7]).numpy().all()


def test_flip_mirrors_half_of_the_images(photos):
    flipped = Augmentation(flip=True)(photos, [5, 6]).numpy()
    mirrored = (flipped == photos[:, :, ::-1]).all((1, 2, 3))
    assert ((flipped == photos).all((1, 2, 3)) | mirrored).all()
    assert 16 < mirrored.sum() < 48


@pytest.mark.parametrize("options", [{"rotation": 20.0}, {"zoom": 0.3}, {"shear": 0.3}])
def test_small_maps_keep_the_middle_where_it_is(options):
    images = np.zeros([50, 29, 29, 1], np.uint8)
    images[:, 12:17, 12:17] = 200
    moved = Augmentation(**options)(images, [8, 9]).numpy().astype(float)[..., 0]
    assert (moved != images[..., 0]).any((1, 2)).mean() > 0.9
    middle = np.arange(29)
    rows = (moved.sum(2) * middle).sum(1) / moved.sum((1, 2))
    columns = (moved.sum(1) * middle).sum(1) / moved.sum((1, 2))
    np.testing.assert_allclose(rows, 14, atol=0.05)
    np.testing.assert_allclose(columns, 14, atol=0.05)


def test_rotation_agrees_with_pillow():
    from PIL import Image

    image = np.zeros([1, 29, 29, 1], np.uint8)
    image[0, 5:24, 13:16] = 200
    stored = Image.fromarray(image[0, ..., 0])
    candidates = [stored.rotate(angle, Image.Resampling.BILINEAR) for angle in np.arange(-40, 40.5, 0.5)]
    for seed in range(5):
        turned = Augmentation(rotation=40.0)(image, [seed, 0]).numpy()[0, ..., 0].astype(int)
        assert min(np.abs(np.asarray(candidate) - turned).mean() for candidate in candidates) < 1


def test_elastic_map_agrees_with_scipy(photos):
    from scipy.ndimage import map_coordinates

    moves = 2 * displacements(len(photos), 12, 17, [1, 2]).numpy()
    rows, columns = np.meshgrid(np.arange(12.0), np.arange(17.0), indexing="ij")
    for image, move, ours in zip(photos, moves, warped(photos, moves).numpy(), strict=True):
        for channel in range(3):
            at = [rows + move[..., 0], columns + move[..., 1]]
            theirs = map_coordinates(image[..., channel].astype(float), at, order=1, mode="constant")
            inside = (at[0] > 0) & (at[0] < 11) & (at[1] > 0) & (at[1] < 16)
            assert np.abs(ours[..., channel] - theirs)[inside].max() <= 0.51


def test_elastic_fields_are_smooth_and_as_large_as_asked():
    fields = displacements(500, 28, 28, [3, 4]).numpy()
    assert 0.6 < fields.std() < 1.1 and abs(fields.mean()) < 0.05
    assert np.abs(np.diff(fields, axis=1)).mean() < 0.3
    digits = np.zeros([20, 28, 28, 1], np.uint8)
    digits[:, 6:22, 12:16] = 255
    assert (Augmentation(elastic=1.0)(digits, [1, 1]).numpy() != digits).any((1, 2, 3)).all()
