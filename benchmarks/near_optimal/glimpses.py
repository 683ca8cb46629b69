"""Training with and without near-optimal glimpse sequences: one run, written as a row of `results/near_optimal_glimpses.json`.

python -m benchmarks.near_optimal.glimpses SEQUENCES [--supervision near_optimal] [--sequences 600] [--seeds 0,1,2,3,4] [--manual-dir DIR]

SEQUENCES is a folder that `tf-glimpse sequences RECIPE --out SEQUENCES` made; it says which data, glimpses, grid and task. A run that has
its row already is not made again, so that a killed call goes on. `page.py` turns the rows into ratios and figures.
"""

import argparse
import dataclasses
import pathlib
import tempfile

import tf_glimpse  # noqa: F401  first: it keeps TensorFlow's log quiet

# isort: split
import keras
import numpy as np
import tensorflow as tf

from benchmarks.common.folders import RESULTS
from benchmarks.common.rows import add_rows, read_rows
from benchmarks.near_optimal.convergence import ALL_CLASSES, KEY, NAME, completed
from tf_glimpse import datasets
from tf_glimpse.boed import read_plan, read_sequences
from tf_glimpse.files import locked
from tf_glimpse.models.rollouts import compiled
from tf_glimpse.ops.coordinates import to_cells
from tf_glimpse.training.provenance import provenance
from tf_glimpse.training.recipes import get_recipe
from tf_glimpse.training.run import build_model
from tf_glimpse.training.workdirs import write_json

BATCH = 64
KINDS = ("none", "near_optimal", "heuristic", "random")


def main():
    options = _options()
    plan = read_plan(options.folder)
    if plan is None:
        raise SystemExit(f"No sequences in {options.folder}. Expected: a folder that `tf-glimpse sequences` made.")
    data = datasets.load(plan.data, manual_dir=options.manual_dir)
    sequences = None if options.supervision == "none" else read_sequences(options.folder, data)
    if sequences is not None and options.sequences > plan.count:
        raise SystemExit(f"--sequences expects at most the {plan.count} that are in {options.folder}. Received: {options.sequences}")
    for seed in options.seeds:
        row = _described(options, plan, data, seed)
        if any(all(row[field] == other[field] for field in KEY) for other in read_rows(NAME)):
            continue
        row |= {**measured(options, plan, data, sequences, seed), **provenance(_command(options, seed)), "plan": dataclasses.asdict(plan)}
        with locked(pathlib.Path(tempfile.gettempdir()) / f"{NAME}.lock"):
            add_rows(NAME, [row], KEY)
            write_json(RESULTS / f"{NAME}.json", {"rows": completed(read_rows(NAME))})
        (own,) = (other for other in read_rows(NAME) if all(row[field] == other[field] for field in KEY))
        print({name: own[name] for name in (*KEY, "iterations_to_converge", "best_accuracy", "test_accuracy")}, flush=True)


def measured(options, plan, data, sequences, seed):
    """One run: the validation curve, the best of it, and the test accuracy of the weights that were best."""
    keras.utils.set_random_seed(seed)
    task = data if plan.against_rest is None else datasets.one_against_rest(data, plan.against_rest)
    recipe = recipe_of(plan)
    model = build_model(recipe, task, seed)
    optimizer = keras.optimizers.Adam(options.learning_rate, clipnorm=5.0)
    terms = {**recipe.loss["terms"], "reinforce": {"weight": options.reinforce_weight}}
    model.compile(optimizer, steps_per_execution=options.every, **{**recipe.loss, "terms": terms})
    epochs = -(-options.steps * BATCH // len(task.train)) + 1
    part = options.steps / (epochs * datasets.steps_per_epoch(task, BATCH))  # of these epochs, that the run goes through
    teaching = None if options.supervision == "none" else supervision(options, sequences, seed, part)
    batches = datasets.train_batches(task, BATCH, seed, epochs=epochs, actions=teaching)
    if plan.against_rest is not None:
        batches = batches.map(lambda inputs, labels: (inputs, labels, class_weights(labels)))
    validations = Validations(task.validation, task.num_classes)
    model.fit(
        batches,
        epochs=options.steps // options.every,
        steps_per_epoch=options.every,
        callbacks=[validations],
        shuffle=False,
        verbose=0,
    )
    model.set_weights(validations.weights)
    curve = [round(value, 4) for value in validations.curve]
    found = {"best_accuracy": max(curve), "validation_curve": curve}
    answers, locations = rolled_out(model, datasets.eval_batches(task.test, 1000))
    found["test_accuracy"] = round(balanced_accuracy(answers, task.test.labels, task.num_classes), 4)
    return {**found, "looks": look_maps(locations, plan.grid)} if seed == options.seeds[0] else found  # enough for a picture


def supervision(options, sequences, seed, part):
    """Some of the sequences: the first so many of those drawn, so that 60 are among the 600."""
    kept = np.isin(sequences.index, dataclasses.replace(sequences.plan, count=options.sequences).positions(options.images))
    some = {name: getattr(sequences, name)[kept] for name in ("index", "actions", "maps", "entropies")}
    chosen, until = dataclasses.replace(sequences, **some), options.until and options.until * part
    return chosen.supervision(options.supervision, share=options.share, until=until, seed=seed)


class Validations(keras.callbacks.Callback):
    """Balanced validation accuracy at the end of each epoch, and the weights that were best."""

    def __init__(self, source, num_classes):
        super().__init__()
        self.batches = list(datasets.eval_batches(source, 1000))
        self.labels = source.labels
        self.num_classes = num_classes
        self.curve = []
        self.weights = None

    def on_epoch_end(self, epoch, logs=None):
        answers, _ = rolled_out(self.model, self.batches)
        self.curve.append(balanced_accuracy(answers, self.labels, self.num_classes))
        if self.curve[-1] == max(self.curve):
            self.weights = self.model.get_weights()


def rolled_out(model, batches):
    """The class numbers `[N]` and the places `[N, T, 2]` of one deterministic rollout an image."""
    rollout = compiled(model)
    found = [rollout(images) for images, _ in batches]
    answers = [tf.argmax(trajectory.logits[:, -1], axis=-1).numpy() for trajectory in found]
    return np.concatenate(answers), np.concatenate([trajectory.locations.numpy() for trajectory in found])


def balanced_accuracy(answers, labels, num_classes):
    """Mean over classes of the share of the class that is answered right; for classes of one size, the accuracy."""
    return float(np.mean([(answers[labels == number] == number).mean() for number in range(num_classes)]))


def look_maps(locations, grid):
    """Share of looks at each cell, `[T][h * w]`, of locations `[N, T, 2]`, for the attention maps."""
    cells = to_cells(locations, grid).numpy()
    return [[round(float(share), 5) for share in np.bincount(step, minlength=grid[0] * grid[1]) / len(step)] for step in cells.T]


def class_weights(labels):
    """Weights `[B]` that give the two classes of a one-against-rest task of ten equal classes equal shares of the loss."""
    return tf.where(labels == 1, 5.0, 5.0 / 9)


def recipe_of(plan):
    """The recipe's model for this plan's glimpses and grid."""
    recipe = get_recipe("near_optimal_fashion_mnist")
    location = ["categorical", {**recipe.model["location"][1], "grid": plan.grid}]
    model = {**recipe.model, "patch_size": plan.patch_size, "num_glimpses": plan.num_glimpses, "location": location}
    return dataclasses.replace(recipe, model=model)


def _described(options, plan, data, seed):
    options.images = len(data.train)
    task = ALL_CLASSES if plan.against_rest is None else f"{data.class_names[plan.against_rest]} against rest"
    sequences = 0 if options.supervision in ("none", "heuristic") else options.sequences
    settings = {
        "grid": list(plan.grid),
        "patch_size": plan.patch_size,
        "image_size": list(data.image_shape[:2]),
        "learning_rate": options.learning_rate,
        "reinforce_weight": options.reinforce_weight,
        "iterations": options.steps,
        "validation_every": options.every,
    }
    share = {"share": 0, "until": None} if options.supervision == "none" else {"share": options.share, "until": options.until}
    return {
        "dataset": plan.data,
        "task": task,
        "supervision": options.supervision,
        "sequences": sequences,
        "seed": seed,
        **settings,
        **share,
    }


def _command(options, seed):
    named = ("supervision", "sequences", "learning_rate", "reinforce_weight", "share", "steps", "every")
    words = " ".join(f"--{name.replace('_', '-')} {getattr(options, name)}" for name in named)
    until = "" if options.until is None else f" --until {options.until}"
    return f"python -m benchmarks.near_optimal.glimpses SEQUENCES --seeds {seed} {words}{until}"


def _options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="SEQUENCES")
    parser.add_argument("--supervision", choices=KINDS, default="near_optimal")
    parser.add_argument("--sequences", type=int, default=600)
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1, 2, 3, 4])
    parser.add_argument("--share", type=float, default=0.25, help="of each batch")
    parser.add_argument("--until", type=float, help="fraction of the run by which the share is zero")
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--reinforce-weight", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=7200)
    parser.add_argument("--every", type=int, default=50, help="iterations between validations")
    parser.add_argument("--manual-dir", default="../shared/data")
    return parser.parse_args()


if __name__ == "__main__":
    main()
