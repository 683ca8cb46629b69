"""Near-optimal sequences for a recipe: its data, glimpses and grid."""

import pathlib

from tf_glimpse import datasets
from tf_glimpse.boed.generate import generate_sequences
from tf_glimpse.types import UserError


def sequences_for(
    recipe,
    out,
    *,
    data=None,
    manual_dir=None,
    data_dir=None,
    against_rest=None,
    flips=False,
    posterior=None,
    posterior_epochs=10,
    bank=None,
    **options,
):
    """`tf_glimpse.boed.generate_sequences` for a recipe.

    Args:
        recipe: a `Recipe` of one scale and a categorical location head.
        out: the folder.
        data: a name or folder, instead of the recipe's.
        manual_dir, data_dir: as for `tf_glimpse.datasets.load`.
        against_rest: name of one class to tell from the rest, or None.
        flips: complete with mirror images too.
        posterior: file of a posterior network already trained, or None.
        posterior_epochs: for which one is trained otherwise.
        bank: folder of a bank already there, or None.
        **options: "count", "samples", "completions", "seed".

    Raises:
        UserError: a recipe without a grid or of several scales, no such class; also as `generate_sequences`.
    """
    model = getattr(recipe, "model", {})
    name, location = model.get("location", ("", {})) if isinstance(model.get("location"), list | tuple) else (None, {})
    if name != "categorical" or model.get("num_scales", 1) != 1:
        raise UserError(f"sequences want a recipe of one scale with places on a grid, such as near_optimal_mnist. Received: {recipe.name}")
    if not (data or recipe.data):
        raise UserError(f"recipe {recipe.name} wants --data: a folder of images (CLASS/ or SPLIT/CLASS/), or a TFDS name.")
    found = datasets.load(data or recipe.data, image_size=recipe.image_size, manual_dir=manual_dir, data_dir=data_dir)
    if against_rest is not None and against_rest not in found.class_names:
        raise UserError(f"--against-rest wants one of {', '.join(found.class_names)}. Received: {against_rest}")
    return generate_sequences(
        found,
        out,
        patch_size=model["patch_size"],
        num_glimpses=model["num_glimpses"],
        grid=location["grid"],
        against_rest=None if against_rest is None else found.class_names.index(against_rest),
        posterior={"epochs": posterior_epochs} if posterior is None else {"path": str(pathlib.Path(posterior).resolve())},
        bank=({"flips": True} if flips else {}) if bank is None else {"path": str(pathlib.Path(bank).resolve())},
        **options,
    )
