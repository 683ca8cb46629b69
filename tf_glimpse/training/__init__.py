"""Published set-ups as functions, and runs that survive a kill. Importing this loads no TensorFlow."""

import importlib

from tf_glimpse.training.recipe import Recipe
from tf_glimpse.training.recipes import RECIPES, get_recipe

__all__ = ["RECIPES", "Recipe", "evaluate_model", "get_recipe", "train_and_evaluate", "train_seeds"]

_HOME = {"train_and_evaluate": "run", "train_seeds": "run", "evaluate_model": "evaluation"}


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'tf_glimpse.training' has no attribute {name!r}")
    return getattr(importlib.import_module(f"tf_glimpse.training.{_HOME[name]}"), name)
