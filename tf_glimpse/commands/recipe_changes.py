"""A recipe with what the command line says instead: data, sizes, lengths, who chooses the places, who teaches them."""

import dataclasses
import pathlib

from tf_glimpse.datasets.names import whole_name
from tf_glimpse.training.recipe import READING, with_policy
from tf_glimpse.training.saccader_recipes import StagedRecipe, changed_stages
from tf_glimpse.types import UserError

_SETTINGS = ("data", "image_size", *READING, "epochs", "batch_size", "learning_rate", "dtype")


def changed(recipe, options):
    """The recipe with what the command line says instead."""
    options.data = whole_name(options.data)
    wanted = {name: getattr(options, name) for name in _SETTINGS}
    wanted = {name: value for name, value in wanted.items() if value} | ({"jit_compile": False} if options.no_jit else {})
    if isinstance(recipe, StagedRecipe):
        return _changed_stages(recipe, wanted, options)
    several = [name for name, value in wanted.items() if isinstance(value, tuple)]
    if several:
        raise UserError(f"{_flags(several)}: recipe {recipe.name} has one stage and takes one value. Received: {wanted[several[0]]}")
    recipe = dataclasses.replace(recipe, **wanted)
    recipe = with_policy(recipe, options.policy) if options.policy else recipe
    recipe = _taught(recipe, options)
    return recipe if options.rollouts is None else dataclasses.replace(recipe, loss={**recipe.loss, "rollouts": options.rollouts})


def _taught(recipe, options):
    """The recipe with sequences for a teacher, if there are any."""
    settings = {"kind": options.supervision, "share": options.share, "until": options.until}
    settings = {name: value for name, value in settings.items() if value is not None}
    if not options.sequences:
        if settings:
            raise UserError("--supervision, --share and --until say how --sequences teach; give their folder too.")
        return recipe
    if options.policy:
        raise UserError(f"--sequences teach the model's own policy; --policy {options.policy} has none.")
    folder = str(pathlib.Path(options.sequences).expanduser().resolve())
    taught = {"kind": "near_optimal", "share": 0.5, "until": 0.2, **settings}
    return dataclasses.replace(recipe, teacher={"sequences": folder, **taught})


def _changed_stages(recipe, wanted, options):
    """The recipe of several stages with what the command line says instead, in every stage."""
    single = [name for name in ("policy", "sequences", "supervision", "share", "until") if getattr(options, name) is not None]
    if single:
        raise UserError(f"{_flags(single)}: for recipes of one stage, which {recipe.name} is not.")
    if recipe.train_size and "image_size" in wanted:
        wanted["train_size"] = round(recipe.train_size * wanted["image_size"] / recipe.image_size)
    in_stages = {name: wanted.pop(name) for name in ("epochs", "learning_rate") if name in wanted}
    for name, values in in_stages.items():
        if isinstance(values, tuple) and len(values) != len(recipe.stages):
            raise UserError(f"{_flags([name])}: recipe {recipe.name} has {len(recipe.stages)} stages. Received: {len(values)} values")
    recipe = changed_stages(dataclasses.replace(recipe, **wanted), **in_stages)
    return recipe if options.rollouts is None else _with_rollouts(recipe, options.rollouts)


def _with_rollouts(recipe, rollouts):
    """So many trajectories an image in the stage that learns by REINFORCE."""

    def drawn(stage):
        return dataclasses.replace(stage, loss={**stage.loss, "rollouts": rollouts}) if stage.name == "reinforce" else stage

    return dataclasses.replace(recipe, stages=tuple(map(drawn, recipe.stages)))


def _flags(names):
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)
