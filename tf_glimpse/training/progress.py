"""What a run shows while it trains, and what it says at its end."""

import sys
import time

from tqdm import tqdm

from tf_glimpse.models.progress import EpochLine, shown

_BAR = "{desc} {percentage:3.0f} %|{bar}| {elapsed} gone, {remaining} left"


class RunProgress(EpochLine):
    """A line an epoch; on a terminal also one bar over all steps of the run, with the time that is left.

    Args:
        all_terms: show every term of the loss.
        bar: whether there is a bar; None for: if stderr is a terminal.
    """

    def __init__(self, all_terms=False, bar=None):
        super().__init__()
        self.all_terms = all_terms
        self.shows_bar = sys.stderr.isatty() if bar is None else bar
        self.bar = None

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.monotonic()
        if self.bar is None:
            steps, how = self.target or 1, {"bar_format": _BAR, "leave": False, "dynamic_ncols": True}
            self.bar = tqdm(total=steps * self.epochs, initial=steps * epoch, disable=not self.shows_bar, **how)
        self.bar.set_description_str(f"epoch {epoch + 1} of {self.epochs}")

    def on_train_batch_end(self, batch, logs=None):
        steps = batch + 1 - self.seen if batch + 1 > self.seen else 1
        self.seen = batch + 1
        self.bar.update(steps)

    def on_epoch_end(self, epoch, logs=None):
        self.seen = 0
        logs = (logs or {}) if self.all_terms else shown(self.model, logs)
        tqdm.write(f"epoch {epoch + 1} of {self.epochs}: {_told(logs)}  ({time.monotonic() - self.started:.1f} s)")
        sys.stdout.flush()

    def on_train_end(self, logs=None):
        if self.bar is not None:
            self.bar.close()


def _told(logs):
    """The numbers of training, then those of validation."""
    parts = {"": [], "val_": []}
    for name, value in logs.items():
        prefix = "val_" if name.startswith("val_") else ""
        parts[prefix].append(f"{name.removeprefix('val_').replace('_', ' ')} {float(value):.4g}")
    validation = f"; validation: {', '.join(parts['val_'])}" if parts["val_"] else ""
    return ", ".join(parts[""]) + validation


def ending(progress, epochs):
    """How a run's training ended, in a sentence.

    Args:
        progress: the run's `Checkpoint`, after training.
        epochs: how many there were to be.
    """
    done, name = len(progress.history), progress.monitor.removeprefix("val_").replace("_", " ")
    if progress.best_value is None:
        return f"Trained {epochs_of(done)}; there is no validation split, so the last epoch is kept."
    best = f"best was epoch {progress.best_epoch} ({name} {progress.best_value:.4g}), whose weights are kept"
    if done < epochs:
        return f"Stopped after epoch {done}: no better validation {name} for {epochs_of(progress.patience)}; {best}."
    return f"Trained {epochs_of(done)}: by validation the {best}."


def epochs_of(count):
    """ "1 epoch", "2 epochs"."""
    return f"{count} epoch{'s' if count != 1 else ''}"
