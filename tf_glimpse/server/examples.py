"""JSON to `tf.train.Example`, as TF-Serving's `:classify` reads it."""

import tensorflow as tf

from tf_glimpse.server.json_tensor import RequestError, decode_base64, type_name


def read_examples(request):
    """The `tf.train.Example`s of a classify request, each with the request's "context" put in."""
    examples = request.get("examples")
    if examples is None:
        raise RequestError("When method is classify, key 'examples' is expected and was not found")
    if not isinstance(examples, list):
        raise RequestError("Expecting 'examples' value to be an list/array")
    if not examples:
        raise RequestError("'examples' value is an empty array")
    context = _example(request.get("context", {}))
    for example in examples:
        merged = tf.train.Example()
        merged.CopyFrom(context)
        merged.MergeFrom(_example(example))
        yield merged


def _example(features):
    if not isinstance(features, dict):
        raise RequestError(f"Example must be JSON object but got JSON {type_name(features)}")
    example = tf.train.Example()
    for name, value in features.items():
        _fill(example.features.feature[name], name, value if isinstance(value, list) else [value])
    return example


def _fill(feature, name, values):
    for value in values:
        if isinstance(value, dict):
            feature.bytes_list.value.append(decode_base64(value))
        elif isinstance(value, str):
            feature.bytes_list.value.append(value.encode())
        elif isinstance(value, float):
            feature.float_list.value.append(value)
        elif isinstance(value, int):
            feature.int64_list.value.append(value)
        else:
            raise RequestError(f"Feature: {name} has element with unexpected JSON type: {type_name(value)}")
