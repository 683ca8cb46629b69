"""Pictures while a model trains: they are drawn, and whatever goes wrong with them, training goes on."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_glimpse import RAM
from tf_glimpse.datasets import array_source
from tf_glimpse.explain import ExplanationLogs
from tf_glimpse.training.callbacks import GlimpsePictures

IMAGES = np.random.default_rng(0).integers(0, 256, [6, 12, 12, 1]).astype("uint8")
LABELS = np.arange(6) % 3


def fitted(callback):
    """Two epochs with a callback, of a model whose classes have names that are no mathematics; returns the history."""
    model = RAM(3, patch_size=4, num_glimpses=2, units=8, class_names=["$_$", "a_b$", "caf\udce9"], seed=0, num_scales=1)
    model.compile(keras.optimizers.Adam(1e-3))
    return model.fit(IMAGES, LABELS, batch_size=6, epochs=2, verbose=0, callbacks=[callback]).history["loss"]


def test_a_picture_is_drawn_whatever_the_classes_are_called(tmp_path):
    assert len(fitted(GlimpsePictures(tmp_path, array_source(IMAGES, LABELS), count=2, every=1))) == 2
    events = [str(file) for file in tmp_path.glob("*.glimpses")]
    assert len(events) == 2 and len(list(tf.data.TFRecordDataset(events))) == 4  # each the file's version, and a picture


@pytest.mark.parametrize("pictures", ["glimpses", "explanations"])
def test_a_picture_that_cannot_be_written_stops_no_training(pictures, tmp_path):
    (tmp_path / "taken").write_text("a file where the folder should be")
    if pictures == "glimpses":
        callback = GlimpsePictures(tmp_path / "taken", array_source(IMAGES, LABELS), every=1)
    else:
        callback = ExplanationLogs(tmp_path / "taken", IMAGES, LABELS)
    with pytest.warns(UserWarning, match=r"of epoch \d: .*the training goes on"):
        assert len(fitted(callback)) == 2
