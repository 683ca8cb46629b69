"""What one does with a finished run or a preset: evaluate it, draw it. Both carry the recipe they were trained by."""

import dataclasses
import pathlib
import sys
import warnings

import numpy as np

from tf_glimpse import datasets
from tf_glimpse.models.attention_model import AttentionModel
from tf_glimpse.models.loading import load_model
from tf_glimpse.policies import get_policy
from tf_glimpse.training import workdirs
from tf_glimpse.training.evaluation import by_class, evaluate_stopping, judge_answers
from tf_glimpse.training.mistakes import check_picture, draw_mistakes
from tf_glimpse.training.recipe import READING
from tf_glimpse.types import DataWarning, UserError

_EXAMPLES = 6  # images of a split that are looked at where nobody says how many


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """A trained model, and what it came from.

    Attributes:
        recipe: a dict.
        seed: int.
        preset: its name or folder; None for a run or a search.
        threshold: that a search's best model stops by, or None.
        sources: where the data of the run or search lie and how they are read, as `workdirs.known_sources` tells.
    """

    model: object
    recipe: dict
    seed: int
    preset: str | None
    threshold: float | None = None
    sources: dict = dataclasses.field(default_factory=dict)


def open_finished(workdir=None, preset=None):
    """The model of a run's folder or of a preset.

    Args:
        workdir: folder of a finished run or search, or None.
        preset: the name of a preset that ships with the package, a folder that `model.save_to_preset(folder)` made, or None.

    Raises:
        UserError: neither or both, or one that does not exist; a search's best model that is a CNN.
    """
    path, recipe, seed = workdirs.find_finished(workdir, preset)
    model = load_model(path)
    if not isinstance(model, AttentionModel):
        raise UserError(f"{path} does not look: a model of another kind, which keras.saving.load_model reads.")
    of_run = (workdirs.read_threshold(workdir), workdirs.known_sources(workdir)) if workdir else ()
    return FinishedRun(model, recipe, seed, preset, *of_run)


def evaluate_finished(
    finished, split=None, policy=None, rollouts=1, seed=0, threshold=None, num_glimpses=None, mistakes=None, **data_options
):
    """`evaluate_model` on a split of the run's own data, or of other data; and `evaluate_stopping` of a model that stops by a threshold.

    Args:
        finished: from `open_finished`.
        split: "train", "validation" or "test"; None is "test", or of data without it what was kept apart for validation, or else all of
            other `data` than the run's own. What is not a test split is told on stderr.
        policy: who chooses the places, by a name of `tf_glimpse.policies.get_policy`, such as "random" or "frozen:2"; None for the model's
            own. "constant" reads training images of the data evaluated: of a folder that is evaluated whole, the same images.
        rollouts: as for `evaluate_model`.
        seed: of draws.
        threshold: of an `AdaptiveModel`, on its own deterministic rollout; None for the one that a search found, if any.
        num_glimpses: looks of a Saccader; None for as many as it was trained with.
        mistakes: where to write a picture of the 12 wrong answers that the model was surest of; None for nowhere.
        **data_options: as for `load_run_data`.

    Returns:
        the dicts of `evaluate_model` and of `by_class`, with "data", "split", "policy", "seed" (of the training) and "preset"; where there
        is a threshold also that of `evaluate_stopping`, with `mistakes` also "mistakes_drawn", how many.

    Raises:
        UserError: no such split, data that does not fit the model, a threshold for a model that does not stop, or with other places, a
            number of looks for another model than a Saccader, a picture of mistakes that are not of one rollout by the model's own policy.
    """
    policy = policy or finished.recipe["actions"]
    if policy and rollouts > 1:
        raise UserError(f"`rollouts` are drawn from the model's own policy. Received: rollouts={rollouts} with {policy} places")
    own = policy is None and rollouts == 1
    if threshold is not None and not (own and finished.model.stops):
        raise UserError(
            "`threshold` is for one rollout by its own policy of a model with a stopping head (AdaptiveModel, or a search's best)."
        )
    if threshold is not None and num_glimpses is not None:
        raise UserError("`threshold` stops within the looks that a model was trained with; leave out `num_glimpses`.")
    if mistakes is not None:
        if not own:
            raise UserError("a picture of mistakes shows one rollout by the model's own policy; leave out `policy` and `rollouts`.")
        check_picture(mistakes)
    threshold = finished.threshold if threshold is None and num_glimpses is None and own else threshold
    data = load_run_data(finished, whole=split is None, **data_options)
    source, split = _chosen_split(data, split, own=not _other(finished, data_options.get("data")))
    model = finished.model.innermost() if num_glimpses is None else finished.model.innermost().with_glimpses(num_glimpses)
    results, answers = judge_answers(model, source, rollouts=rollouts, seed=seed, policy=get_policy(policy, model, data))
    results |= by_class(answers, data.class_names)
    if mistakes is not None:
        results["mistakes_drawn"] = draw_mistakes(mistakes, model, source, answers, lambda rows: image_names(source, split, rows))
    results |= {} if threshold is None else evaluate_stopping(finished.model, source, threshold)
    return {**results, "data": data.name, "split": split, "policy": policy or "own", "seed": finished.seed, "preset": finished.preset}


def _chosen_split(data, split, own):
    """`(source, name of the split)`: the split that was asked for, or the nearest to a test split that the data have."""
    found = {name: getattr(data, name) for name in ("train", "validation", "test") if getattr(data, name) is not None}
    if data.canvas:
        del found["train"]  # bare digits
    name = split or next((name for name in ("test", "validation") if name in found), "test" if own else "train")
    if name not in found:
        raise UserError(f"{data.name} has no {name} split to evaluate on; it has {', '.join(found) or 'none'}.")
    source = found[name]
    if split is None and name != "test":
        kept = "; the best epoch was picked by them, so that other images may fare a little worse" if own else ""
        which = f"all its {len(source)} images" if name == "train" else f"the {len(source)} images kept apart for validation{kept}"
        print(f"{data.name} has no test split: the error is of {which}.", file=sys.stderr)
    return source, "all" if split is None and name == "train" else name


def _other(finished, data):
    """The name or path of data, None if they are those that the model was trained on."""
    data = datasets.whole_name(data)
    return None if data == datasets.whole_name(finished.recipe["data"]) else data


def draw_finished(finished, out, images=(), count=None, **data_options):
    """Writes `out.png` with a row an image, and `out.gif`, a film of them (the first 12 of more); returns both paths.

    A Saccader's row shows what it has not seen, and its policy before each look.

    Args:
        finished: from `open_finished`.
        out: path without ending.
        images: files; images of the test (or validation) split if empty.
        count: how many, the first ones; all files, or 6 of the split, if None.
        **data_options: as for `load_run_data`.
    """
    from tf_glimpse.explain import draw_looks, save_glimpses_gif

    model, out = finished.model.innermost(), pathlib.Path(out).expanduser()
    if not out.name:
        raise UserError(f"`out` expects a path without ending, such as pictures/glimpses. Received: {str(out)!r}")
    paths = [out.with_name(f"{out.name}.{ending}") for ending in ("png", "gif")]
    check_spared(images, paths)
    pixels, labels, actions, names = chosen_images(finished, images, count, **data_options)
    trajectory = model(pixels if actions is None else {"images": pixels, "actions": actions})
    out.parent.mkdir(parents=True, exist_ok=True)
    draw_looks(pixels, trajectory, model, labels, names).savefig(paths[0])
    save_glimpses_gif(paths[1], pixels, trajectory, model.retina, model.class_names, labels=labels, names=names)
    return paths


def check_spared(images, paths):
    """Refuses to write over the images that are to be looked at.

    Raises:
        UserError: names the file.
    """
    wanted = {pathlib.Path(image).resolve() for image in images}
    for path in paths:
        if path.resolve() in wanted:
            raise UserError(f"{path} is one of the images, and was not overwritten; pass another `out`.")


def chosen_images(finished, images=(), count=None, **data_options):
    """`(pixels, labels, actions, names)` of files, or of images of the test split; labels and actions None where there are none.

    Args:
        finished, images, count, **data_options: as for `draw_finished`.
    """
    if images:
        pixels, labels, names = _files(finished, images[:count])
    else:
        pixels, labels, names = _examples(finished, count or _EXAMPLES, **data_options)
    policy = get_policy(finished.recipe["actions"], finished.model)
    return pixels, labels, None if policy is None else datasets.places_of(policy, pixels, np.arange(len(pixels)), (0, 0)), names


def load_run_data(finished, data=None, image_size=None, manual_dir=None, data_dir=None, skip_corrupt=False, whole=False):
    """The data a run was trained on, or other data, brought to the size the model was built for.

    Args:
        finished: from `open_finished`.
        data, image_size, manual_dir, data_dir, skip_corrupt: as for `tf_glimpse.datasets.load`; None means the run's own, False too.
        whole: keep other data whole: no validation part is split off it.

    Raises:
        UserError: other numbers of channels or classes than the model's.
    """
    data = _other(finished, data)
    model, name = finished.model, data or finished.recipe["data"]
    if name is None:
        raise UserError("this model's recipe names no data; give `data`.")
    own = data is None and image_size is None
    size = finished.recipe["image_size"] if own else (image_size or model.image_shape[:2])
    reading = {name: finished.recipe[name] for name in READING if name in finished.recipe}
    reading |= {} if own else {"channels": model.image_shape[-1]}
    places = {"manual_dir": manual_dir, "data_dir": data_dir, "skip_corrupt": skip_corrupt}
    places = places if data else {name: value or finished.sources.get(name, value) for name, value in places.items()}
    places["hold_out"] = 0.0 if data else finished.recipe.get("hold_out", 0.0)
    places |= {**reading, "validation_fraction": 0.0 if data and whole else 0.1}
    with warnings.catch_warnings():
        if own:  # its notes were told when it was trained
            warnings.simplefilter("ignore", DataWarning)
        found = datasets.load_photos(name, size, **places)
    found = found.in_order_of(model.class_names or found.class_names)
    if list(found.class_names) != list(model.class_names or found.class_names) or found.num_classes != model.num_classes:
        raise UserError(f"the model knows {model.num_classes} classes, {model.class_names}; {name} has {list(found.class_names)}")
    if min(found.image_shape[:2]) < model.patch_size:
        raise UserError(f"the model expects images of at least {model.patch_size} px a side, one patch; {name} has {found.image_shape[:2]}")
    if found.skipped and own:
        print(f"Left out {found.skipped} images that could not be decoded.", file=sys.stderr)
    return found


def _files(finished, images):
    height, width, channels = finished.model.image_shape
    white = finished.recipe.get("white_level")
    pixels = np.stack([datasets.decode_image(pathlib.Path(image), channels, (height, width), white) for image in images])
    names = [pathlib.Path(image).name for image in images]
    return pixels, None, names if len(set(names)) == len(names) else list(map(str, images))


def _examples(finished, count, **data_options):
    data = load_run_data(finished, **data_options)
    split = next(split for split in ("test", "validation", "train") if getattr(data, split))
    source = getattr(data, split)
    indices = np.arange(min(count, len(source)))
    return source.fetch(indices).numpy(), source.labels[indices], image_names(source, split, indices)


def image_names(source, split, indices):
    """What each image of a split is called: its file, or its number in the split, counted from 1.

    Args:
        source: an `ImageSource`.
        split: its name, such as "test".
        indices: int `[n]`.

    Example:
        >>> image_names(datasets.array_source(np.zeros([9, 4, 4, 1], np.uint8), np.zeros(9, int)), "test", [0, 7])
        ['test image 1', 'test image 8']
    """
    return [source.files[index] if source.files else f"{split} image {index + 1}" for index in indices]
