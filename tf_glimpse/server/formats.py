"""What requests and answers hold: predict in rows ("instances", "predictions") or columns ("inputs", "outputs"), classify in examples."""

import orjson
import tensorflow as tf

from tf_glimpse.server.errors import RequestError, shown
from tf_glimpse.server.json_tensor import decode_base64, dump, to_array, to_json, type_name


def parse(body):
    """The JSON object in a request's body, as a dict."""
    if not body:
        raise RequestError("JSON Parse error: The document is empty")
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"JSON Parse error: Invalid value. at offset: {error.pos}") from None
    if not isinstance(request, dict):
        raise RequestError(f"JSON Value: {shown(request)} Is not object")
    if not isinstance(request.get("signature_name", ""), str):
        raise RequestError(f"JSON Value: {shown(request)} not formatted correctly. 'signature_name' key must be a string value.")
    return request


def read_inputs(request, dtypes):
    """The tensors of a predict request, in the row format ("instances") or the column format ("inputs").

    Args:
        request: dict, as `parse` returns it.
        dtypes: NumPy dtype of each input of the signature, by name; object for strings.

    Returns:
        dict of name to NumPy array (strings as an object array of bytes), and whether the request was in rows.
    """
    if ("instances" in request) == ("inputs" in request):
        if "inputs" not in request:
            raise RequestError("Missing 'inputs' or 'instances' key")
        complaint = "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        raise RequestError(f"JSON Value: {shown(request)} {complaint}")
    if "instances" in request:
        return _from_rows(request["instances"], dtypes), True
    return _from_columns(request["inputs"], dtypes), False


def _from_rows(instances, dtypes):
    if not isinstance(instances, list):
        raise RequestError(f"JSON Value: {shown(instances)} Excepting 'instances' to be an list/array")
    if not instances:
        raise RequestError(f"JSON Value: {shown(instances)} No values in 'instances' array")
    if not _is_named(instances[0]):
        return {_only_input(dtypes, "instances is a plain list, but expecting list of objects"): _bare_rows(instances, *dtypes.values())}
    for index, instance in enumerate(instances):
        if not _is_named(instance):
            raise RequestError(f"Expecting object but got list at item {index} of input list")
        if instance.keys() != dtypes.keys():
            complaint = f"JSON object: {shown(instance)} keys must be equal to: {','.join(sorted(dtypes))}"
            raise RequestError(f"Failed to process element: {index} of 'instances' list. {complaint}")
    return {name: to_array([instance[name] for instance in instances], dtype) for name, dtype in dtypes.items()}


def _bare_rows(instances, dtype):
    for index, instance in enumerate(instances):
        if _is_named(instance):
            raise RequestError(f"Expecting value/list but got object at item {index} of input list")
    return to_array(instances, dtype)


def _from_columns(inputs, dtypes):
    if not _is_named(inputs):
        inputs = {_only_input(dtypes, "inputs is a plain value/list, but expecting an object"): inputs}
    for name in dtypes:
        if name not in inputs:
            raise RequestError(f"Missing named input: {name} in 'inputs' object.")
    return {name: to_array(inputs[name], dtype) for name, dtype in dtypes.items()}


def _only_input(dtypes, complaint):
    if len(dtypes) > 1:
        raise RequestError(f"{complaint} as multiple input tensors required as per tensorinfo_map")
    return next(iter(dtypes))


def _is_named(value):
    return isinstance(value, dict) and value.keys() != {"b64"}


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
        kind, item = _kind_and_item(name, value)
        given = feature.WhichOneof("kind") or kind
        if given != kind:
            raise RequestError(f"Unexpected element type in feature: {name} expecting type: {given.removesuffix('_list')}")
        getattr(feature, kind).value.append(item)


def _kind_and_item(name, value):
    if isinstance(value, dict):
        return "bytes_list", decode_base64(value)
    if isinstance(value, str):
        return "bytes_list", value.encode()
    if isinstance(value, float):
        return "float_list", to_array(value, "float32").item()
    if not isinstance(value, int):
        raise RequestError(f"Feature: {name} has element with unexpected JSON type: {type_name(value)}")
    if value >= 2**63:
        raise RequestError(f"Feature: {name} has uint64 element. Only int64 is supported.")
    return "int64_list", value


def write_outputs(outputs, in_rows):
    """The JSON of a predict answer, in the format of its request; a single output goes without its name."""
    columns = {name: to_json(name, array) for name, array in sorted(outputs.items())}
    if not in_rows:
        return dump({"outputs": columns if len(columns) > 1 else next(iter(columns.values()))})
    if len(columns) == 1:
        return dump({"predictions": list(next(iter(columns.values())))})
    return dump({"predictions": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]})
