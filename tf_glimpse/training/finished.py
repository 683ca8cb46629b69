"""What one does with a finished run or a preset: evaluate it, draw it. Both carry the recipe they were trained by."""

import dataclasses
import json
import pathlib

import numpy as np

from tf_glimpse import datasets
from tf_glimpse.models.loading import PRESETS, from_preset, load_model
from tf_glimpse.training import workdirs
from tf_glimpse.training.evaluation import ACTIONS, evaluate_model
from tf_glimpse.types import UserError


@dataclasses.dataclass(frozen=True)
class Finished:
    """A trained model, and the recipe (a dict), seed and name it came from."""

    model: object
    recipe: dict
    seed: int
    preset: str | None


def open_finished(workdir=None, preset=None, images=()):
    """The model of a run's folder or of a preset.

    Args:
        workdir: folder of a finished run, or None.
        preset: a preset's name, or None.
        images: further words of the command line; with a preset the word taken for the folder belongs to them.

    Raises:
        UserError: neither or both, or one that does not exist.
    """
    if preset and workdir:
        if not isinstance(images, list):
            raise UserError(f"give a run's folder or --preset, not both. Received: {workdir} and --preset {preset}")
        images.insert(0, workdir)
    elif not (preset or workdir):
        raise UserError("give the folder of a finished run, or --preset NAME")
    if preset:
        model = from_preset(preset)
        card = json.loads((PRESETS / f"{preset}.json").read_text())
        return Finished(model, card["recipe"], card["seed"], preset)
    path, recipe, seed = workdirs.read_run(workdir)
    return Finished(load_model(path), recipe, seed, None)


def evaluate_finished(finished, split="test", policy=None, rollouts=1, seed=0, **data_options):
    """`evaluate_model` on a split of the run's own data, or of `data`; returns its dict with recipe, seed, preset and policy.

    Raises:
        UserError: no such split, data that does not fit the model.
    """
    if policy and rollouts > 1:
        raise UserError(f"--rollouts draws from the model's own policy. Received: rollouts={rollouts} with policy {policy}")
    policy = policy or finished.recipe["actions"]
    data = load_data(finished, **data_options)
    source = getattr(data, split)
    if source is None or (split == "train" and data.canvas):
        raise UserError(f"{data.name} has no {split} split to evaluate on; try --split validation")
    actions = ACTIONS[policy](finished.model.num_glimpses)
    results = evaluate_model(finished.model, source, rollouts=rollouts, actions=actions, seed=seed)
    return {**results, "data": data.name, "split": split, "policy": policy or "own", "seed": finished.seed, "preset": finished.preset}


def draw_finished(finished, out, images=(), count=6, **data_options):
    """Writes `out.png` with a row an image, and `out.gif` of the first; returns both paths.

    Args:
        finished: from `open_finished`.
        out: path without ending.
        images: files; the first `count` images of the test (or validation) split if empty.
        count: how many of the split.
        **data_options: as for `load_data`.
    """
    from tf_glimpse.explain import draw_glimpses, save_glimpses_gif

    model, out = finished.model, pathlib.Path(out)
    pixels, labels = _files(model, images) if images else _examples(finished, count, **data_options)
    actions = ACTIONS[finished.recipe["actions"]](model.num_glimpses)
    inputs = pixels if actions is None else {"images": pixels, "actions": actions(np.arange(len(pixels)), (0, 0))}
    trajectory = model(inputs)
    out.parent.mkdir(parents=True, exist_ok=True)
    paths = [out.with_name(f"{out.name}.{ending}") for ending in ("png", "gif")]
    draw_glimpses(pixels, trajectory, model.cell.retina, model.class_names, labels).savefig(paths[0])
    first = type(trajectory)(*(field[:1] for field in trajectory))
    save_glimpses_gif(paths[1], pixels[0], first, model.cell.retina, model.class_names)
    return paths


def load_data(finished, data=None, image_size=None, manual_dir=None, data_dir=None, skip_corrupt=False):
    """The data a run was trained on, or other data, brought to the size the model was built for.

    Raises:
        UserError: other numbers of channels or classes than the model's.
    """
    model, name = finished.model, data or finished.recipe["data"]
    if name is None:
        raise UserError("this model's recipe names no data; give --data")
    channels = model.image_shape[-1] if data else None
    size = image_size or finished.recipe["image_size"] or (model.image_shape[0] if data else None)
    found = datasets.load(name, image_size=size, channels=channels, manual_dir=manual_dir, data_dir=data_dir, skip_corrupt=skip_corrupt)
    if found.num_classes != model.num_classes:
        raise UserError(f"the model knows {model.num_classes} classes, {name} has {found.num_classes}")
    return found


def _files(model, images):
    height, _, channels = model.image_shape
    pixels = np.stack([datasets.decode_image(pathlib.Path(image), channels, height) for image in images])
    return pixels, None


def _examples(finished, count, **data_options):
    data = load_data(finished, **data_options)
    source = data.test or data.validation or data.train
    indices = np.arange(min(count, len(source)))
    return source.fetch(indices).numpy(), source.labels[indices]
