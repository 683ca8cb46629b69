"""A Saccader's run on photos: accuracy against looks and share seen, for every policy after every stage; and what hiding its looks costs.

python -m benchmarks.saccader.photos RUN [--manual-dir ../shared/data] [--preset NAME] [--without-resnet | --ablations-alone]

RUN is the folder of a finished run of three stages; `small_resnet.py RUN` has trained the reference beside it, and `ablations.py RUN`,
if it was run, the ablations. Without the reference, its columns stay empty and nothing is hidden from it. The ablations alone need
no more of RUN than its first stage. Writes rows into `results/saccader_photos.json` and `results/saccader_occlusion.json`.
"""

import argparse
import pathlib

import tf_glimpse  # noqa: F401  first: it keeps TensorFlow's log quiet

# isort: split
import keras
import numpy as np
import tensorflow as tf

from benchmarks.common.rows import add_rows
from benchmarks.saccader.ablations import VARIANTS, alike
from benchmarks.saccader.small_resnet import mflop
from benchmarks.saccader.staged_runs import beside, check_preset, read_staged, results_of
from tf_glimpse.models import Saccader
from tf_glimpse.ops.coverage import seen_pixels
from tf_glimpse.policies import get_policy
from tf_glimpse.training import evaluate_model, workdirs
from tf_glimpse.training.provenance import provenance
from tf_glimpse.training.run import load_recipe_data

MOST_GLIMPSES = 12
POLICIES = ("learned", "ordered_logits", "sobel_mean", "sobel_variance", "random", "centre")
KEY = ("dataset", "recipe", "variant", "policy", "stage", "num_glimpses", "seed")
NUMBERS = {"classification": 1, "location": 2, "reinforce": 3}
GREY = 115  # what hidden pixels become: the mean that images are normalised with


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--manual-dir", default="../shared/data")
    parser.add_argument("--preset", help="the preset that was made of this run")
    parser.add_argument("--without-resnet", action="store_true", help="the reference is not trained yet")
    parser.add_argument("--ablations-alone", action="store_true", help="write their rows and leave those of the whole training")
    options = parser.parse_args()
    recipe, seed = read_staged(options.run)
    check_preset(options.preset, options.run)
    if not options.ablations_alone:
        workdirs.read_run(options.run)  # tells of one that is not finished
    asked = not (options.without_resnet or options.ablations_alone)
    resnet = results_of(beside(options.run, "resnet"), f"benchmarks.saccader.small_resnet {options.run}") if asked else {}
    data, stages = load_recipe_data(recipe, manual_dir=options.manual_dir), stages_of(options.run)
    told = {"dataset": recipe.data, "recipe": recipe.name, "seed": seed, "split": "test", "examples": len(data.test)}
    told |= provenance(command_of(options), options.run)
    told["trained_by"] = f"tf-glimpse train {recipe.name} --seed {seed} --workdir RUN --manual-dir D"
    told |= {**reference(stages[1], resnet, data), "ceiling": ceiling(stages[1], data.test)}
    rows = [] if options.ablations_alone else run_itself(stages, data.test, {**told, "variant": "whole"}, options.preset)
    for variant, change in VARIANTS.items():
        rows += ablated(beside(options.run, variant), recipe, change(recipe), data.test, {**told, "variant": variant, "preset": None})
    add_rows("saccader_photos", rows, KEY)
    if asked:
        second = keras.saving.load_model(beside(options.run, "resnet") / "model.keras")
        hidden = occlusion(stages[3], second, data.test, {**told, "preset": options.preset})
        add_rows("saccader_occlusion", hidden, ("dataset", "recipe", "hidden", "seed"))


def run_itself(stages, source, told, preset):
    """The rows of the run itself; those of its last stage, which the preset's weights are of, name it."""
    presets = {number: preset if number == max(stages) else None for number in stages}
    return [row for number in stages for row in accuracies(number, stages[number], source, {**told, "preset": presets[number]})]


def command_of(options):
    flags = [f"--{name.replace('_', '-')}" for name in ("without_resnet", "ablations_alone") if vars(options)[name]]
    flags += [f"--preset {options.preset}"] if options.preset else []
    return " ".join(["python -m benchmarks.saccader.photos", *flags, "--manual-dir D", options.run.name])


def stages_of(run):
    """The models after each of the run's stages that is trained, by its number."""
    names = {NUMBERS[file.parent.name.split("-", 2)[2]]: file.parent for file in sorted(run.glob("stage-*/results.json"))}
    return {number: Saccader.from_preset(str(path / "model.keras")) for number, path in names.items()}


def ablated(run, whole, recipe, source, told):
    """The rows of another training of the same BagNet, for what those of its stages learned that the whole run has not; none if not run."""
    if not (workdirs.is_run_of(run, recipe, told["seed"]) and workdirs.results(run)):
        return []
    weight = [stage.loss["terms"]["targets"].get("weight", 1.0) for stage in recipe.stages if stage.name == "location"]
    trained_by = f"python -m benchmarks.saccader.ablations {told['command'].split()[-1]}"
    told = {**told, "trained_by": trained_by, "commit": workdirs.trained_by(run)}
    told |= {"supervision_weight": weight[0]} if weight else {}
    models = {number: model for number, model in stages_of(run).items() if number > len(alike(whole, recipe))}
    return [row for number, model in models.items() for row in accuracies(number, model, source, told, policies=["learned"])]


def ceiling(model, source):
    """The BagNet's accuracy on whole images."""
    return round(1 - evaluate_model(model, source, batch_size=184)["full_image_error_percent"] / 100, 5)


def reference(model, resnet, data):
    """What the ResNet reaches, None without it, and both networks' costs."""
    names = {"resnet": "accuracy", "resnet_parameters": "parameters", "resnet_mflop": "mflop", "resnet_epoch": "best_epoch"}
    names |= {"resnet_width": "width"}
    ours = {"bagnet_parameters": model.bagnet.count_params(), "bagnet_mflop": mflop(model.bagnet, data.image_shape)}
    return {**{name: round(resnet[field], 5) if field in resnet else None for name, field in names.items()}, **ours}


def accuracies(number, model, source, told, policies=POLICIES):
    """A row for each policy and number of looks after a stage; the untrained policy of stage 1 is left out."""
    rows, longer = [], model.with_glimpses(MOST_GLIMPSES)
    for policy in policies[1:] if number == 1 else policies:
        chosen = None if policy == "learned" else get_policy(policy, longer)
        found = evaluate_model(longer, source, policy=chosen, seed=told["seed"], batch_size=184)
        errors, shares = found["error_percent_by_glimpse"], found["coverage_percent_by_glimpse"]
        told = {**told, "full_image": round(1 - found["full_image_error_percent"] / 100, 5), "policy": policy, "stage": number}
        for look, (error, share) in enumerate(zip(errors, shares, strict=True), start=1):
            rows.append({**told, "num_glimpses": look, "coverage": round(share / 100, 5), "accuracy": round(1 - error / 100, 5)})
        print(f"{told['variant']}, stage {number}, {policy}: {100 - errors[5]:.2f} % with 6 looks, {shares[5]:.1f} % seen", flush=True)
    return rows


def occlusion(model, second, source, told):
    """How well a second classifier does on photos in which what the Saccader looked at, or as much elsewhere, is grey."""
    images = source.fetch(np.arange(len(source))).numpy()
    look = tf.function(model, reduce_retracing=True)
    locations = np.concatenate([look(images[start : start + 184]).locations.numpy() for start in range(0, len(images), 184)])
    seen = seen_pixels(tf.constant(locations), images.shape[1:3], model.patch_size).numpy()
    random = np.random.default_rng(told["seed"])
    moved = np.stack([np.roll(mask, random.integers(0, mask.shape), axis=(0, 1)) for mask in seen])
    masks = {
        "nothing": np.zeros_like(seen),
        "its looks": seen,
        "as much elsewhere": moved,
        "another photo's looks": np.roll(seen, 1, axis=0),
    }
    rows = []
    for hidden, mask in masks.items():
        answers = second.predict(np.where(mask[..., None], GREY, images).astype(np.uint8), batch_size=184, verbose=0)
        accuracy = float(np.mean(np.argmax(answers, axis=-1) == source.labels))
        rows.append({**told, "hidden": hidden, "share": round(float(mask.mean()), 5), "accuracy": round(accuracy, 5)})
        print(f"hidden: {hidden}, {100 * mask.mean():.1f} %: the second classifier is right on {100 * accuracy:.2f} %")
    return rows


if __name__ == "__main__":
    main()
