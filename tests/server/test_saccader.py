"""The shipped Saccader behind an endpoint: photos of any size go in as files, its answer and its looks come out."""

import base64
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_sample_images

from tf_glimpse import Saccader
from tf_glimpse.export import export_model
from tf_glimpse.server import running_server


@pytest.mark.slow
def test_a_preset_answers_photos_over_rest(tmp_path, post):
    model = Saccader.from_preset("saccader_flowers_small")
    export_model(model, tmp_path, warm_up_batch_sizes=())
    photos = [Image.fromarray(photo) for photo in load_sample_images().images]  # a temple and a flower, 427x640
    with running_server(tmp_path, name="flowers") as url:
        status, answer = post(f"{url}/v1/models/flowers:predict", {"instances": [jpeg(photo) for photo in photos]})
        assert status == 200, answer
        images = np.stack([np.asarray(photo.resize((64, 64))) for photo in photos])
        status, seen = post(f"{url}/v1/models/flowers:predict", {"signature_name": "uint8", "instances": images.tolist()})
    trajectory = model(images)
    np.testing.assert_allclose([row["scores"] for row in seen["predictions"]], tf.nn.softmax(trajectory.logits[:, -1]), atol=1e-4)
    np.testing.assert_allclose([row["locations"] for row in seen["predictions"]], trajectory.locations, atol=1e-5)
    for row in answer["predictions"]:
        assert row["classes"] == model.class_names[np.argmax(row["scores"])] and row["num_glimpses"] == 6
        assert len({tuple(place) for place in row["locations"]}) == 6, "no cell is looked at twice"


def jpeg(photo):
    written = io.BytesIO()
    photo.save(written, "JPEG", quality=95)
    return {"b64": base64.b64encode(written.getvalue()).decode()}
