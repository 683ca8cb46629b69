"""A run whose loss is no number stops in one line, and what it had before stays."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_model import IMAGES, LABELS, make_model

from tf_glimpse.training.callbacks import Checkpoint
from tf_glimpse.training.fitting import fit_epochs
from tf_glimpse.types import UserError


class BreaksIn(keras.callbacks.Callback):
    """Breaks a weight when an epoch begins."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            kernel = self.model.cell.encoder.weights[0]
            kernel.assign(kernel * np.nan)


def test_the_last_good_epoch_is_kept(tmp_path):
    model = make_model({"run_eagerly": True})
    batches = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(12).repeat(3)
    with pytest.raises(UserError, match="the loss became nan in epoch 2; the run stays as it was after epoch 1"):
        fit_epochs(model, batches, None, 3, 0, [Checkpoint(tmp_path), BreaksIn(1)], verbose=0)
    assert [path.name for path in tmp_path.glob("checkpoint*")] == ["checkpoint-000001"]
    progress, again = Checkpoint(tmp_path), make_model({"run_eagerly": True})
    assert progress.restore(again) == 1
    assert all(np.all(np.isfinite(weight)) for weight in again.get_weights())


def test_a_first_epoch_that_breaks_leaves_nothing(tmp_path):
    batches = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(12)
    with pytest.raises(UserError, match="the loss became nan in epoch 1; nothing is kept"):
        fit_epochs(make_model({"run_eagerly": True}), batches, None, 1, 0, [Checkpoint(tmp_path), BreaksIn(0)], verbose=0)
    assert not list(tmp_path.iterdir())
