import asyncio
import base64
import http.client
import io
import json
import re
import shutil
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_glimpse.server.app import make_app
from tf_glimpse.server.servable import Servable
from tf_glimpse.types import Trajectory, UserError

PREDICT = "/v1/models/digits:predict"
CLASSIFY = "/v1/models/digits:classify"


def b64(data):
    return {"b64": base64.b64encode(data).decode()}


def assert_answers(rows, trajectory):
    np.testing.assert_allclose([row["scores"] for row in rows], tf.nn.softmax(trajectory.logits[:, -1]), atol=1e-5)
    np.testing.assert_allclose([row["locations"] for row in rows], trajectory.locations, atol=1e-5)
    labels = tf.argmax(trajectory.logits[:, -1], axis=-1).numpy().tolist()
    assert [row["labels"] for row in rows] == labels
    assert [row["classes"] for row in rows] == [["ant", "bee", "cät"][label] for label in labels]
    assert [row["num_glimpses"] for row in rows] == [2] * len(rows)


@pytest.mark.parametrize("path", [PREDICT, "/v1/models/digits/versions/12:predict"])
@pytest.mark.parametrize("named", [False, True])
def test_files_in_rows(ask, model, images, files, path, named):
    instances = [{"image_bytes": file} for file in files] if named else files
    status, answer = ask(path, {"instances": instances})
    assert status == 200, answer
    assert_answers(answer["predictions"], model(images))


@pytest.mark.parametrize("named", [False, True])
def test_files_in_columns(ask, model, images, files, named):
    status, answer = ask(PREDICT, {"signature_name": "bytes", "inputs": {"image_bytes": files} if named else files})
    assert status == 200, answer
    columns = answer["outputs"]
    assert_answers([dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)], model(images))


@pytest.mark.parametrize("signature, scale", [("uint8", 1), ("float", 255)])
def test_pixels(ask, model, images, signature, scale):
    pixels = (images / scale).tolist() if scale > 1 else images.tolist()
    status, answer = ask(PREDICT, {"signature_name": signature, "instances": pixels})
    assert status == 200, answer
    assert_answers(answer["predictions"], model(images))


def test_sampling_takes_a_seed_a_row(ask, model, images, files):
    seeds = [[1, 2], [3, 4], [5, 6]]
    instances = [{"image_bytes": file, "seed": seed} for file, seed in zip(files, seeds, strict=True)]
    status, answer = ask(PREDICT, {"signature_name": "sample", "instances": instances})
    assert status == 200, answer
    assert_answers(answer["predictions"], model(images, sample=True, seed=tf.constant(seeds)))


@pytest.mark.parametrize("kind", ["GIF", "BMP", "WEBP"])
def test_other_formats_than_png(ask, model, images, kind):
    """All three are stored without loss; the third TensorFlow decodes as colours."""
    stream = io.BytesIO()
    Image.fromarray(images[0, ..., 0]).save(stream, kind, **({"lossless": True} if kind == "WEBP" else {}))
    status, answer = ask(PREDICT, {"instances": [{"b64": base64.b64encode(stream.getvalue()).decode()}]})
    assert status == 200, answer
    assert_answers(answer["predictions"], model(images[:1]))


def test_a_moving_webp_is_refused_and_the_server_lives(ask, images):
    stream = io.BytesIO()
    frames = [Image.fromarray(image[..., 0]) for image in images]
    frames[0].save(stream, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    status, answer = ask(PREDICT, {"instances": [{"b64": base64.b64encode(stream.getvalue()).decode()}]})
    assert status == 400
    assert "a moving WebP, which is not read" in answer["error"]
    assert ask("/v1/models/digits")[0] == 200


def test_the_whole_trajectory(ask, model, images, files):
    status, answer = ask(PREDICT, {"signature_name": "trajectory", "inputs": files})
    assert status == 200, answer
    assert set(Trajectory._fields) < set(answer["outputs"])
    np.testing.assert_allclose(answer["outputs"]["hidden"], model(images).hidden, atol=1e-5)


@pytest.mark.parametrize("context", [False, True])
def test_classify(ask, model, images, files, context):
    examples = (
        {"context": {"image_bytes": files[0]}, "examples": [{}]} if context else {"examples": [{"image_bytes": files[0], "n": [1, 2]}]}
    )
    status, answer = ask(CLASSIFY, {"signature_name": "classify", **examples})
    assert status == 200, answer
    scores = tf.nn.softmax(model(images[:1]).logits[0, -1]).numpy()
    ranked = np.argsort(-scores)
    assert [name for name, _ in answer["results"][0]] == [["ant", "bee", "cät"][label] for label in ranked]
    np.testing.assert_allclose([score for _, score in answer["results"][0]], scores[ranked], atol=1e-5)


@pytest.mark.parametrize("path", ["/v1/models/digits", "/v1/models/digits/versions/12"])
def test_status(ask, path):
    state = {"version": "12", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    assert ask(path) == (200, {"model_version_status": [state]})


def test_metadata_as_tf_serving_prints_it(ask):
    status, answer = ask("/v1/models/digits/metadata")
    assert status == 200
    assert answer["model_spec"] == {"name": "digits", "signature_name": "", "version": "12"}
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    images = signatures["uint8"]["inputs"]["images"]
    assert images["dtype"] == "DT_UINT8"
    sizes = [{"size": size, "name": ""} for size in ("-1", "20", "20", "1")]
    assert images["tensor_shape"] == {"dim": sizes, "unknown_rank": False}
    assert signatures["classify"]["method_name"] == "tensorflow/serving/classify"
    assert set(signatures["serving_default"]["outputs"]) == {"classes", "labels", "scores", "locations", "num_glimpses"}


def test_the_front_door_says_where_to_go(ask):
    assert ask("/") == (
        200,
        {
            "model": "digits",
            "version": "12",
            "status": "/v1/models/digits",
            "metadata": "/v1/models/digits/metadata",
            "predict": "POST /v1/models/digits:predict",
        },
    )


PIXELS = {"signature_name": "float"}
REFUSED = [
    (PREDICT, b"", 400, "JSON Parse error: The document is empty"),
    (PREDICT, b"{", 400, "JSON Parse error: Invalid value. at offset: "),
    (PREDICT, b'{"instances": [NaN]}', 400, "JSON Parse error: Invalid value. at offset: "),
    (PREDICT, [1], 400, "JSON Value: [1] Is not object"),
    (PREDICT, {"signature_name": 1, "instances": [1]}, 400, "not formatted correctly. 'signature_name' key must be a string value."),
    (PREDICT, {"signature_name": "other", "instances": [1]}, 400, 'Serving signature name: "other" not found in signature def'),
    (PREDICT, {}, 400, "Missing 'inputs' or 'instances' key"),
    (PREDICT, {"instances": [b64(b"")]}, 400, "image 0 of the request is no PNG, JPEG, GIF, BMP or WebP"),
    (PREDICT, {"instances": [b64(b"GIF89a")]}, 400, "image 0 of the request is no PNG, JPEG, GIF, BMP or WebP"),
    (PREDICT, {"instances": [b64(b"\x89PNG\r\n\x1a\n")]}, 400, "or its header is broken (8 bytes)"),
    (PREDICT, {"instances": [1]}, 400, "JSON Value: 1 Type: Number is not of expected type: string"),
    (PREDICT, {**PIXELS, "instances": [["x"]]}, 400, 'JSON Value: "x" Type: String is not of expected type: float'),
    (PREDICT, {**PIXELS, "instances": [[1.0, 2.0]]}, 400, "input 'images' must have the shape [any, 20, 20, 1], got [1, 2]"),
    (PREDICT, {"signature_name": "sample", "inputs": {"image_bytes": [], "seed": [[1, 2]]}}, 400, "one row an example"),
    (PREDICT, {"signature_name": "classify", "instances": ["x"]}, 400, "Could not parse example input"),
    ("/v1/models/other:predict", {"instances": [1]}, 404, "Servable not found for request: Latest(other)"),
    ("/v1/models/digits/versions/99:predict", {"instances": [1]}, 404, "Servable not found for request: Specific(digits, 99)"),
    ("/v1/models/digits/labels/stable:predict", {"instances": [1]}, 400, "Unrecognized servable version label: stable"),
    ("/v1/models/other", None, 404, "Could not find any versions of model other"),
    ("/v1/models/digits/versions/99", None, 404, "Could not find version 99 of model digits"),
    ("/v1/models/other/metadata", None, 404, "Servable not found for request: Latest(other)"),
    ("/v1/models", None, 400, "Missing model name in request."),
    ("/v1/foo", None, 400, "Malformed request: GET /v1/foo"),
    ("/v1/models/digits", {}, 400, "Malformed request: POST /v1/models/digits"),
    (CLASSIFY, {"examples": [{}]}, 400, "Expected classification signature method_name to be tensorflow/serving/classify. Was: tensorflow"),
    ("/v1/models/digits:regress", {"examples": [{}]}, 400, "Expected regression signature method_name to be tensorflow/serving/regress."),
    (CLASSIFY, {"signature_name": "classify"}, 400, "When method is classify, key 'examples' is expected and was not found"),
    (CLASSIFY, {"signature_name": "classify", "examples": {}}, 400, "Expecting 'examples' value to be an list/array"),
    (CLASSIFY, {"signature_name": "classify", "examples": []}, 400, "'examples' value is an empty array"),
    (CLASSIFY, {"signature_name": "classify", "examples": [1]}, 400, "Example must be JSON object but got JSON Number"),
    (CLASSIFY, {"signature_name": "classify", "examples": [{"a": [None]}]}, 400, "Feature: a has element with unexpected JSON type: Null"),
    (CLASSIFY, {"signature_name": "classify", "examples": [{"a": [10, 10.0]}]}, 400, "element type in feature: a expecting type: int64"),
    (CLASSIFY, {"signature_name": "classify", "examples": [{"a": [2**63]}]}, 400, "a has uint64 element. Only int64 is supported."),
    (CLASSIFY, {"signature_name": "classify", "examples": [{"a": 1e39}]}, 400, "1e+39 to float without loss of precision."),
    (CLASSIFY, {"signature_name": "classify", "examples": [{"a": 0.5}]}, 400, "image_bytes"),
]


@pytest.mark.parametrize("path, body, status, message", REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused_and_in_which_words(ask, path, body, status, message):
    got, answer = ask(path, body)
    assert (got, list(answer)) == (status, ["error"])
    assert message in answer["error"]
    assert "\n" not in answer["error"] and "{{" not in answer["error"]


def test_a_broken_file_is_its_senders_error(ask, images, encode):
    status, answer = ask(PREDICT, {"instances": [b64(encode(images[0, ..., 0])[:-60])]})
    assert status == 400 and answer["error"].startswith("Invalid PNG data")


def bomb(height, width):
    """A PNG file whose header promises height x width pixels; nothing follows."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"")
    chunks = [struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in (header, data)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_too_many_pixels_are_refused_by_the_header(ask, limits):
    for body in (
        {"instances": [b64(bomb(60_000, 60_000))]},
        {"instances": [b64(bomb(100, 150))] * 3},
        {"signature_name": "trajectory", "inputs": {"image_bytes": [b64(bomb(201, 200))]}},
    ):
        status, answer = ask(PREDICT, body)
        assert status == 413 and f"at most {limits['max_pixels']:,} are taken" in answer["error"], answer
    for path in (CLASSIFY, PREDICT):
        example = tf.train.Example()
        example.features.feature["image_bytes"].bytes_list.value.append(bomb(60_000, 60_000))
        rows = {"examples": [{"image_bytes": b64(bomb(60_000, 60_000))}], "instances": [b64(example.SerializeToString())]}
        status, answer = ask(path, {"signature_name": "classify", **rows})
        assert status == 413 and "3,600,000,000 pixels" in answer["error"], answer


def test_a_large_enough_image_is_taken(ask, encode):
    status, answer = ask(PREDICT, {"instances": [b64(encode(np.zeros((200, 200), "uint8")))]})
    assert status == 200, answer


@pytest.mark.parametrize("shape", [(1, 200_000), (200_000, 1)])
def test_a_thread_of_an_image_costs_no_more_than_its_pixels(servable, model, encode, shape):
    image = np.full(shape, 255, "uint8")
    image.flat[100_000 - 60 : 100_000 + 60] = 0
    inputs = {"image_bytes": np.array([encode(image)], object)}
    servable.run("bytes", {"image_bytes": np.array([encode(np.zeros((30, 30), "uint8"))], object)})
    Path("/proc/self/clear_refs").write_text("5")  # starts the count of the highest memory anew
    before = highest_memory()
    answer = servable.run("bytes", inputs)
    assert highest_memory() - before < 12_000, "KiB; the pixels are 600 of them"
    np.testing.assert_allclose(answer["scores"], tf.nn.softmax(model(np.zeros((1, 20, 20, 1), "uint8")).logits[:, -1]), atol=1e-5)


def highest_memory():
    """In KiB, as Linux counts it."""
    return int(re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[1])


@pytest.fixture(scope="module")
def servable(base_path):
    return Servable(base_path, "digits")


def answers(app, *events):
    """What an ASGI application sends back for a POST with these events."""
    scope = {"type": "http", "method": "POST", "path": PREDICT, "headers": [], "query_string": b""}
    events, sent = iter(events), []

    async def receive():
        return next(events)

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


def test_what_nobody_foresaw_is_json_too_and_one_line_in_the_log(caplog):
    body = b'{"instances": [1]}'
    status, answer = answers(make_app(None, 100, 100), {"type": "http.request", "body": body})
    assert status == 500 and json.loads(answer)["error"] == "the server failed on this request (AttributeError); its log says more"
    assert [record.getMessage() for record in caplog.records] == [
        f"POST '{PREDICT}' failed: AttributeError: 'NoneType' object has no attribute 'name'"
    ]


def test_a_client_that_hangs_up_is_no_failure(caplog):
    started = {"type": "http.request", "body": b"{", "more_body": True}
    assert answers(make_app(None, 100, 100), started, {"type": "http.disconnect"}) == (200, b"")
    assert not caplog.records


@pytest.mark.parametrize(
    "path, damage",
    [
        ("saved_model.pb", lambda file: file.write_bytes(b"")),
        ("saved_model.pb", lambda file: file.write_bytes(b"garbage")),
        ("saved_model.pb", lambda file: file.write_bytes(file.read_bytes()[:5000])),
        ("saved_model.pb", lambda file: file.unlink()),
        ("variables", shutil.rmtree),
        ("variables/variables.data-00000-of-00001", lambda file: file.write_bytes(file.read_bytes()[:100])),
    ],
    ids=["empty", "garbage", "cut", "absent", "no-variables", "cut-variables"],
)
def test_a_broken_export_is_one_line(base_path, tmp_path, path, damage):
    shutil.copytree(base_path / "12", tmp_path / "12")
    damage(tmp_path / "12" / path)
    with pytest.raises(UserError, match=r"^.*12 holds no SavedModel that can be loaded; export it again \(.+\)$"):
        Servable(tmp_path, "digits")


def test_a_long_body_is_refused(ask, url, limits):
    longest = limits["max_body_bytes"]
    status, answer = ask(PREDICT, b" " * (longest + 1))
    assert status == 413 and f"longer than the {longest:,} bytes" in answer["error"]
    assert ask(PREDICT, b" " * longest)[0] == 400
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.request("POST", PREDICT, iter([b" " * 100_000] * 5), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    assert connection.getresponse().status == 413
    connection.close()


def test_answers_on_an_open_connection_do_not_wait_for_an_acknowledgement(url):
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    seconds = []
    for _ in range(30):
        start = time.perf_counter()
        connection.request("GET", "/v1/models/digits")
        connection.getresponse().read()
        seconds.append(time.perf_counter() - start)
    connection.close()
    assert min(seconds[5:]) < 0.03  # with Nagle's algorithm every one takes 0.04


def test_a_patient_client_is_refused_before_it_sends(url, limits):
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.putrequest("POST", PREDICT)
    connection.putheader("Content-Length", str(10 * limits["max_body_bytes"]))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
