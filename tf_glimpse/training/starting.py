"""Training that begins with the weights of a preset or of a finished run: on other classes, or on the same ones for longer."""

import dataclasses
import hashlib
import math
import pathlib

from tf_glimpse import datasets
from tf_glimpse.training.finished import open_finished
from tf_glimpse.training.recipe import Recipe, known_fields, without_terms
from tf_glimpse.training.saccader_recipes import Stage, StagedRecipe, changed_stages
from tf_glimpse.training.workdirs import preset_or_run
from tf_glimpse.types import UserError
from tf_glimpse.weights import preset_names

SHARE = 1 / 3  # of the recipe's epochs and learning rate, which are enough for weights that know something


def started_recipe(source, recipe=None, data=None):
    """The recipe of a run that begins with trained weights: a third of the epochs, at a third of the learning rate.

    Its model, the size of its images and their channels are the source's, whatever the recipe says.

    Args:
        source: the name of a preset, or the folder of a preset or of a finished run.
        recipe: a `Recipe` or `StagedRecipe` to train by; None for the source's own.
        data: what to train on, as for `tf_glimpse.datasets.load`; None for the recipe's own, or else the source's. On other data than
            the source's, what taught its policy by those data (a teacher, guidance by known places) is left out.

    Returns:
        a recipe for `train_and_evaluate`. Its `start` says where the weights come from. The classifier stays if the data have the
        source's classes, and is a new one otherwise.

    Raises:
        UserError: no such source; one that no recipe describes, such as the best of a search for a Saccader; a recipe of another family.

    Example:
        >>> recipe = started_recipe("ram_digits", data="mnist")
        >>> recipe.start["source"], recipe.epochs, round(recipe.learning_rate, 5), recipe.image_size
        ('ram_digits', 15, 0.00033, 60)
    """
    finished, start = _open(source)
    own = _recipe(finished.recipe, source)
    recipe = own if recipe is None else recipe
    if type(recipe) is not type(own):
        raise UserError(f"recipe {recipe.name} trains another kind of model than {source}; leave the recipe out, or take another one.")
    data = datasets.whole_name(data or recipe.data or own.data)
    if data is None:
        raise UserError(f"{source} names no data to train on; give `data`.")
    model = finished.model.innermost()
    height, width, channels = model.image_shape
    size = {"image_size": height if height == width else [height, width], "channels": channels}
    recipe = dataclasses.replace(recipe, model=own.model, data=data, start=start, **size)
    return _shortened(recipe if data == datasets.whole_name(own.data) else _untaught(recipe))


def start_weights(model, start, verbose=None):
    """Gives a model the weights that a run begins with, and says which.

    Args:
        model: built for the run's data, as `started_recipe` describes it; changed.
        start: the recipe's `start`.
        verbose: 0 for silence.

    Raises:
        UserError: the weights are gone, were trained anew since the run was described, or are of another model.
    """
    finished, found = _open(start["source"])
    if found != start:
        raise UserError(f"{start['source']} holds other weights than when this run was described; begin another run.")
    source = finished.model.innermost()
    same = list(model.class_names or []) == list(source.class_names or [])
    source = source if same else source.with_classes(model.num_classes, model.class_names)
    try:
        model.set_weights(source.get_weights())
    except ValueError as error:
        raise UserError(f"the weights of {start['source']} do not fit this recipe's model: {str(error).splitlines()[0]}") from error
    if verbose != 0:
        kept = "all weights, for the same" if same else "all weights but the classifier, which is new for"
        print(f"Beginning with {start['source']}: {kept} {model.num_classes} classes.", flush=True)


def _open(source):
    """The finished model, and what a recipe writes down about it."""
    source = str(source)
    finished = open_finished(**preset_or_run(source))
    name = source if source in preset_names() else str(pathlib.Path(source).expanduser().resolve())
    digest = hashlib.sha256()
    for weight in finished.model.get_weights():
        digest.update(weight.tobytes())
    names = finished.model.innermost().class_names
    return finished, {"source": name, "weights": digest.hexdigest()[:16], "class_names": names and list(names)}


def _recipe(note, source):
    """The recipe that a folder or a card wrote down, as far as this version knows its settings."""
    try:
        if "stages" in note:
            stages = tuple(Stage(**known_fields(Stage, stage)) for stage in note["stages"])
            return StagedRecipe(**{**known_fields(StagedRecipe, note), "stages": stages})
        recipe = Recipe(**known_fields(Recipe, note))
    except TypeError as error:
        raise UserError(f"{source} does not say how it was trained ({error}); another run cannot begin with it.") from error
    if "patch_size" not in recipe.model:
        raise UserError(
            f"{source} was found by a search among other models than a RAM; a run can begin with a RAM's or a recipe's weights."
        )
    return recipe


def _untaught(recipe):
    """The recipe without what taught its policy about the old data."""
    if isinstance(recipe, StagedRecipe):
        return recipe
    return dataclasses.replace(without_terms(recipe, "guidance"), teacher={})


def _shortened(recipe):
    if isinstance(recipe, StagedRecipe):
        rates = tuple(stage.learning_rate * SHARE for stage in recipe.stages)
        return changed_stages(recipe, epochs=tuple(math.ceil(stage.epochs * SHARE) for stage in recipe.stages), learning_rate=rates)
    return dataclasses.replace(recipe, epochs=math.ceil(recipe.epochs * SHARE), learning_rate=recipe.learning_rate * SHARE)
