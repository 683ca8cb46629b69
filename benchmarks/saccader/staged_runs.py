"""Runs of three stages, and what is trained beside them: what they are, and that they are what their folders say."""

import json

from tf_glimpse.training import get_recipe, workdirs
from tf_glimpse.training.publish import refuse_changed
from tf_glimpse.training.saccader_recipes import Stage, StagedRecipe
from tf_glimpse.types import UserError
from tf_glimpse.weights import PRESETS


def read_staged(run):
    """`(StagedRecipe, seed)` of a run's folder, finished or not.

    Raises:
        UserError: no run, one of a single stage, or one with other settings than the recipe of its name.
    """
    if not (run / "recipe.json").exists():
        raise UserError(f"No run in {run}. Expected: a folder that `tf-glimpse train saccader_flowers_small --workdir {run}` made.")
    note = workdirs.read_json(run / "recipe.json", "recipe", "seed")
    recipe = staged(note["recipe"])
    refuse_changed(run, note["recipe"])
    return recipe, note["seed"]


def staged(values):
    """The `StagedRecipe` of a dict, as JSON holds it.

    Raises:
        UserError: a recipe of a single stage.
    """
    if "stages" not in values:
        raise UserError(f"wanted a Saccader's run or preset, of three stages. Received: one of recipe {values['name']}")
    return StagedRecipe(**{**values, "stages": tuple(Stage(**stage) for stage in values["stages"])})


def beside(run, what):
    """The folder of what is trained beside a run."""
    return run.with_name(f"{run.name}-{what.replace(' ', '-')}")


def check_preset(name, run):
    """Refuses a preset that was not made of this finished run.

    Raises:
        UserError: no such preset, or one of another recipe, seed or test error.
    """
    if name is None:
        return
    file, (_, recipe, seed) = PRESETS / f"{name}.json", workdirs.read_run(run)
    made = workdirs.read_json(file, "recipe", "seed", "results") if file.exists() else None
    own = recipe, seed, workdirs.results(run)["error_percent"]
    younger = json.loads(json.dumps(workdirs.defaults(get_recipe(recipe["name"]))))  # what a card made before a setting came stands at
    if made is None or ({**younger, **made["recipe"]}, made["seed"], made["results"]["error_percent"]) != own:
        raise UserError(f"--preset expects what was made of {run}, recipe {recipe['name']}, seed {seed}, {own[2]} %. Received: {name}")


def results_of(folder, made_by):
    """What a run's companion found.

    Raises:
        UserError: it was not trained yet; says by which module, `made_by`.
    """
    if not (folder / "results.json").exists():
        raise UserError(f"{folder} is not trained yet: python -m {made_by}")
    return workdirs.read_json(folder / "results.json")
