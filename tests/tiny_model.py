"""A small RAM of the paper's layers and terms on small random images, and which of its variables a term of the loss moves."""

import keras
import numpy as np
import tensorflow as tf

from tf_glimpse import RAM, losses
from tf_glimpse.models.ram import PAPER_LAYERS
from tf_glimpse.models.step import Step

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random([12, 14, 14, 1]).astype("float32")
LABELS = np.arange(12) % 3
ACTIONS = RANDOM.uniform(-1, 1, [12, 3, 2]).astype("float32")


def make_model(compile_kwargs=None, **kwargs):
    keras.utils.set_random_seed(7)
    model = RAM(3, patch_size=4, num_glimpses=3, seed=5, **{**PAPER_LAYERS, "units": 16, **kwargs})
    model.build((None, *IMAGES.shape[1:]))
    model.compile(**{"optimizer": keras.optimizers.SGD(0.1), "terms": losses.PAPER, **(compile_kwargs or {})})
    return model


def given(rows=slice(None)):
    has_actions = np.zeros(12, bool)
    has_actions[rows] = True
    return {"images": IMAGES, "actions": ACTIONS, "has_actions": has_actions}


def looked(model, inputs=IMAGES, weights=None, labels=LABELS, seed=(1, 2), training=True):
    """The `Step` of a call on the inputs; in training its places are drawn."""
    return Step(model, inputs, labels, *model(inputs, training=training, seed=seed, return_states=True), weights, seed)


def gradients(model, name, inputs=IMAGES, weights=None):
    """The gradient of one term of the loss with respect to every variable, by path; absent where there is none."""
    with tf.GradientTape() as tape:
        term = model.loss_terms(looked(model, inputs, weights))[0][name]
    found = tape.gradient(term, model.trainable_variables)
    return {variable.path: grad.numpy() for variable, grad in zip(model.trainable_variables, found, strict=True) if grad is not None}


def touched(found):
    return {
        part for path, grad in found.items() for part in ("location", "baseline", "other") if owner(path) == part and np.abs(grad).max() > 0
    }


def owner(path):
    return next((part for part in ("location", "baseline") if f"{part}" in path), "other")
