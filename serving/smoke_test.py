"""Checks a running server, the embedded one or TF-Serving, from outside. Standard library only.

python smoke_test.py http://127.0.0.1:8501 --name model
"""

import argparse
import base64
import json
import struct
import sys
import urllib.error
import urllib.request
import zlib


def grey_png(height, width):
    """A PNG file with a ramp of grey."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((row + column) % 256 for column in range(width)) for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def call(url, body=None):
    """The HTTP status and the JSON of an answer; a body is sent as JSON, or as it is if it is bytes."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=60) as response:
            status, text = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    try:
        return status, json.loads(text)
    except ValueError:
        raise AssertionError(f"{url} answered {status} and no JSON: {text[:100]!r}") from None


def b64(data):
    """Bytes as the REST API takes them."""
    return {"b64": base64.b64encode(data).decode()}


def check(url, name):
    """Yields what was checked, and raises AssertionError where the answer is not what it has to be."""
    model = f"{url}/v1/models/{name}"
    status, answer = call(model)
    assert status == 200 and answer["model_version_status"][0]["state"] == "AVAILABLE", answer
    yield f"status: version {answer['model_version_status'][0]['version']} is available"

    status, answer = call(f"{model}/metadata")
    assert status == 200, answer
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert {"serving_default", "bytes", "uint8", "float", "trajectory", "sample", "classify"} <= signatures.keys(), sorted(signatures)
    yield f"metadata: {len(signatures)} signatures"

    images = [grey_png(40, 60), grey_png(90, 70)]
    status, together = call(f"{model}:predict", {"instances": [b64(image) for image in images]})
    assert status == 200 and len(together["predictions"]) == 2, together
    for row in together["predictions"]:
        assert abs(sum(row["scores"]) - 1) < 1e-3 and len(row["locations"]) == row["num_glimpses"], row
        assert all(-1 <= coordinate <= 1 for location in row["locations"] for coordinate in location), row
    yield f"predict: {[row['classes'] for row in together['predictions']]}"

    status, alone = call(f"{model}:predict", {"inputs": {"image_bytes": [b64(images[1])]}})
    assert status == 200, alone
    difference = max(abs(one - two) for one, two in zip(alone["outputs"]["scores"][0], together["predictions"][1]["scores"], strict=True))
    assert difference < 1e-3, difference
    yield "predict: the same answer alone, by columns, as in a batch, by rows"

    status, answer = call(f"{model}:classify", {"signature_name": "classify", "examples": [{"image_bytes": b64(images[0])}]})
    assert status == 200 and answer["results"][0][0][0] == together["predictions"][0]["classes"], answer
    yield "classify: the same class first"

    for garbage in (b"", b"{", {"instances": [b64(b"no image")]}, {"instances": [b64(images[0][:60])]}, {"instances": [1.5]}):
        status, answer = call(f"{model}:predict", garbage)
        assert status == 400 and answer["error"], (garbage, status, answer)
    status, answer = call(f"{url}/v1/models/{name}-that-is-not-there:predict", {"instances": [b64(images[0])]})
    assert status == 404, answer
    yield "garbage is refused with an error"


def main():
    """What the command line runs."""
    parser = argparse.ArgumentParser(description="Check a running model server.")
    parser.add_argument("url", help="such as http://127.0.0.1:8501")
    parser.add_argument("--name", default="model", help="the model's name (%(default)s)")
    arguments = parser.parse_args()
    try:
        for line in check(arguments.url.rstrip("/"), arguments.name):
            print("ok  ", line)
    except (AssertionError, LookupError, TypeError, ValueError, OSError) as error:
        sys.exit(f"FAILED: {error!r}")


if __name__ == "__main__":
    main()
