"""What the runs share: the optimiser with its schedule, and the call of `fit`."""

import sys
import warnings

import keras


def make_optimizer(recipe, steps):
    """AdamW as the recipe wants it, its rate rising at first and falling to zero over so many steps."""
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


def fit_epochs(model, batches, validation, epochs, epoch, callbacks, verbose=None):
    """`fit` from an epoch on, over batches made for the epochs that are left."""
    if epoch:
        print(f"Resuming after epoch {epoch} of {epochs}.")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        model.fit(
            batches,
            initial_epoch=epoch,
            epochs=epochs,
            steps_per_epoch=len(batches) // (epochs - epoch),
            validation_data=validation,
            callbacks=callbacks,
            shuffle=False,
            verbose=(1 if sys.stdout.isatty() else 2) if verbose is None else verbose,
        )
