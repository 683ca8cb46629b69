import tracemalloc

import numpy as np
import orjson
import pytest

from tf_glimpse.server.errors import RequestError
from tf_glimpse.server.formats import parse, read_inputs, write_outputs
from tf_glimpse.server.json_tensor import dump, to_array

TWO = {"a": np.dtype("float32"), "b": np.dtype(object)}
ONE = {"a": np.dtype("float32")}


@pytest.mark.parametrize(
    "value, dtype, wanted",
    [
        ([[1, 2.5], [3, 4]], "float32", np.float32([[1, 2.5], [3, 4]])),
        ([0, 255], "uint8", np.uint8([0, 255])),
        ([-(2**63)], "int64", np.int64([-(2**63)])),
        ([True, False], "bool", np.array([True, False])),
        ([["ä", {"b64": "AP8="}]], object, np.array([["ä".encode(), b"\0\xff"]], object)),
        ([{"b64": "AP\n8="}], object, np.array([b"\0\xff"], object)),
        (3.5, "float32", np.float32(3.5)),
        ([2**63, 0], "uint64", np.uint64([2**63, 0])),
        ([[], []], "float32", np.zeros([2, 0], "float32")),
        ([], object, np.array([], object)),
    ],
)
def test_values_become_tensors(value, dtype, wanted):
    array = to_array(value, dtype)
    assert (array.dtype, array.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_array_equal(array, wanted)


@pytest.mark.parametrize(
    "value, dtype, message",
    [
        ([[1, 2], [3]], "float32", "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
        ([1, [2]], "float32", "Encountered list at unexpected level: 1 expected < 1"),
        ([[1], 2], "float32", "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
        ([None], "float32", "JSON Value: null Type: Null is not of expected type: float"),
        ([True], "float64", "JSON Value: true Type: True is not of expected type: double"),
        ([{"b64": "AA=="}], "int32", "Type: Object is not of expected type: int32"),
        ([256], "uint8", "JSON Value: 256 Type: Number is not of expected type: uint8"),
        ([1.5], "int32", "JSON Value: 1.5 Type: Number is not of expected type: int32"),
        ([1], "bool", "JSON Value: 1 Type: Number is not of expected type: bool"),
        ([2**63, -1], "int64", "JSON Value: 9223372036854775808 Type: Number is not of expected type: int64"),
        ([-(2**63)], "float16", "Cannot convert JSON value: -9223372036854775808 to float16 without loss of precision."),
        ([1e39], "float32", "Cannot convert JSON value: 1e+39 to float without loss of precision."),
        ([{"b64": "A"}], object, "Unable to base64 decode"),
        ([{"b64": "%%%%"}], object, "Unable to base64 decode"),
        ([{"b64": 1}], object, 'JSON Value: {"b64":1} not formatted correctly for base64 data'),
        ([{"b64": "", "c": 1}], object, "not formatted correctly for base64 data"),
        (orjson.loads("[" * 100 + "1" + "]" * 100), "float32", "lists are nested deeper than 32 levels"),
        (["x" * 1000], "float32", '..." Type: String'.replace('"', "")),
    ],
)
def test_values_that_are_no_tensor(value, dtype, message):
    with pytest.raises(RequestError) as error:
        to_array(value, dtype)
    assert message in str(error.value) and len(str(error.value)) < 400


def test_a_long_string_among_numbers_is_not_multiplied():
    value = [[0] * 1000, ["x" * 100_000, *[0] * 999]]
    tracemalloc.start()
    with pytest.raises(RequestError, match="Type: String is not of expected type: float"):
        to_array(value, "float32")
    assert tracemalloc.get_traced_memory()[1] < 2_000_000  # 800 MB as an array of strings
    tracemalloc.stop()


@pytest.mark.parametrize(
    "request_, dtypes, message",
    [
        ({"instances": [1], "inputs": [1]}, ONE, "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist"),
        ({"instances": 1}, ONE, "Excepting 'instances' to be an list/array"),
        ({"instances": []}, ONE, "No values in 'instances' array"),
        ({"instances": [1]}, TWO, "instances is a plain list, but expecting list of objects as multiple input tensors required"),
        ({"instances": [{"a": 1}, 2]}, ONE, "Expecting object but got list at item 1 of input list"),
        ({"instances": [1, {"a": 1}]}, ONE, "Expecting value/list but got object at item 1 of input list"),
        (
            {"instances": [{"a": 1, "b": "x"}, {"a": 1}]},
            TWO,
            "Failed to process element: 1 of 'instances' list. JSON object: {\"a\":1} keys must",
        ),
        ({"instances": [{"a": 1, "c": 1}]}, TWO, "keys must be equal to: a,b"),
        ({"inputs": [1]}, TWO, "inputs is a plain value/list, but expecting an object as multiple input tensors required"),
        ({"inputs": {"a": [1]}}, TWO, "Missing named input: b in 'inputs' object."),
    ],
)
def test_requests_that_do_not_fit_the_signature(request_, dtypes, message):
    with pytest.raises(RequestError) as error:
        read_inputs(request_, dtypes)
    assert message in str(error.value)


def test_rows_and_columns_hold_the_same():
    rows, in_rows = read_inputs({"instances": [{"b": "x", "a": [1]}, {"a": [2], "b": "y"}]}, TWO)
    columns, in_columns = read_inputs({"inputs": {"a": [[1], [2]], "b": ["x", "y"]}}, TWO)
    assert (in_rows, in_columns) == (True, False)
    for name in TWO:
        np.testing.assert_array_equal(rows[name], columns[name])


def test_deep_nesting_is_refused_not_followed():
    with pytest.raises(RequestError, match="nested too deep to be shown"):
        parse(b"[" * 500 + b"]" * 500)


def test_answers_are_written_in_the_format_of_the_question():
    outputs = {"y": np.float32([[0.1], [2]]), "raw_bytes": np.array([b"\0", b"a"], object), "text": np.array([[b"a"], [b"\xff"]], object)}
    assert orjson.loads(write_outputs(outputs, in_rows=True)) == {
        "predictions": [
            {"raw_bytes": {"b64": "AA=="}, "text": ["a"], "y": [0.1]},
            {"raw_bytes": {"b64": "YQ=="}, "text": ["�"], "y": [2.0]},
        ]
    }
    assert orjson.loads(write_outputs({"y": outputs["y"]}, in_rows=True)) == {"predictions": [[0.1], [2.0]]}
    assert orjson.loads(write_outputs({"y": outputs["y"]}, in_rows=False)) == {"outputs": [[0.1], [2.0]]}
    assert set(orjson.loads(write_outputs(outputs, in_rows=False))["outputs"]) == set(outputs)
    assert dump(np.float32(0.1)) == b"0.1"
