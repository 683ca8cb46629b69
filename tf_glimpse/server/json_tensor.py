"""JSON values to tensors and back, with the error texts of TF-Serving (`util/json_tensor.cc`, r2.20)."""

import base64
import binascii
from itertools import chain

import numpy as np
import orjson

from tf_glimpse.server.errors import RequestError, shown

_JSON_TYPES = {type(None): "Null", str: "String", int: "Number", float: "Number", list: "Array", dict: "Object"}
_NUMBERS = {"f": {int, float}, "i": {int}, "u": {int}, "b": {bool}}  # what each kind of dtype is made of
_DEEPEST = 32  # levels of nested lists


def to_array(value, dtype):
    """Nested lists as an array of `dtype`; strings, and bytes as `{"b64": "..."}`, as an object array of bytes."""
    dtype = np.dtype(dtype)
    array = _numbers(value, dtype)
    if array is not None:
        return array
    shape, first = [], value
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else None
        if len(shape) > _DEEPEST:
            raise RequestError(f"lists are nested deeper than {_DEEPEST} levels")
    leaves = []
    _flatten(value, shape, 0, dtype, leaves)
    array = np.empty(len(leaves), dtype)
    array[:] = leaves
    return array.reshape(shape)


def _numbers(value, dtype):
    """The fast way for a good tensor of numbers; None if anything is unusual.

    NumPy gets nothing but numbers: one long string among them, and it would make every one as long.
    """
    flat, shape = [value], []
    while flat and isinstance(flat[0], list) and len(shape) < _DEEPEST:
        length = len(flat[0])
        if not all(isinstance(item, list) and len(item) == length for item in flat):
            return None
        shape.append(length)
        flat = list(chain.from_iterable(flat))
    if not set(map(type, flat)) <= _NUMBERS.get(dtype.kind, set()):
        return None
    if flat and not _within(dtype, min(flat), max(flat)):
        return None
    return np.array(flat, dtype).reshape(shape)


def _within(dtype, least, most):
    if dtype.kind == "f":
        return float(np.finfo(dtype).min) <= least and most <= float(np.finfo(dtype).max)
    return dtype.kind == "b" or (np.iinfo(dtype).min <= least and most <= np.iinfo(dtype).max)


def _flatten(value, shape, level, dtype, leaves):
    if not isinstance(value, list):
        if level != len(shape):
            raise RequestError(
                f"JSON Value: {shown(value)} found at incorrect level: {level + 1} in the JSON DOM. Expected at level: {len(shape)}"
            )
        leaves.append(_leaf(value, dtype))
    elif level >= len(shape):
        raise RequestError(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    elif len(value) != shape[level]:
        raise RequestError(f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}")
    else:
        for item in value:
            _flatten(item, shape, level + 1, dtype, leaves)


def _leaf(value, dtype):
    if dtype.kind == "O" and isinstance(value, str):
        return value.encode()
    if dtype.kind == "O" and isinstance(value, dict):
        return decode_base64(value)
    if dtype.kind == "f" and type(value) in (int, float):
        if not _within(dtype, value, value):
            raise RequestError(f"Cannot convert JSON value: {value} to {_dtype_name(dtype)} without loss of precision.")
        return value
    if dtype.kind in "iu" and type(value) is int and _within(dtype, value, value):
        return value
    if dtype.kind == "b" and isinstance(value, bool):
        return value
    raise RequestError(f"JSON Value: {shown(value)} Type: {type_name(value)} is not of expected type: {_dtype_name(dtype)}")


def _dtype_name(dtype):
    return {"float32": "float", "float64": "double", "object": "string"}.get(dtype.name, dtype.name)


def type_name(value):
    """TF-Serving's word for the type of a JSON value."""
    return str(value) if isinstance(value, bool) else _JSON_TYPES[type(value)]


def decode_base64(value):
    """The bytes of `{"b64": "..."}`."""
    if value.keys() != {"b64"} or not isinstance(value["b64"], str):
        raise RequestError(f"JSON Value: {shown(value)} not formatted correctly for base64 data")
    try:
        return base64.b64decode("".join(value["b64"].split()), validate=True)
    except (binascii.Error, ValueError):
        raise RequestError("Unable to base64 decode") from None


def to_json(name, array):
    """An output as what `dump` writes; strings as text, or as `{"b64": "..."}` where the output's name ends in `_bytes`."""
    if array.dtype != object:
        return np.ascontiguousarray(array)
    if name.endswith("_bytes"):
        return _mapped(array.tolist(), lambda text: {"b64": base64.b64encode(text).decode()})
    return _mapped(array.tolist(), lambda text: text.decode(errors="replace"))


def _mapped(value, function):
    return [_mapped(item, function) for item in value] if isinstance(value, list) else function(value)


def dump(value):
    """JSON bytes of a value that may hold NumPy arrays."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
