"""Warm-up records: requests that a server answers to itself before it takes anybody else's."""

from pathlib import Path

import tensorflow as tf

from tf_glimpse.export.signatures import IMAGE_BYTES, to_example
from tf_glimpse.types import UserError


def add(folder, image_shape, batch_sizes):
    """Adds warm-up records to the SavedModel in `folder`: black images for `serving_default` in every batch size, one for the others.

    Every record is then answered: one that failed would make TF-Serving refuse the model.
    """
    prediction_log = protos()
    loaded = tf.saved_model.load(str(folder))
    path = Path(folder) / "assets.extra" / "tf_serving_warmup_requests"
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for name, signature in loaded.signatures.items():
            for batch_size in batch_sizes if name == "serving_default" else [1]:
                inputs = _inputs(signature, image_shape, batch_size)
                writer.write(_record(prediction_log, name, inputs).SerializeToString())
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        request = prediction_log.PredictionLog.FromString(record).predict_log.request
        inputs = {key: tf.constant(tf.make_ndarray(value)) for key, value in request.inputs.items()}
        loaded.signatures[request.model_spec.signature_name](**inputs)


def _record(prediction_log, signature_name, inputs):
    record = prediction_log.PredictionLog()
    record.predict_log.request.model_spec.signature_name = signature_name
    for key, value in inputs.items():
        record.predict_log.request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return record


def _inputs(signature, image_shape, batch_size):
    specifications = signature.structured_input_signature[1]
    numbers = {key: given for key, given in specifications.items() if given.dtype != tf.string}
    inputs = {key: tf.zeros([batch_size, *given.shape[1:]], given.dtype) for key, given in numbers.items()}
    if len(inputs) < len(specifications):
        encoded = tf.io.encode_png(tf.zeros(image_shape, tf.uint8)).numpy()
        texts = {IMAGE_BYTES: encoded, "inputs": to_example(encoded)}
        inputs |= {key: tf.fill([batch_size], texts[key]) for key in specifications if key in texts}
    return inputs


def protos():
    """The module with TF-Serving's `PredictionLog`.

    Raises:
        UserError: it is not installed.
    """
    try:
        from tensorflow_serving.apis import prediction_log_pb2
    except ImportError:
        message = "warm-up records need tensorflow-serving-api: pip install tf_glimpse[serve], or export without, `warm_up_batch_sizes=()`"
        raise UserError(message) from None
    return prediction_log_pb2
