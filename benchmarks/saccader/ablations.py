"""What parts of a Saccader's training bring: stage 3 without stage 2, stage 2 without the stop of the policy's gradient, and stage 3 by
cross-entropy alone.

python -m benchmarks.saccader.ablations RUN [--manual-dir ../shared/data]

RUN is the folder of a run, its first stage trained at least. The three are trained beside it, from its own first stages as far as they
agree and by its settings otherwise, and resume there; what needs a stage that is not trained yet is left out. `photos.py RUN` writes
their rows.
"""

import argparse
import dataclasses
import itertools
import pathlib
import shutil

import benchmarks.common.mistakes  # noqa: F401  tells them in one line
from benchmarks.saccader.staged_runs import beside, read_staged
from tf_glimpse.files import locked_folder
from tf_glimpse.training import train_and_evaluate, workdirs
from tf_glimpse.training.run import load_recipe_data


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--manual-dir", default="../shared/data")
    options = parser.parse_args()
    whole, seed = read_staged(options.run)
    for variant, change in VARIANTS.items():
        recipe, folder = change(whole), beside(options.run, variant)
        missing = [stage for stage in alike(whole, recipe) if not (options.run / stage / "results.json").exists()]
        if missing:
            print(f"{variant}: left out, {options.run} has not trained {', '.join(missing)} yet")
            continue
        if not (workdirs.is_run_of(folder, recipe, seed) and workdirs.results(folder)):
            begin(options.run, whole, folder, recipe, seed, options.manual_dir)
            train_and_evaluate(recipe, folder, seed, manual_dir=options.manual_dir, verbose=2)
        print(f"{variant}: {workdirs.results(folder)['error_percent']:.2f} % error with {recipe.model['num_glimpses']} looks")


def without_location(recipe):
    """The BagNet, then REINFORCE with an untrained policy."""
    return dataclasses.replace(recipe, stages=tuple(stage for stage in recipe.stages if stage.name != "location"))


def without_stop(recipe):
    """Stage 2 trains the BagNet as well; its location loss is then a mean over targets, as the authors', for it matters what it weighs."""

    def joint(stage):
        targets = stage.loss["terms"]["targets"]
        targets = {**targets, "stop_gradient": False, "weight": 1 / targets["num_targets"]}
        return dataclasses.replace(stage, loss={**stage.loss, "terms": {"targets": targets}})

    stages = tuple(joint(stage) if stage.name == "location" else stage for stage in recipe.stages)
    return dataclasses.replace(recipe, stages=stages)


def without_reinforce(recipe):
    """Stage 3 trains the BagNet at the looks that its policy draws, and nothing teaches the policy."""

    def supervised(stage):
        terms = stage.loss["terms"]
        return dataclasses.replace(stage, loss={**stage.loss, "terms": {**terms, "reinforce": {**terms["reinforce"], "weight": 0.0}}})

    return dataclasses.replace(recipe, stages=tuple(supervised(stage) if stage.name == "reinforce" else stage for stage in recipe.stages))


VARIANTS = {"without stage 2": without_location, "without stop-gradient": without_stop, "without REINFORCE": without_reinforce}


def begin(run, whole, folder, recipe, seed, manual_dir):
    """Makes the folder a run of that recipe and seed whose first stages are trained already, those that the whole run has too."""
    with locked_folder(folder):
        workdirs.claim_run(folder, recipe, seed, load_recipe_data(recipe, manual_dir=manual_dir).fingerprint)
        for stage in alike(whole, recipe):
            (folder / stage).mkdir(exist_ok=True)
            for name in ("model.keras", "results.json"):
                shutil.copy(run / stage / name, folder / stage / name)


def alike(whole, recipe):
    """The folders' names of the first stages that both recipes have."""
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(whole.stages, recipe.stages, strict=False))
    return [f"stage-{number}-{stage.name}" for number, (stage, _) in enumerate(same, start=1)]


if __name__ == "__main__":
    main()
