"""Near-optimal sequences for a recipe: its data, glimpses and grid."""

from tf_glimpse import datasets
from tf_glimpse.boed.generate import generate_sequences
from tf_glimpse.training.recipe import READING
from tf_glimpse.types import UserError


def sequences_for(recipe, folder, *, data=None, image_size=None, against_rest=None, completions=None, posterior=None, **options):
    """`tf_glimpse.boed.generate_sequences` for a recipe.

    Args:
        recipe: a `Recipe` of one scale and a categorical location head.
        folder, completions, posterior: as for `generate_sequences`.
        data: a name or folder, instead of the recipe's.
        image_size: side that images are brought to; None for the recipe's.
        against_rest: name of one class to tell from the rest, or None.
        **options: "count" and "seed" of `generate_sequences`; "manual_dir", "data_dir" and "skip_corrupt" of `tf_glimpse.datasets.load`.

    Raises:
        UserError: a recipe without a grid, of several scales, or without data where none are given, no such class; also as
            `generate_sequences`.
    """
    model = getattr(recipe, "model", {})
    name, location = model.get("location", ("", {})) if isinstance(model.get("location"), list | tuple) else (None, {})
    if name != "categorical" or model.get("num_scales", 1) != 1:
        expected = "a recipe of one scale with places on a grid, such as near_optimal_mnist"
        raise UserError(f"sequences expect {expected}. Received: {recipe.name}")
    if not (data or recipe.data):
        raise UserError(f"recipe {recipe.name} names no data; pass `data`, a folder of images (CLASS/ or SPLIT/CLASS/) or a TFDS name.")
    places = {name: options.pop(name) for name in ("manual_dir", "data_dir", "skip_corrupt") if name in options}
    places |= {name: getattr(recipe, name) for name in READING}
    found = datasets.load(data or recipe.data, image_size=image_size or recipe.image_size, **places)
    if against_rest is not None:
        if against_rest not in found.class_names:
            raise UserError(f"against_rest expects one of {', '.join(found.class_names)}. Received: {against_rest}")
        posterior = {**(posterior or {}), "against_rest": found.class_names.index(against_rest)}
    glimpses = {"patch_size": model["patch_size"], "num_glimpses": model["num_glimpses"], "grid": location["grid"]}
    return generate_sequences(found, folder, glimpses, completions=completions, posterior=posterior, **options)
