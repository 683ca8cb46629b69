"""What the runs share: the optimiser with its schedule, whether XLA pays, and the call of `fit`."""

import contextlib
import logging
import warnings

import keras

from tf_glimpse.training.callbacks import StopOnNaN
from tf_glimpse.training.progress import RunProgress

# XLA takes 5 to 15 s of a core to compile a step and saves 7 to 70 ms of each: it pays from 115 steps on with `ram` on photos at 128 px,
# from 700 with `ram_digits`, from a number between with other recipes.
XLA_STEPS = 500


def compiles(recipe, steps):
    """Whether XLA compiles the training step of so many: if the recipe lets it, and if they are enough to pay for it."""
    return recipe.jit_compile and steps >= XLA_STEPS


def make_optimizer(recipe, steps):
    """AdamW with the settings of the recipe, its rate rising at first and falling to zero over so many steps."""
    warmup = int(recipe.warmup * steps)
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / max(warmup, 1), steps - warmup, warmup_target=recipe.learning_rate, warmup_steps=warmup
    )
    optimizer = keras.optimizers.AdamW(
        rate if warmup else keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps),
        weight_decay=recipe.weight_decay,
        clipnorm=recipe.clipnorm,
        use_ema=recipe.ema_momentum > 0,
        ema_momentum=recipe.ema_momentum or 0.99,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def fit_epochs(model, batches, validation, epochs, epoch, callbacks, verbose=None, all_terms=False):
    """`fit` from an epoch on, over batches made for the epochs that are left; stops with a `UserError` once the loss is NaN.

    Args:
        model: compiled.
        batches: as `datasets.train_batches(..., epoch=epoch, epochs=epochs)`.
        validation: a `tf.data.Dataset` or None.
        epochs, epoch: how many there are to be, and how many are done.
        callbacks: as for `keras.Model.fit`.
        verbose: 0 for silence, 1 for a progress bar and a line an epoch, 2 for the lines alone; None for 1 on a terminal, else 2.
        all_terms: whether the lines show every term of the loss.
    """
    if epoch and verbose != 0:
        print(f"Resuming after epoch {epoch} of {epochs}.", flush=True)
    lines = [] if verbose == 0 else [RunProgress(all_terms, bar={1: True, 2: False}.get(verbose))]
    with warnings.catch_warnings(), first_traces():
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        model.fit(
            batches,
            initial_epoch=epoch,
            epochs=epochs,
            steps_per_epoch=len(batches) // (epochs - epoch),
            validation_data=validation,
            callbacks=[StopOnNaN(), *callbacks, *lines],
            shuffle=False,
            verbose=0 if verbose == 0 else 1,
        )


@contextlib.contextmanager
def first_traces():
    """Keeps back TensorFlow's warning of too many traces: it counts all models together, and each stage, seed and trial has a new one."""

    def tells(record):
        return "triggered tf.function retracing" not in record.getMessage()

    logger = logging.getLogger("tensorflow")
    logger.addFilter(tells)
    try:
        yield
    finally:
        logger.removeFilter(tells)
