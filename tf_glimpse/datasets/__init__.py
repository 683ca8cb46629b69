"""Images and labels: named sets, folders, digits on cluttered canvases, and the one tf.data pipeline that feeds them.

Example:
    >>> from tf_glimpse.datasets import eval_batches, load, train_batches
    >>> data = load("digits_canvas")
    >>> images, labels = next(iter(train_batches(data, batch_size=32, seed=0)))
    >>> images.shape, images.dtype.name
    (TensorShape([32, 60, 60, 1]), 'uint8')
"""

from tf_glimpse.datasets.actions import Supervision, centre_actions, map_actions, random_actions, scan_actions, sequence_actions
from tf_glimpse.datasets.augment import Augmentation
from tf_glimpse.datasets.canvas import Canvas
from tf_glimpse.datasets.checks import check_images
from tf_glimpse.datasets.decode import decode_image
from tf_glimpse.datasets.loading import load, whole_name
from tf_glimpse.datasets.photos import PhotoAugmentation, load_photos
from tf_glimpse.datasets.pipeline import eval_batches, steps_per_epoch, train_batches
from tf_glimpse.datasets.sources import ImageData, ImageSource, array_source
from tf_glimpse.datasets.tasks import one_against_rest

__all__ = [
    "Augmentation",
    "Canvas",
    "ImageData",
    "ImageSource",
    "PhotoAugmentation",
    "Supervision",
    "array_source",
    "centre_actions",
    "check_images",
    "decode_image",
    "eval_batches",
    "load",
    "load_photos",
    "map_actions",
    "one_against_rest",
    "random_actions",
    "scan_actions",
    "sequence_actions",
    "steps_per_epoch",
    "train_batches",
    "whole_name",
]
