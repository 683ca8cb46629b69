"""What each look tells about the class: a reward shaped by entropy against the plain one, several seeds, trained alike.

python -m benchmarks.explanations.information_gain mnist --workdir W              trains what W lacks, and writes its rows
python -m benchmarks.explanations.information_gain --presets ram_mnist_paper      writes the rows of shipped weights
"""

import argparse
import dataclasses
import json
import pathlib
import sys

from benchmarks.common.rows import add_rows
from tf_glimpse.training.provenance import provenance

RECIPES = {"mnist": "ram_mnist_paper", "cluttered_mnist/60": "ram_cluttered_60_paper", "digits_canvas": "ram_digits"}
REWARDS = ("final_correct", "entropy_shaped")
PLACES = {"first_location": "random", "location": ["gaussian", {"stddev": 0.15}]}
KEY = ("dataset", "reward", "recipe", "seed", "rollouts", "glimpse")
ROLLOUTS = 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", choices=RECIPES)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--workdir", type=pathlib.Path)
    parser.add_argument("--presets", nargs="+", default=[])
    parser.add_argument("--manual-dir", default="../shared/data")
    options = parser.parse_args()
    if options.data and not options.workdir:
        sys.exit("training expects --workdir")
    for preset in options.presets:
        add_preset(preset, options.manual_dir)
    if options.data:
        add_runs(options)


def add_preset(preset, manual_dir):
    """The rows of shipped weights."""
    from tf_glimpse.training.finished import load_run_data, open_finished

    finished = open_finished(preset=preset)
    about = {"dataset": finished.recipe["data"], "reward": f"preset {preset}", "recipe": finished.recipe["name"], "seed": finished.seed}
    about |= provenance(f"python -m benchmarks.explanations.information_gain --presets {preset}")
    add_measured(finished.model, load_run_data(finished, manual_dir=manual_dir), about)


def add_runs(options):
    """Trains what the folder lacks, rewards in turn, and adds its rows: the last epoch's weights, nothing was selected."""
    from tf_glimpse.datasets import load

    data = load(options.data, manual_dir=options.manual_dir)
    for seed in options.seeds:
        for reward in REWARDS:
            recipe = small_recipe(options.data, reward, options.epochs, options.units)
            model = trained(recipe, data, seed, options.workdir / f"{recipe.name}-seed-{seed}.keras")
            settings = {name: getattr(recipe, name) for name in ("model", "loss", "epochs", "batch_size")}
            command = f"python -m benchmarks.explanations.information_gain {options.data} --epochs {options.epochs}"
            command += f" --units {options.units} --seeds {seed}"
            about = {"dataset": options.data, "reward": reward, "recipe": recipe.name, "seed": seed, **settings}
            add_measured(model, data, {**about, **provenance(f"{command} --workdir W")})


def trained(recipe, data, seed, path):
    """The model of a run; trained unless its file is there."""
    import keras

    from tf_glimpse.datasets import steps_per_epoch, train_batches
    from tf_glimpse.models import load_model
    from tf_glimpse.training.run import build_model, compiled_model

    if path.exists():
        return load_model(path)
    keras.utils.set_random_seed(seed)
    model = compiled_model(recipe, data, seed)
    batches = train_batches(data, recipe.batch_size, seed, epochs=recipe.epochs)
    model.fit(batches, epochs=recipe.epochs, steps_per_epoch=steps_per_epoch(data, recipe.batch_size), shuffle=False, verbose=2)
    bare = build_model(recipe, data, seed)  # without the optimiser
    bare.set_weights(model.get_weights())
    path.parent.mkdir(parents=True, exist_ok=True)
    bare.save(path)
    return bare


def small_recipe(data, reward, epochs, units):
    """The paper's layers, made small; places drawn by the policy from the start, no teacher, no augmentation, a short schedule.

    The policy learns by REINFORCE alone, so that the reward is what differs.
    """
    from tf_glimpse.training import get_recipe

    recipe = get_recipe(RECIPES[data])
    # Early answers are trained too, or their entropy would mean little.
    terms = {"reinforce": {"weight": 0.1, "reward": reward}, "baseline": {}, "anytime": {"weight": 0.5}, "supervision": {}}
    changes = {"model": {**recipe.model, **PLACES, "units": units}, "loss": {"terms": terms}, "teacher": {}, "augment": {}}
    described = f"{recipe.description}; a short schedule, reward {reward}"
    changes |= {"name": f"{recipe.name}_{reward}", "description": described, "batch_size": 128, "jit_compile": False}
    return dataclasses.replace(recipe, epochs=epochs, **changes)


def add_measured(model, data, about):
    """The rows of one trained model: temperatures from validation, everything else from one visit to the test split."""
    from tf_glimpse.explain import collect_logits, fit_temperatures

    temperatures = fit_temperatures(collect_logits(model, data.validation), data.validation.labels)
    for rollouts in (1, ROLLOUTS):
        logits = collect_logits(model, data.test, rollouts)
        add_rows("information_gain", rows_of(logits, data.test.labels, temperatures, {**about, "rollouts": rollouts}), KEY)
    print(json.dumps({key: about[key] for key in KEY[:4]}), flush=True)


def rows_of(logits, labels, temperatures, about):
    """A row a look, with its figures before and after temperature scaling."""
    from tf_glimpse.explain import gain_curves, looks_needed

    plain, mended = gain_curves(logits, labels), gain_curves(logits, labels, temperatures)
    needed = round(looks_needed(logits, labels), 4)
    return [{**about, "glimpse": look + 1, **figures(plain, mended, look), "looks_needed": needed,
             "temperature": round(float(temperatures[look]), 4)} for look in range(len(plain.gain))]  # fmt: skip


def figures(plain, mended, look):
    """What the curves say of one look, in nats and shares."""
    found = {
        "gain": plain.gain[look],
        "nll_drop": plain.nll_drop[look],
        "entropy": plain.entropy[look + 1],
        "cross_entropy": plain.cross_entropy[look + 1],
        "mutual_information": plain.mutual_information[look],
        "ece": plain.calibration_error[look],
        "accuracy": plain.accuracy[look],
        "gain_scaled": mended.gain[look],
        "nll_drop_scaled": mended.nll_drop[look],
        "ece_scaled": mended.calibration_error[look],
    }
    unearned = {"unearned": bool(plain.unearned[look]), "unearned_scaled": bool(mended.unearned[look])}
    return {**{name: round(float(value), 5) for name, value in found.items()}, **unearned}


if __name__ == "__main__":
    main()
