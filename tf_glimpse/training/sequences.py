"""Near-optimal sequences for a recipe: its data, glimpses and grid."""

import pathlib

from tf_glimpse import datasets
from tf_glimpse.boed.generate import generate_sequences
from tf_glimpse.training.recipe import READING
from tf_glimpse.types import UserError


def sequences_for(
    recipe,
    out,
    *,
    data=None,
    manual_dir=None,
    data_dir=None,
    image_size=None,
    skip_corrupt=False,
    against_rest=None,
    flips=False,
    posterior=None,
    posterior_epochs=None,
    bank=None,
    completions="retrieval",
    **options,
):
    """`tf_glimpse.boed.generate_sequences` for a recipe.

    Args:
        recipe: a `Recipe` of one scale and a categorical location head.
        out: the folder.
        data: a name or folder, instead of the recipe's.
        manual_dir, data_dir, image_size, skip_corrupt: as for `tf_glimpse.datasets.load`; None for the recipe's size.
        against_rest: name of one class to tell from the rest, or None.
        flips: complete with mirror images too.
        posterior: file of a posterior network already trained, or None.
        posterior_epochs: for which one is trained otherwise; None for 10.
        bank: folder of a bank already there, or None.
        completions: as for `generate_sequences`.
        **options: "count", "samples", "seed".

    Raises:
        UserError: a recipe without a grid or of several scales, no such class, arguments of which one leaves nothing to the other; also as
            `generate_sequences`.
    """
    model = getattr(recipe, "model", {})
    name, location = model.get("location", ("", {})) if isinstance(model.get("location"), list | tuple) else (None, {})
    if name != "categorical" or model.get("num_scales", 1) != 1:
        raise UserError(f"sequences want a recipe of one scale with places on a grid, such as near_optimal_mnist. Received: {recipe.name}")
    if not (data or recipe.data):
        raise UserError(f"recipe {recipe.name} wants --data: a folder of images (CLASS/ or SPLIT/CLASS/), or a TFDS name.")
    _check_together(flips, posterior, posterior_epochs, bank, completions)
    places = {"manual_dir": manual_dir, "data_dir": data_dir, "skip_corrupt": skip_corrupt}
    places |= {name: getattr(recipe, name) for name in READING}
    found = datasets.load(data or recipe.data, image_size=image_size or recipe.image_size, **places)
    if against_rest is not None and against_rest not in found.class_names:
        raise UserError(f"--against-rest wants one of {', '.join(found.class_names)}. Received: {against_rest}")
    trained, kept = (None if path is None else {"path": str(pathlib.Path(path).expanduser().resolve())} for path in (posterior, bank))
    return generate_sequences(
        found,
        out,
        patch_size=model["patch_size"],
        num_glimpses=model["num_glimpses"],
        grid=location["grid"],
        against_rest=None if against_rest is None else found.class_names.index(against_rest),
        posterior=trained or {"epochs": posterior_epochs or 10},
        bank=kept or ({"flips": True} if flips else {}),
        completions=completions,
        **options,
    )


def _check_together(flips, posterior, posterior_epochs, bank, completions):
    if posterior is not None and posterior_epochs is not None:
        raise UserError("--posterior is trained already; --posterior-epochs is for one to be trained. Give one of the two.")
    if flips and bank is not None:
        raise UserError("--flips is for a bank to be built; the images of --bank are as they are. Give one of the two.")
    if completions != "retrieval" and (flips or bank is not None):
        raise UserError(f"--flips and --bank say what images are retrieved; --completions {completions} generates them. Leave them out.")
