import base64
import io
import json
import urllib.error
import urllib.request

import keras
import numpy as np
import pytest
from PIL import Image

from tf_glimpse.export import export_model
from tf_glimpse.models import RAM
from tf_glimpse.server import running_server


@pytest.fixture(scope="session")
def encode():
    """Function of a grey image, uint8 [H, W]: the bytes of a PNG file."""

    def encode(image):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        return file.getvalue()

    return encode


@pytest.fixture(scope="session")
def limits():
    return {"max_body_bytes": 400_000, "max_pixels": 40_000}


@pytest.fixture(scope="session")
def model():
    keras.utils.set_random_seed(0)
    model = RAM(num_classes=3, patch_size=4, num_glimpses=2, units=8, class_names=["ant", "bee", "cät"], num_scales=1)
    model.build((None, 20, 20, 1))
    return model


@pytest.fixture(scope="session")
def base_path(model, tmp_path_factory):
    base_path = tmp_path_factory.mktemp("model")
    export_model(model, base_path, version=12, warm_up_batch_sizes=())
    for ignored in ("tmp-13-left", "notes", "13.old"):
        (base_path / ignored).mkdir()
    return base_path


@pytest.fixture(scope="session")
def url(base_path, limits):
    with running_server(base_path, name="digits", **limits) as url:
        yield url


@pytest.fixture(scope="session")
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 20, 20, 1), dtype=np.uint8)


@pytest.fixture(scope="session")
def files(images, encode):
    return [{"b64": base64.b64encode(encode(image[..., 0])).decode()} for image in images]


@pytest.fixture(scope="session")
def post():
    """Function of a URL and a body (bytes, or what JSON can hold; none: GET): the status and the JSON of the answer."""

    def post(url, body=None, **headers):
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers), timeout=60) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    return post


@pytest.fixture(scope="session")
def ask(url, post):
    """`post` to a path of the server of digits."""
    return lambda path, body=None, **headers: post(url + path, body, **headers)
