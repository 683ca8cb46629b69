"""What `fit` shows while it trains: the numbers that tell how it goes, and a word before XLA compiles."""

import contextlib
import ctypes
import os
import pathlib

import keras
import tensorflow as tf
from tqdm import tqdm

# absl's own name for "errors only", as TensorFlow 2.20 exports it; XLA's two lines on stderr heed no environment variable.
_SET_MIN_LOG_LEVEL = "_ZN4absl12lts_2025012712log_internal17RawSetMinLogLevelENS0_18LogSeverityAtLeastE"
_ERROR = 2


def shown(model, logs):
    """The logs that an epoch's line shows: loss and metrics, and of a model's terms those that it names in `line_terms`.

    Args:
        model: a Keras model; of one that reports no terms every log is shown.
        logs: dict of numbers by name, those of validation with `val_` before it; None for none.
    """
    hidden = set(getattr(model, "reported", ())) - set(getattr(model, "line_terms", ()))
    return {name: value for name, value in (logs or {}).items() if name.removeprefix("val_") not in hidden}


class EpochLine(keras.callbacks.ProgbarLogger):
    """Keras' progress bar without the terms of the loss that only its author reads.

    `fit` of this package's models uses it by default. `fit(..., callbacks=[keras.callbacks.ProgbarLogger()])` shows every term; the
    history, `CSVLogger` and `TensorBoard` have them all either way.
    """

    async_safe = True  # as Keras' own: does not hold up the next step

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, shown(self.model, logs))

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, shown(self.model, logs))


class CompileNotice(keras.callbacks.Callback):
    """Says before the first step that XLA compiles it, if it does: until then nothing moves."""

    def on_train_batch_begin(self, batch, logs=None):
        if self.model.awaits_xla:
            self.model.awaits_xla = False
            tqdm.write("Compiling the training step with XLA: once, up to a minute; each step is then faster (jit_compile=False: no wait).")


def with_progress(callbacks, verbose):
    """The callbacks of a `fit`, with what shows its progress beside them; as they are where nothing is to be shown.

    Args:
        callbacks: as for `keras.Model.fit`; a `ProgbarLogger` among them stays the only one.
        verbose: as for `keras.Model.fit`.
    """
    if not verbose or isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    given = keras.tree.flatten(callbacks) if callbacks else []
    lines = [] if any(isinstance(callback, keras.callbacks.ProgbarLogger) for callback in given) else [EpochLine()]
    return [*given, *lines, CompileNotice()]


def quiet_xla():
    """Keeps XLA's two lines off stderr, where TensorFlow's log is kept quiet; a TensorFlow that renames the switch shows them."""
    if int(os.environ.get("TF_CPP_MIN_LOG_LEVEL", 0)) < _ERROR:
        return
    library = pathlib.Path(tf.sysconfig.get_lib()) / "libtensorflow_framework.so.2"
    with contextlib.suppress(OSError, AttributeError):
        getattr(ctypes.CDLL(str(library)), _SET_MIN_LOG_LEVEL)(_ERROR)
