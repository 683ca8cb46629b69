"""A model kept as a preset: a folder with its weights, a card for programs and a card for people."""

import dataclasses
import json
import pathlib

from tf_glimpse.files import refuse_other_things, write_json, write_whole
from tf_glimpse.types import UserError
from tf_glimpse.weights import CARD, MODEL

_PAGE = """# {name}

{description}.

| | |
|---|---|
| data | {data} |
| classes | {classes} |
| looks | {looks} of {patch}x{patch} px at {scales} scale(s) |
| images | {shape} |
| parameters | {parameters:,} |
| error | {error} |
| licence of the weights | {licence} |

```python
import tf_glimpse

model = tf_glimpse.{kind}.from_preset("PATH/OF/THIS/FOLDER")
print(model.classify("photo.png"))
```
"""


def save_preset(model, folder, recipe=None, description=None, results=None, licence=None):
    """Writes `model.keras` (without the optimiser), `preset.json` and `README.md`; what they hold is in `AttentionModel.save_to_preset`."""
    folder = pathlib.Path(folder).expanduser()
    if not model.built:
        raise UserError("save_to_preset expects a built model: fit it, call it on images, or build((None, H, W, C)), first.")
    refuse_other_things(folder)
    card = _card(model, folder, recipe, description, results, licence)
    write_whole(folder / MODEL, _uncompiled(model).save)
    (folder / "README.md").write_text(_page(model, folder, card), encoding="utf-8")
    write_json(folder / CARD, card)  # last: now it is one


def _card(model, folder, recipe, description, results, licence):
    """What `weights.find_preset` reads, with the fields of a recipe that every user of a preset asks for."""
    about = dataclasses.asdict(recipe) if dataclasses.is_dataclass(recipe) else dict(recipe or {})
    about = {"name": folder.name, "description": model.name, "data": None, "image_size": None, "actions": None, **about}
    about |= {"description": description} if description else {}
    return json.loads(json.dumps({"recipe": about, "seed": model.seed, "licence": licence, "results": results or {}}))


def _uncompiled(model):
    """A copy without the optimiser, whose state is twice the size of the weights."""
    copy = type(model).from_config(model.get_config())
    copy.build((None, *model.image_shape))
    copy.set_weights(model.get_weights())
    return copy


def _page(model, folder, card):
    error = card["results"].get("error_percent")
    return _PAGE.format(
        name=folder.name,
        description=card["recipe"]["description"],
        data=card["recipe"]["data"] or "not told",
        classes=", ".join(model.class_names) if model.class_names else model.num_classes,
        looks=model.num_glimpses,
        patch=model.patch_size,
        scales=model.num_scales,
        shape="x".join(map(str, model.image_shape)),
        parameters=model.count_params(),
        error="not told" if error is None else f"{error:.2f} %",
        licence=card["licence"] or "not told",
        kind=type(model).__name__,
    )
