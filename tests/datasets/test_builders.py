import dataclasses
import functools
import hashlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_glimpse.datasets import builders, eval_batches, load, train_batches
from tf_glimpse.datasets.builders import ClutteredMNIST, DigitsCanvas, TranslatedMNIST, compose_split
from tf_glimpse.datasets.canvas import Canvas
from tf_glimpse.datasets.prepare import prepared_builder
from tf_glimpse.datasets.stored import read_split
from tf_glimpse.types import UserError

FEW = 300  # examples a split of real MNIST that the tests prepare


def checksum(source, count):
    return hashlib.sha256(source.fetch(np.arange(count)).numpy().tobytes()).hexdigest()


@pytest.fixture(scope="module")
def few_of_mnist(manual_dir, tmp_path_factory):
    """A data folder in which every set is prepared from MNIST's files, with the first examples of each split only."""
    patch = pytest.MonkeyPatch()
    patch.setattr(tfds.download, "DownloadConfig", functools.partial(tfds.download.DownloadConfig, max_examples_per_split=FEW))
    yield functools.partial(load, manual_dir=manual_dir, data_dir=tmp_path_factory.mktemp("mnist"))
    patch.undo()


def test_digits_canvas_is_what_it_was(digits_data):
    assert [len(source) for source in (digits_data.train, digits_data.validation, digits_data.test)] == [1197, 200, 400]
    assert digits_data.train.image_shape == (28, 28, 1) and digits_data.image_shape == digits_data.test.image_shape == (60, 60, 1)
    assert digits_data.canvas == Canvas(60, pieces=4) and digits_data.class_names == list("0123456789")
    for source in (digits_data.train, digits_data.validation, digits_data.test):
        counts = np.bincount(source.labels)
        assert len(counts) == 10 and counts.max() - counts.min() <= len(source) * 0.02 + 1
    assert checksum(digits_data.train, 100) == "a0794257b522da2079736a5d14b350868c4fcf59ab8606ad0d24510bb21acc4a"
    assert checksum(digits_data.validation, 100) == "a7548c21543275bfb1462dd68e4ca2bc28d789171885d26ca4d03f4c4c39c611"
    assert checksum(digits_data.test, 100) == "312f55c74dc1ad5acb34e12438c8bf8badf00786e7619554453eac50193419a3"


def test_digits_of_different_splits_are_different_digits(tmp_path):
    digits = DigitsCanvas(data_dir=tmp_path).digits()
    images = [{image.tobytes() for image in digits[split][0]} for split in ("train", "validation", "test")]
    assert sum(map(len, images)) == len(set.union(*images)) == 1797


def test_training_on_digits_shows_canvases(digits_data):
    images, labels = next(train_batches(digits_data, 32, seed=0).as_numpy_iterator())
    assert images.shape == (32, 60, 60, 1) and images.dtype == np.uint8 and labels.shape == (32,)


def test_an_image_is_keyed_by_its_index():
    images = np.random.default_rng(0).integers(0, 256, [30, 28, 28, 1], np.uint8)
    canvas, labels = Canvas(60, pieces=4), np.zeros(30, int)
    whole = compose_split(images, labels, 2, canvas)
    np.testing.assert_array_equal(compose_split(images, labels, 2, canvas), whole)
    assert (compose_split(images, labels, 1, canvas) != whole).any((1, 2, 3)).all()
    bare = Canvas(60, pieces=0)
    np.testing.assert_array_equal(compose_split(images[:7], labels[:7], 2, bare), compose_split(images, labels, 2, bare)[:7])


def test_builders_describe_themselves():
    for builder, sizes in ((TranslatedMNIST, {"60", "100"}), (ClutteredMNIST, {"60", "100", "1024"})):
        assert set(builder.builder_configs) == sizes
        for config in builder.builder_configs.values():
            assert config.canvas.size == int(config.name)
    assert [config.canvas.pieces for config in ClutteredMNIST.BUILDER_CONFIGS] == [4, 8, 32]
    assert [config.canvas.pieces for config in TranslatedMNIST.BUILDER_CONFIGS] == [0, 0]
    info = tfds.builder("digits_canvas").info
    assert "Recurrent Models of Visual Attention" in info.citation and "1,797" in info.description and str(info.version) == "1.0.0"


def test_mnist_canvases_from_real_files(few_of_mnist):
    mnist, cluttered, translated = (few_of_mnist(name) for name in ("mnist", "cluttered_mnist/60", "translated_mnist/100"))
    assert [len(source) for source in (mnist.train, mnist.validation, mnist.test)] == [270, 30, 300]
    assert (mnist.image_shape, mnist.canvas) == ((28, 28, 1), None)
    for data, size, pieces in ((cluttered, 60, 4), (translated, 100, 0)):
        assert (data.canvas, data.image_shape) == (Canvas(size, pieces), (size, size, 1))
        for split in ("train", "validation", "test"):
            np.testing.assert_array_equal(np.bincount(getattr(data, split).labels), np.bincount(getattr(mnist, split).labels))
    # the same validation digits as plain MNIST: each translated canvas holds one of them and nothing else
    bare, placed = (data.validation.fetch(np.arange(30)).numpy().sum((1, 2, 3), dtype=np.int64) for data in (mnist, translated))
    np.testing.assert_array_equal(np.sort(placed), np.sort(bare))
    assert checksum(cluttered.test, 100) == "a866f6fe59e1c84d6d236e04f811510507d6303d9c87b6fe503333b1b9f9b644"
    assert checksum(translated.validation, 30) == "bfc02d839948d5108c26eb707d99f42664124146396f3f7c8cecb441cd149af6"


def test_each_set_gets_its_own_images(few_of_mnist):
    """TFDS extracts files by name alone, and both sets' files have the same names."""
    mnist, fashion = few_of_mnist("mnist"), few_of_mnist("fashion_mnist")
    assert fashion.class_names[0] == "T-shirt/top"
    inked = [np.mean(data.test.fetch(np.arange(FEW)).numpy() > 0) for data in (mnist, fashion)]
    assert inked[0] < 0.25 and inked[1] > 0.4


def test_clothes_on_canvases(few_of_mnist):
    fashion, placed = few_of_mnist("fashion_mnist"), few_of_mnist("cluttered_fashion_mnist/60")
    assert (placed.canvas, placed.image_shape) == (Canvas(60, pieces=4), (60, 60, 1))
    np.testing.assert_array_equal(np.bincount(placed.validation.labels), np.bincount(fashion.validation.labels))
    bare, canvases = (data.test.fetch(np.arange(FEW)).numpy().sum((1, 2, 3), dtype=np.int64) for data in (fashion, placed))
    assert canvases.mean() > bare.mean()  # the same clothes, and pieces of others


def test_evaluation_images_are_canvases(few_of_mnist):
    test = few_of_mnist("cluttered_mnist/100").test
    images, _ = next(eval_batches(test, 16).as_numpy_iterator())
    assert images.shape == (16, 100, 100, 1)
    assert checksum(test, 100) == "128404a944a6cbcb08604e1f667752ea1c233c60e08aa8f354ebc045114499dd"


def test_evaluation_images_come_with_any_number_of_pieces(digits_data):
    """As stored with as many pieces as the set has; fewer pieces leave the rest as it was, down to the clean digit."""
    stored = digits_data.test.fetch(np.arange(400)).numpy()
    sources = [digits_data.with_clutter("test", pieces) for pieces in (0, 2, 4, 6)]
    clean, two, four, six = (source.fetch(np.arange(400)).numpy().astype(int) for source in sources)
    np.testing.assert_array_equal(four, stored)
    assert (clean <= two).all() and (two <= four).all() and (four <= six).all()
    assert (clean < four).any(axis=(1, 2, 3)).mean() > 0.99
    rows, columns = ((clean > 0).any(axis=axes).sum(axis=1).max() for axes in ((2, 3), (1, 3)))
    assert rows <= 28 and columns <= 28
    np.testing.assert_array_equal(sources[0].labels, digits_data.test.labels)
    for split, pieces in (("train", 0), ("validation", 1)):
        data = dataclasses.replace(digits_data, recompose=None)
        with pytest.raises(UserError, match="with_clutter expects"):
            data.with_clutter(split, pieces)
    assert dataclasses.replace(digits_data, recompose=None, canvas=None).with_clutter("test") is digits_data.test


def test_training_batches_come_with_clean_images(digits_data):
    options = {"batch_size": 16, "seed": 3}
    images, labels = next(iter(train_batches(digits_data, **options)))
    inputs, same = next(iter(train_batches(digits_data, **options, clean=True)))
    np.testing.assert_array_equal(inputs["images"], images)
    np.testing.assert_array_equal(same, labels)
    clean = inputs["clean"]
    assert clean.dtype == images.dtype and (clean.numpy() <= images.numpy()).all()
    assert ((clean.numpy() > 0).any(axis=(2, 3)).sum(axis=1) <= 28).all()
    assert (clean.numpy() < images.numpy()).any(axis=(1, 2, 3)).all()


def test_canvases_too_large_to_keep_are_drawn_when_they_are_fetched(tmp_path, monkeypatch):
    """Stored as digits; drawn by the same numbers as finished ones are, whatever is fetched together; clutter is not taken off them."""
    monkeypatch.setattr(builders, "_STORED_SIZE", 59)
    data = load("digits_canvas", data_dir=tmp_path)
    digits, labels = read_split(prepared_builder("digits_canvas", data_dir=tmp_path), "test")
    assert digits.shape == (len(data.test), 28, 28, 1)
    wanted = compose_split(digits, labels, 2, Canvas(60, pieces=4))
    np.testing.assert_array_equal(data.test.fetch(np.arange(len(data.test))), wanted)
    np.testing.assert_array_equal(data.test.fetch([7, 3]), wanted[[7, 3]])
    batches = list(eval_batches(data.test.subset([5, 6, 8]), 2))
    np.testing.assert_array_equal(np.concatenate([images for images, _ in batches]), wanted[[5, 6, 8]])
    with pytest.raises(UserError, match="at most 256 px"):
        data.with_clutter("test")
    assert data.image_shape == data.test.image_shape == (60, 60, 1)


def test_a_batch_holds_no_more_than_64_mib_unless_it_is_told_to(digits_data):
    assert next(iter(eval_batches(digits_data.test)))[0].shape[0] == 400
    large = dataclasses.replace(
        digits_data.test, image_shape=(2048, 2048, 1), fetch=lambda indices: tf.zeros([len(indices), 2048, 2048, 1])
    )
    assert next(iter(eval_batches(large)))[0].shape[0] == 16
