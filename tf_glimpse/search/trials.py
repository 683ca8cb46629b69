"""One trial: a candidate trained for some epochs, and what it then does with the validation split at every price."""

import dataclasses
import math

import keras
import numpy as np
from keras_tuner.errors import FailedTrialError

from tf_glimpse import datasets
from tf_glimpse.losses import PAPER
from tf_glimpse.models import AdaptiveModel, Saccader
from tf_glimpse.ops.patches import to_float
from tf_glimpse.search.frontier import Point
from tf_glimpse.search.thresholds import sweep_thresholds
from tf_glimpse.training.fitting import make_optimizer
from tf_glimpse.training.recipe import Recipe

HEAD_STEPS = 300  # at most: never more than the model's own
STEPS_AT_ONCE = 10  # of a call of `fit`'s: a small network's step is shorter than what Keras does between two
XLA_STEPS = 1000  # from so many on, XLA's compilation pays
SACCADER_SHARES = {"bagnet": 0.7, "location": 0.15, "reinforce": 0.15}  # of a trial's steps


def recipe_of(space, candidate, epochs, epoch_images):
    """The `Recipe` that a trial follows; for families without one of their own, its schedule alone.

    Args:
        space: a `Space`.
        candidate: dict of name -> choice.
        epochs: how many.
        epoch_images: a smaller set is gone through as many times an epoch as come nearest to so many images.
    """
    passes = max(1, round(epoch_images / len(space.data.train)))
    if hasattr(space, "recipe"):
        recipe = space.recipe(candidate, epochs, passes)
        return dataclasses.replace(recipe, jit_compile=_steps(recipe, space.data) >= XLA_STEPS)
    schedule = {"epochs": epochs, "passes": passes, "learning_rate": candidate["learning_rate"], "jit_compile": False}
    schedule["image_size"] = space.image_size
    return Recipe("search", "a candidate of a search", space.data.name, candidate, **schedule)


def _steps(recipe, data):
    return recipe.epochs * datasets.steps_per_epoch(data, recipe.batch_size, recipe.passes)


def train_candidate(model, data, recipe, seed=0, actions=None, verbose=0):
    """Trains a candidate's model in place, its stopping head after it.

    Args:
        model: from `Space.model`, possibly trained already.
        data: `ImageData`.
        recipe: from `recipe_of`.
        seed: of the data's order.
        actions: `datasets.Supervision` or a policy of `tf_glimpse.policies` that shortens the training of a `RAM`; None for none.
        verbose: as in `fit`.

    Raises:
        keras_tuner.errors.FailedTrialError: the loss became NaN or infinite.
    """
    steps = _steps(recipe, data)

    def fit(trained, steps, change=None, **options):
        batches = datasets.train_batches(data, recipe.batch_size, seed, passes=recipe.passes, **options)
        batches = batches.map(change) if change else batches
        stop = keras.callbacks.TerminateOnNaN()
        history = trained.fit(batches, steps_per_epoch=steps, epochs=1, shuffle=False, verbose=verbose, callbacks=[stop]).history
        if not np.all(np.isfinite(history["loss"])):
            raise FailedTrialError(f"the loss became {history['loss'][-1]}")

    if not isinstance(model, AdaptiveModel):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(make_optimizer(recipe, steps), loss, metrics=["accuracy"], steps_per_execution=STEPS_AT_ONCE)
        fit(model, steps, _floats)
        return
    if isinstance(model.model, Saccader):
        _train_saccader(model.model, recipe, steps, fit)
    else:
        settings = {"jit_compile": recipe.jit_compile, "steps_per_execution": STEPS_AT_ONCE}
        model.model.compile(make_optimizer(recipe, steps), **settings, **{"terms": PAPER, **recipe.loss})
        fit(model.model, steps, actions=actions, epochs=recipe.epochs)
    head_steps = min(HEAD_STEPS, steps)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-2, head_steps)), metrics=None)
    fit(model, head_steps)


def _train_saccader(model, recipe, steps, fit):
    """The three stages, each with a share of the steps and a schedule of its own."""
    share = {stage: max(1, math.floor(part * steps)) for stage, part in SACCADER_SHARES.items()}
    model.bagnet.compile(make_optimizer(recipe, share["bagnet"]))
    fit(model.bagnet, share["bagnet"])
    saccades = {"reinforce": {"weight": recipe.model["reinforce_weight"], "baseline": "batch_mean"}, "supervision": {}}
    for stage, terms in {"location": {"targets": {"num_targets": model.num_glimpses}}, "reinforce": saccades}.items():
        model.compile(make_optimizer(recipe, share[stage]), terms=terms)
        fit(model, share[stage])


def trial_points(model, source, trial, costs):
    """A trained model's points on a split: one for every threshold, or the one that a CNN has."""
    if isinstance(model, AdaptiveModel):
        points = sweep_thresholds(model, source).points()
        return [
            Point(trial, costs.adaptive(point.mean_glimpses) / 1e6, point.accuracy, point.threshold, point.mean_glimpses)
            for point in points
        ]
    found = model.evaluate(datasets.eval_batches(source, 500).map(_floats), verbose=0, return_dict=True)
    return [Point(trial, costs / 1e6, float(found["accuracy"]))]


def _floats(images, labels):
    return to_float(images), labels
