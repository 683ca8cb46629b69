"""Augmented photos: what is drawn, what is left as it is, and who validates on what."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_glimpse.datasets import PhotoAugmentation, load, load_photos, train_batches
from tf_glimpse.datasets.rand_augment import rand_augment
from tf_glimpse.types import UserError

PHOTOS = np.random.default_rng(0).integers(0, 256, [6, 20, 24, 3]).astype(np.uint8)
WHOLE = {"area": (1.0, 1.0), "aspect": (1.0, 1.0)}


def coordinates(height, width):
    """A photo whose red is the row and whose green is the column."""
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    return np.stack([rows, columns, np.zeros_like(rows)], axis=-1).astype(np.uint8)


def test_the_whole_photo_is_left_as_it_is():
    square = PHOTOS[:, :, :20]
    np.testing.assert_array_equal(PhotoAugmentation(20, **WHOLE, flip=False)(square, [1, 2]), square)
    mirrored = PhotoAugmentation(20, **WHOLE)(tf.repeat(square[:1], 64, axis=0), [1, 2]).numpy()
    ways = [np.all(mirrored == way, axis=(1, 2, 3)) for way in (square[:1], square[:1, :, ::-1])]
    assert np.all(ways[0] | ways[1])
    assert 16 < ways[1].sum() < 48, "about half"


def test_parts_have_the_area_and_the_ratio_asked_for():
    photos = np.repeat(coordinates(101, 101)[None], 200, axis=0)
    parts = PhotoAugmentation(32, area=(0.2, 0.5), aspect=(0.5, 2.0), flip=False)(photos, [3, 4]).numpy().astype(int)
    heights, widths = ((parts[:, -1, -1, axis] - parts[:, 0, 0, axis]) / 100 for axis in range(2))
    areas, ratios = heights * widths, widths / heights
    assert 0.18 < areas.min() < 0.25 < 0.45 < areas.max() < 0.52
    assert 0.47 < ratios.min() < 0.6 < 1.7 < ratios.max() < 2.1
    assert np.ptp(parts[:, 0, 0, 0]) > 20, "parts lie anywhere"


def test_colours():
    grey = np.full([50, 8, 8, 3], 128, np.uint8)
    brighter = PhotoAugmentation(8, **WHOLE, colours=0.25)(grey, [1, 2]).numpy()
    assert np.all(brighter == brighter[:, :1, :1, :1]), "grey stays grey and even"
    assert 96 <= brighter.min() < 105 < 150 < brighter.max() <= 160
    red = np.array(np.broadcast_to(np.array([200, 40, 40], np.uint8), [50, 8, 8, 3]))
    changed = PhotoAugmentation(8, **WHOLE, colours=0.25)(red, [1, 2]).numpy().astype(int)
    assert np.ptp(changed[:, 0, 0, 0] - changed[:, 0, 0, 1]) > 20, "saturation changes"
    assert PhotoAugmentation(8, colours=0.25)(grey[..., :1], [1, 2]).shape == (50, 8, 8, 1)


def test_the_same_seed_draws_the_same():
    augment = PhotoAugmentation(16, colours=0.2, layers=1)
    first, again, other = (augment(PHOTOS, seed).numpy() for seed in ([1, 2], [1, 2], [1, 3]))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


def test_rand_augment_draws_every_operation_and_leaves_some_images_alone():
    images = np.repeat(PHOTOS[:1, :16, :16], 96, axis=0)
    changed = rand_augment(tf.constant(images), 1, 10.0, [5, 6]).numpy()
    assert changed.shape == images.shape
    assert changed.dtype == np.uint8
    same = np.all(changed == images, axis=(1, 2, 3)).sum()
    assert 0 < same < 30
    assert len({image.tobytes() for image in changed}) > 15
    with pytest.raises(UserError, match="RandAugment expects RGB"):
        rand_augment(tf.zeros([1, 8, 8, 1], tf.uint8), 1, 10.0, [1, 2])


@pytest.mark.parametrize("wrong", [{"size": 0}, {"area": (0.0, 1.0)}, {"area": (0.9, 0.5)}, {"magnitude": 11.0}, {"colours": 1.0}])
def test_mistakes_are_told(wrong):
    with pytest.raises(UserError, match="expected"):
        PhotoAugmentation(**{"size": 8, **wrong})


def test_floats_are_refused():
    with pytest.raises(UserError, match="uint8, 0 to 255. Received: float32"):
        PhotoAugmentation(8)(PHOTOS / np.float32(255), [1, 2])


@pytest.fixture
def folder(tmp_path):
    for place, (split, count) in enumerate((("train", 10), ("val", 4))):
        for label, name in enumerate("ab"):
            (tmp_path / "pets" / split / name).mkdir(parents=True)
            for number in range(count):
                photo = coordinates(30, 40 + number) + np.uint8([0, 0, 100 * label + 20 * place + number])
                Image.fromarray(photo).save(tmp_path / "pets" / split / name / f"{number}.png")
    return tmp_path / "pets"


def test_who_validates_on_what(folder):
    plain = load_photos(str(folder), 16)
    assert (len(plain.train), len(plain.validation), plain.test) == (20, 8, None)
    data = load_photos("pets", 16, train_size=24, hold_out=0.2, manual_dir=folder.parent)
    assert (len(data.train), len(data.validation), len(data.test)) == (16, 4, 8)
    assert data.test.files == plain.validation.files
    assert set(data.train.files) | set(data.validation.files) == set(plain.train.files)
    assert (data.image_shape, data.train.image_shape, data.validation.image_shape) == ((16, 16, 3), (24, 24, 3), (16, 16, 3))
    np.testing.assert_array_equal(data.test.fetch([0, 7]), plain.validation.fetch([0, 7]))
    images, labels = next(iter(train_batches(data, 4, seed=0, augment=PhotoAugmentation(16))))
    assert images.shape == (4, 16, 16, 3)
    assert labels.shape == (4,)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_to_hold_out_that_is_none(folder, share):
    with pytest.raises(UserError, match="hold_out expects a share from 0 to below 1"):
        load_photos(str(folder), 16, hold_out=share)


def test_a_folder_by_its_name_in_manual_dir(folder, tmp_path):
    assert load("pets", image_size=16, manual_dir=tmp_path).class_names == ["a", "b"]
    with pytest.raises(UserError, match="no folder and no data set called 'cats'"):
        load("cats", manual_dir=tmp_path)
