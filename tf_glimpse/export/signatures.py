"""The questions an exported model answers: one function and its input specification each."""

import tensorflow as tf

from tf_glimpse.export.decoding import decode_images
from tf_glimpse.export.formats import READ_CHANNELS
from tf_glimpse.models.adaptive_looks import has_looks
from tf_glimpse.ops.patches import in_range

CLASSIFY = "classify"
CLASSIFY_METHOD = "tensorflow/serving/classify"  # by which TF-Serving knows such a signature
IMAGE_BYTES = "image_bytes"  # an input's name, and a feature's in a tf.train.Example


def to_example(image_bytes):
    """An encoded image as the serialized `tf.train.Example` that `classify` takes."""
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[image_bytes]))
    return tf.train.Example(features=tf.train.Features(feature={IMAGE_BYTES: feature})).SerializeToString()


def images_in(serialized):
    """The encoded images, as a list of bytes, in a serialized `tf.train.Example`; protobuf's `DecodeError` if it is none."""
    features = tf.train.Example.FromString(serialized).features.feature
    return list(features[IMAGE_BYTES].bytes_list.value) if IMAGE_BYTES in features else []


def signatures(model, white_level=None):
    """The signatures of a built model, by name.

    Every output has one row an image: `classes` string `[B]`, `labels` int32 `[B]`, `scores` float32 `[B, K]` (softmax after the last
    look), `locations` float32 `[B, T, 2]` (y, x) in [-1, 1], `num_glimpses` int32 `[B]`.

    - `bytes` (also `serving_default`): `image_bytes` string `[B]`, files of any size in the formats of `tf_glimpse.export.formats.READ`.
    - `uint8`: `images` uint8 `[B, H, W, C]`, 0-255, and `float`: `images` float32 `[B, H, W, C]` within the model's `input_range`,
      0-1 unless it declares another; both of the model's image size.
    - `trajectory`: as `bytes`, and answers every field of the `Trajectory` as well.
    - `sample`: as `bytes`, with `seed` int32 `[B, 2]`: the looks are drawn from the policy, each row by its own seed.
    - `classify`: `inputs` string `[B]`, serialized `tf.train.Example` with the feature `image_bytes`; answers `classes` string `[B, K]`
      and `scores` float32 `[B, K]`, best first, as TF-Serving's `:classify` expects.
    - `adaptive`, of an `AdaptiveModel` only: as `bytes`, with `threshold` float32 `[B]`: each image is looked at until the expected gain of
      one more look is below its own threshold. `num_glimpses` says how many looks that took; `locations` after them are zero.

    A model of images with other than 1, 3 or 4 channels has `uint8` (also `serving_default`) and `float` only.

    Args:
        model: a built model with `image_shape`, `num_classes`, `num_glimpses` and `class_names`.
        white_level: as for `decode_images`.

    Returns:
        dict of name to `(function, [tf.TensorSpec])`.
    """
    names = tf.constant(model.class_names or [str(label) for label in range(model.num_classes)])
    shape = tuple(model.image_shape)
    pixels = tf.TensorSpec([None, *shape], tf.uint8, "images")
    floats = tf.TensorSpec([None, *shape], tf.float32, "images")
    encoded = tf.TensorSpec([None], tf.string, IMAGE_BYTES)
    seeds = tf.TensorSpec([None, 2], tf.int32, "seed")
    # Traced once here and shared by the signatures; in floats, since a GPU has no kernel that gathers uint8.
    look = _traced(lambda images: model(images), floats)
    look_by_chance = _traced(lambda images, seed: model(images, sample=True, seed=seed), floats, seeds)

    def as_floats(images):
        return in_range(images, model.input_range)

    def opened(image_bytes):
        return as_floats(decode_images(image_bytes, shape, white_level))

    def answer(trajectory):
        scores = _scores(trajectory)
        labels = tf.argmax(scores, axis=-1, output_type=tf.int32)
        num_glimpses = tf.zeros_like(labels) + trajectory.locations.shape[1]
        locations = tf.cast(trajectory.locations, tf.float32)
        return {"classes": _named(names, labels), "labels": labels, "scores": scores, "locations": locations, "num_glimpses": num_glimpses}

    def adaptive(image_bytes, threshold):
        found = model.adapt(opened(image_bytes), threshold, tf.constant(model.num_glimpses))
        scores = tf.nn.softmax(found.logits)
        labels = tf.argmax(scores, axis=-1, output_type=tf.int32)
        places = {"locations": found.locations, "num_glimpses": found.num_glimpses}
        return {"classes": _named(names, labels), "labels": labels, "scores": scores, **places}

    def whole_trajectory(image_bytes):
        trajectory = look(opened(image_bytes))
        fields = {field: tf.cast(value, tf.float32) for field, value in trajectory._asdict().items()}
        return {**fields, **answer(trajectory)}

    def classify(inputs):
        with tf.device("cpu:0"):
            image_bytes = tf.io.parse_example(inputs, {IMAGE_BYTES: tf.io.FixedLenFeature([], tf.string)})[IMAGE_BYTES]
        scores, labels = tf.math.top_k(_scores(look(opened(image_bytes))), model.num_classes)
        return {"classes": _named(names, labels), "scores": scores}

    of_pixels = {
        "uint8": (lambda images: answer(look(as_floats(images))), [pixels]),
        "float": (lambda images: answer(look(images)), [floats]),
    }
    if shape[-1] not in READ_CHANNELS:
        return of_pixels
    stops = model.stops and has_looks(model.model)
    stopping = {"adaptive": (adaptive, [encoded, tf.TensorSpec([None], tf.float32, "threshold")])} if stops else {}
    return {
        "bytes": (lambda image_bytes: answer(look(opened(image_bytes))), [encoded]),
        **of_pixels,
        "trajectory": (whole_trajectory, [encoded]),
        "sample": (lambda image_bytes, seed: answer(look_by_chance(opened(image_bytes), seed)), [encoded, seeds]),
        CLASSIFY: (classify, [tf.TensorSpec([None], tf.string, "inputs")]),
        **stopping,
    }


def _traced(function, *specifications):
    return tf.function(function, autograph=False).get_concrete_function(*specifications)


def _scores(trajectory):
    return tf.nn.softmax(tf.cast(trajectory.logits[:, -1], tf.float32))


def _named(names, labels):
    with tf.device("cpu:0"):  # a GPU holds no strings
        return tf.gather(names, labels)
