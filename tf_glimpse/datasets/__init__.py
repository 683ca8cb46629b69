"""Images and labels: named sets, folders, digits on cluttered canvases, and the one tf.data pipeline that feeds them.

The names load on first use: importing this loads no TensorFlow.

Example:
    >>> from tf_glimpse.datasets import eval_batches, load, train_batches
    >>> data = load("digits_canvas")
    >>> images, labels = next(iter(train_batches(data, batch_size=32, seed=0)))
    >>> images.shape, images.dtype.name
    (TensorShape([32, 60, 60, 1]), 'uint8')
"""

from tf_glimpse.late import on_first_use

_HOME = {
    "Augmentation": "augment",
    "Canvas": "canvas",
    "check_images": "checks",
    "checked_class_names": "class_names",
    "decode_image": "decode",
    "load": "loading",
    "refuse_wrong_name": "names",
    "whole_name": "names",
    "PhotoAugmentation": "photos",
    "load_photos": "photos",
    "eval_batches": "pipeline",
    "steps_per_epoch": "pipeline",
    "train_batches": "pipeline",
    "ImageData": "sources",
    "ImageSource": "sources",
    "array_source": "sources",
    "Supervision": "supervision",
    "places_of": "supervision",
    "one_against_rest": "tasks",
}

__all__ = sorted(_HOME)

__getattr__ = on_first_use(__name__, _HOME)
