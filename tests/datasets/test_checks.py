import numpy as np
import pytest

from tf_glimpse.datasets import ImageData, array_source, check_images
from tf_glimpse.types import UserError

GOOD = np.zeros([2, 28, 28, 1], np.float32)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 12])
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
def test_good_input_passes(channels, dtype):
    check_images(np.ones([2, 28, 20, channels], dtype), labels=np.array([0, 9]), num_classes=10, patch_size=20)


def with_value(value):
    images = GOOD.copy()
    images[1, 3, 3] = value
    return images


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (GOOD[0], r"rank 4, \[batch, height, width, channels\], got shape \(28, 28, 1\)"),
        (np.zeros([2, 28, 28]), r"rank 4.* got shape \(2, 28, 28\)"),
        (np.zeros([2, 3, 28, 28]), r"channels on the last axis, got shape \(2, 3, 28, 28\); use np.moveaxis\(images, 1, -1\)"),
        (np.zeros([2, 28, 28, 1], np.int64), r"uint8 \(0 to 255\) or float \(0 to 1\), got dtype int64"),
        (np.array([[[["a"]]]]), "got dtype <U1"),
        (with_value(np.nan), "got NaN in 1 of 2 images"),
        (with_value(255.0), "must lie in 0 to 1, got 0 to 255; divide by 255"),
        (with_value(-0.5), "must lie in 0 to 1, got -0.5 to 0"),
        (with_value(np.inf), "must lie in 0 to 1, got 0 to inf"),
    ],
)
def test_bad_images_are_told(images, message):
    with pytest.raises(UserError, match=message):
        check_images(images)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 10], r"0 to 9 \(10 classes\), got 0 to 10"),
        ([-1, 3], "0 to 9 .* got -1 to 3"),
        ([1], r"2 whole numbers, one an image, got shape \(1,\)"),
        ([0.0, 1.0], "whole numbers, .* dtype float64"),
        ([[0, 1], [1, 0]], r"got shape \(2, 2\)"),
    ],
)
def test_bad_labels_are_told(labels, message):
    with pytest.raises(UserError, match=message):
        check_images(GOOD, labels=labels, num_classes=10)


def test_an_image_smaller_than_the_smallest_patch_is_told():
    with pytest.raises(UserError, match="as large as the smallest patch, 8x8, got 7x28 pixels"):
        check_images(GOOD[:, :7], patch_size=8)


def test_sources_take_uint8_only():
    with pytest.raises(UserError, match="expected uint8 images, 0 to 255, got dtype float32"):
        array_source(GOOD, [0, 1])


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_labels_are_checked_where_data_enter(split):
    good = array_source(np.zeros([2, 28, 28, 1], np.uint8), [0, 1])
    sources = {"train": good, "validation": None, "test": None}
    ImageData("good", **sources, num_classes=2, class_names=["a", "b"], image_shape=(28, 28, 1))
    sources[split] = array_source(np.zeros([2, 28, 28, 1], np.uint8), [1, 2])
    with pytest.raises(UserError, match=r"labels must lie in 0 to 1 \(2 classes\), got 1 to 2"):
        ImageData("bad", **sources, num_classes=2, class_names=["a", "b"], image_shape=(28, 28, 1))
