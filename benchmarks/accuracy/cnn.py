"""The paper's two-layer CNN on a recipe's data, batches, augmentation and schedule; its row goes into `results/paper_tables.json`.

python -m benchmarks.accuracy.cnn RECIPE [--learning-rates 0.0003 0.001 0.003 0.01 0.03] [--epochs N] [--seed 0] [--manual-dir D]

Its learning rate is chosen on validation; RAM's recipes take theirs from one setting. Rates and lengths that are tried later are held
against the row that is there: the best on validation stays, and tells of the others.
"""

import argparse
import dataclasses
import pathlib
import tempfile

import tf_glimpse  # noqa: F401  first: it keeps TensorFlow's log quiet

# isort: split
import keras
import numpy as np

from benchmarks.accuracy.record import KEY
from benchmarks.accuracy.tasks import task_of
from benchmarks.common.paper_cnn import paper_cnn
from benchmarks.common.rows import add_rows, read_rows
from tf_glimpse import datasets
from tf_glimpse.training import get_recipe
from tf_glimpse.training.provenance import provenance
from tf_glimpse.training.run import make_optimizer

LEARNING_RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("--learning-rates", type=float, nargs="+", default=LEARNING_RATES)
    parser.add_argument("--epochs", type=int, help="the recipe's if not given")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--manual-dir", default="../shared/data")
    options = parser.parse_args()
    recipe = get_recipe(options.recipe)
    recipe = dataclasses.replace(recipe, epochs=options.epochs or recipe.epochs)
    data = datasets.load(recipe.data, manual_dir=options.manual_dir)
    runs = [train(dataclasses.replace(recipe, learning_rate=rate), data, options.seed) for rate in options.learning_rates]
    row = joined(best_row(runs, recipe, data, options))
    add_rows("paper_tables", [row], KEY)
    print(f"{row['task']}, two-layer CNN: {row['error_percent']:.2f} %")


def train(recipe, data, seed):
    """`(recipe, model at its best epoch, validation errors by epoch)`."""
    keras.utils.set_random_seed(seed)
    model, steps = paper_cnn(data.image_shape, data.num_classes), datasets.steps_per_epoch(data, recipe.batch_size, recipe.passes)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(make_optimizer(recipe, recipe.epochs * steps), loss, metrics=["accuracy"])
    augment = datasets.Augmentation(**recipe.augment) if recipe.augment else None
    batches = datasets.train_batches(data, recipe.batch_size, seed, 0, recipe.epochs, augment, passes=recipe.passes)
    with tempfile.TemporaryDirectory() as folder:
        best = pathlib.Path(folder) / "best.weights.h5"
        keep = keras.callbacks.ModelCheckpoint(best, monitor="val_accuracy", save_best_only=True, save_weights_only=True)
        validation = datasets.eval_batches(data.validation, 500)
        means = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if recipe.ema_momentum else []
        fitting = {"epochs": recipe.epochs, "steps_per_epoch": steps, "callbacks": [*means, keep], "shuffle": False, "verbose": 2}
        history = model.fit(batches, validation_data=validation, **fitting).history
        model.load_weights(best)
    return recipe, model, [round(100 * (1 - accuracy), 3) for accuracy in history["val_accuracy"]]


def joined(row):
    """Of this row and one that is there, on the same batches, what validates better, with what was tried for both."""
    there = [other for other in read_rows("paper_tables") if all(other[field] == row[field] for field in (*KEY, "augmentation"))]
    tuning = {name: error for each in (*there, row) for name, error in each["tuning"].items()}
    best = min((row, *there), key=lambda each: each["validation_error_percent"])
    return {**best, "tuning": tuning}


def command(options, chosen):
    """What trains the chosen network alone again."""
    told = f"--learning-rates {chosen.learning_rate:g} --epochs {chosen.epochs} --seed {options.seed}"
    return f"python -m benchmarks.accuracy.cnn {options.recipe} {told} --manual-dir ../shared/data"


def best_row(runs, recipe, data, options):
    """The row of the learning rate that validates best; only its model sees the test set."""
    chosen, model, curve = min(runs, key=lambda run: min(run[2]))
    test = datasets.eval_batches(data.test, 500)
    accuracy = model.evaluate(test, verbose=0, return_dict=True)["accuracy"]
    task = task_of(recipe.data)
    return {
        "task": task.name if task else recipe.data,
        "paper": task.paper_cnn if task else None,
        "best_public": None,
        "recipe": "cnn_2_layers",
        "policy": "whole image",
        "seed": options.seed,
        "augmentation": recipe.augment,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "learning_rate": chosen.learning_rate,
        "weight_decay": recipe.weight_decay,
        "ema_momentum": recipe.ema_momentum,
        "tuning": {f"{tried.learning_rate:g} ({tried.epochs} epochs)": min(errors) for tried, _, errors in runs},
        "preset": None,
        **provenance(command(options, chosen)),
        "error_percent": round(100 * (1 - accuracy), 4),
        "rollouts": 0,
        "num_glimpses": None,
        "examples": len(data.test),
        "parameters": model.count_params(),
        "validation_error_percent": min(curve),
        "best_epoch": int(np.argmin(curve)) + 1,
        "validation_curve": curve,
    }


if __name__ == "__main__":
    main()
