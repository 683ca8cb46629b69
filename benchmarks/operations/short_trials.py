"""Do near-optimal sequences make a search's trials shorter? Short trials with and without them, against whole trainings.

tf-glimpse sequences near_optimal_fashion_mnist --count 600 --out S --manual-dir ../shared/data
python -m benchmarks.operations.short_trials --sequences S [--candidates 8] [--full-epochs 6] [--manual-dir ../shared/data]

The same candidates each time, drawn from the space below whatever the seed. One row a trial in `results/short_trials.json`, as soon as it
ends; called again, it goes on after the last. Accuracies are those of the validation split, at the fixed number of glimpses.
"""

import argparse
import json
import time

import tf_glimpse  # noqa: F401  first: it keeps TensorFlow's log quiet

# isort: split
import keras
import keras_tuner

from benchmarks.common.rows import add_rows, read_rows
from tf_glimpse import datasets
from tf_glimpse.boed.store import read_sequences
from tf_glimpse.search.space import RAM_SPACE, RAMSpace
from tf_glimpse.search.trials import recipe_of, train_candidate
from tf_glimpse.training import evaluate_model
from tf_glimpse.training.provenance import provenance

DATA, KEY = "fashion_mnist", ("dataset", "trial", "candidate", "epochs", "seed")
CHOICES = {
    "patch_size": [6],
    "num_scales": [1],
    "num_glimpses": [5],
    "core": ["gru", "rectified"],
    "location": ["gaussian"],
    "look_ahead_weight": [0.0],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", required=True)
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--short-epochs", type=int, default=1)
    parser.add_argument("--full-epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--manual-dir", default="../shared/data")
    options = parser.parse_args()
    data = datasets.load(DATA, manual_dir=options.manual_dir)
    sequences, space = read_sequences(options.sequences, data), RAMSpace(data, {**RAM_SPACE, **CHOICES})
    teacher, taught = sequences.supervision(), {"grid": list(sequences.plan.grid), "sequences": sequences.plan.count}
    short = options.short_epochs
    for trial, epochs, actions in (("short", short, None), ("short_supervised", short, teacher), ("full", options.full_epochs, None)):
        for number, candidate in enumerate(drawn(space, options.candidates)):
            about = {"dataset": DATA, "trial": trial, "candidate": number, "epochs": epochs, "seed": options.seed}
            about |= taught if actions else {}
            if not any(all(row.get(name) == value for name, value in about.items()) for row in read_rows("short_trials")):
                run(space, candidate, about, actions, options)


def run(space, candidate, about, actions, options):
    keras.utils.set_random_seed(options.seed)
    start, model = time.monotonic(), space.model(candidate)
    train_candidate(model, space.data, recipe_of(space, candidate, about["epochs"], 24_000), options.seed, actions)
    seconds = time.monotonic() - start
    error = evaluate_model(model.model, space.data.validation)["error_percent"]
    command = f"python -m benchmarks.operations.short_trials --sequences S --candidates {options.candidates} --seed {options.seed}"
    command += f" --short-epochs {options.short_epochs} --full-epochs {options.full_epochs}"
    row = {**about, "accuracy": round(1 - error / 100, 5), "seconds": round(seconds, 1), "choices": candidate, **provenance(command)}
    add_rows("short_trials", [row], KEY)
    print(json.dumps({**about, "accuracy": row["accuracy"], "seconds": row["seconds"]}), flush=True)


def drawn(space, count):
    """Candidates, whatever the run's seed."""
    hyperparameters = keras_tuner.HyperParameters()
    space.declare_hyperparameters(hyperparameters)
    found = []
    for number in range(count):
        for position, parameter in enumerate(hyperparameters.space):
            hyperparameters.values[parameter.name] = parameter.random_sample(1000 * number + position + 1)
        found.append(space.candidate(hyperparameters))
    return found


if __name__ == "__main__":
    main()
