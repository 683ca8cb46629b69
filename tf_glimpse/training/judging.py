"""The last step of every run: its model on the test split, once."""

import keras
import tensorflow as tf

from tf_glimpse.training import workdirs
from tf_glimpse.training.evaluation import ACTIONS, evaluate_model


def judge(model, recipe, data, seed, workdir, found):
    """Evaluates a trained model on the test split, or the nearest to one that the data has, and writes the run's `results.json`.

    Args:
        model: an `AttentionModel`.
        recipe: the `Recipe` or `StagedRecipe` that trained it; a control's places are its `actions`.
        data: as `load_data` of the recipe.
        seed: the run's.
        workdir: the run's folder.
        found: a dict of what training found, such as "best_epoch".

    Returns:
        the results.
    """
    split = next(split for split in ("test", "validation", "train") if getattr(data, split) is not None)
    test = evaluate_model(model, getattr(data, split), actions=ACTIONS[recipe.actions](model.num_glimpses))
    told = {"recipe": recipe.name, "data": recipe.data, "seed": seed, "split": split}
    results = {**told, **test, **found, "versions": {"tensorflow": tf.__version__, "keras": keras.__version__}}
    workdirs.write_json(workdir / "results.json", results)
    return results
