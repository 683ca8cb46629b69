"""Published set-ups as functions, and runs that survive a kill. Importing this loads no TensorFlow."""

from tf_glimpse.late import on_first_use
from tf_glimpse.training.recipe import Recipe
from tf_glimpse.training.recipes import RECIPES, get_recipe

__all__ = ["RECIPES", "Recipe", "evaluate_model", "from_recipe", "get_recipe", "train_and_evaluate", "train_seeds"]

_HOME = {"train_and_evaluate": "run", "train_seeds": "run", "evaluate_model": "evaluation", "from_recipe": "arrays"}

__getattr__ = on_first_use(__name__, _HOME)
