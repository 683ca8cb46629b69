"""What happens after each epoch: a checkpoint that a kill cannot break, and pictures of where the model looks."""

import csv
import json
import pathlib
import shutil
import time

import keras
import numpy as np
import tensorflow as tf

from tf_glimpse.explain import draw_glimpses, figure_to_array
from tf_glimpse.explain.callback import without_stopping
from tf_glimpse.files import damaged, parse_json, remove_unfinished, write_whole
from tf_glimpse.models.loading import load_weights
from tf_glimpse.types import UserError


class Checkpoint(keras.callbacks.Callback):
    """Keeps everything a resumed run needs in `workdir/checkpoint-N`, written whole or not at all; N epochs are done.

    It holds the weights with the optimiser's state, the best epoch's weights, and the history, from which the best value, the epochs
    without a better one and `log.csv` are made anew. (`ModelCheckpoint` and `BackupAndRestore` forget the best value on resuming.)

    Args:
        workdir: the run's folder.
        monitor: the log that the best epoch is picked by, the higher the better; the last epoch is best where it is missing.
        patience: epochs without a better value after which training stops; None for never.
    """

    def __init__(self, workdir, monitor="val_accuracy", patience=None):
        super().__init__()
        self.workdir = pathlib.Path(workdir)
        self.monitor = monitor
        self.patience = patience
        self.history = []
        self.folder = None

    @property
    def best_epoch(self):
        """Number of the best epoch, counted from 1; the first of equals."""
        values = [row.get(self.monitor, index) for index, row in enumerate(self.history)]
        return int(np.argmax(values)) + 1

    @property
    def best_value(self):
        return self.history[self.best_epoch - 1].get(self.monitor)

    @property
    def best_weights(self):
        return self.folder / "best.weights.h5"

    @property
    def exhausted(self):
        """Whether patience has run out."""
        return bool(self.history) and self.patience is not None and len(self.history) - self.best_epoch >= self.patience

    @property
    def seconds(self):
        return sum(row["seconds"] for row in self.history)

    def restore(self, model):
        """Loads the last whole checkpoint into the model, if there is one; returns how many epochs are done."""
        remove_unfinished(self.workdir)
        found = sorted(self.workdir.glob("checkpoint-[0-9]*"))
        if not found:
            return 0
        self.folder = found[-1]
        self.history = _read_history(self.folder / "history.json")
        load_weights(model, self.folder / "training.weights.h5")
        self._remove(*found[:-1])
        write_whole(self.workdir / "log.csv", self._write_log)  # a kill may have left it an epoch short
        return len(self.history)

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        row = {name: float(value) for name, value in (logs or {}).items()}
        self.history.append({"epoch": epoch + 1, **row, "seconds": round(time.monotonic() - self.started, 2)})
        self._save()
        write_whole(self.workdir / "log.csv", self._write_log)
        if self.exhausted:
            self.model.stop_training = True

    def _save(self):
        folder = self.workdir / f"checkpoint-{len(self.history):06d}"
        write_whole(folder, self._write)
        before, self.folder = self.folder, folder
        self._remove(before)

    def _write(self, folder):
        folder.mkdir()
        self.model.save_weights(folder / "training.weights.h5")
        if self.best_epoch == len(self.history):
            self._save_best(folder / "best.weights.h5")
        else:
            shutil.copy(self.best_weights, folder / "best.weights.h5")
        (folder / "history.json").write_text(json.dumps(self.history))

    def _remove(self, *folders):
        for folder in folders:
            if folder is not None:
                shutil.rmtree(folder)

    def _save_best(self, file):
        """The weights as they were validated: the running mean, where the optimiser keeps one."""
        model, optimizer = self.model, getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        weights = model.get_weights()
        if optimizer.use_ema:
            model.optimizer.finalize_variable_values(model.trainable_variables)
        model.save_weights(file)
        model.set_weights(weights)

    def _write_log(self, path):
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(self.history[0]))
            writer.writeheader()
            writer.writerows(self.history)


def _read_history(file):
    """The rows of a checkpoint's history, one an epoch."""
    history, count = parse_json(file), int(file.parent.name.rpartition("-")[2])
    rows = history if isinstance(history, list) else []
    if len(rows) != count or not all(isinstance(row, dict) and {"epoch", "seconds"} <= set(row) for row in rows):
        raise damaged(file, f"expected the history of {count} epochs")
    if not all(isinstance(value, int | float) for row in rows for value in row.values()):
        raise damaged(file, "expected numbers")
    return rows


class StopOnNaN(keras.callbacks.Callback):
    """Ends a run whose loss is no number, before anything of that epoch is kept: goes before `Checkpoint` among the callbacks.

    Args:
        every: steps between looks at the loss, for each waits until the step is done.
    """

    def __init__(self, every=100):
        super().__init__()
        self.every = every

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (batch + 1) % self.every == 0:
            self.on_epoch_end(self.epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        loss = float((logs or {}).get("loss", 0.0))
        if not np.isfinite(loss):
            kept = f"the run stays as it was after epoch {epoch}" if epoch else "nothing is kept"
            remedy = "train in another folder with a lower learning rate or a smaller clipnorm"
            raise UserError(f"the loss became {loss} in epoch {epoch + 1}; {kept}. What helps: {remedy}.")


class GlimpsePictures(keras.callbacks.Callback):
    """Draws where the model looks at a few images, for TensorBoard. A picture that cannot be made is a warning, and training goes on.

    Args:
        log_dir: TensorBoard's folder.
        source: an `ImageSource`.
        count: how many images.
        every: epochs between pictures.
    """

    def __init__(self, log_dir, source, count=4, every=10):
        super().__init__()
        self.log_dir = str(log_dir)
        self.every = every
        shown = np.arange(min(count, len(source)))
        self.images, self.labels = source.fetch(shown), source.labels[shown]
        self.names = source.files and [source.files[index] for index in shown]

    def on_epoch_end(self, epoch, logs=None):
        if epoch % self.every == 0:
            with without_stopping(f"picture of epoch {epoch + 1}"):
                self._draw(epoch)

    def _draw(self, epoch):
        model, trajectory = self.model, self.model(self.images)
        figure = draw_glimpses(self.images.numpy(), trajectory, model.retina, model.class_names, self.labels, names=self.names)
        with tf.summary.create_file_writer(self.log_dir, filename_suffix=".glimpses").as_default():
            tf.summary.image("glimpses", figure_to_array(figure)[None], step=epoch)
