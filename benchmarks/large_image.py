"""Why attention at all: a 28 px digit among 32 pieces on 1024x1024 px, RAM against CNNs on the full and on down-sampled images.

tf-glimpse train ram_cluttered_1024 --workdir W/ram --manual-dir ../shared/data
python benchmarks/large_image.py --workdir W [--sides 1024 512 256 128] [--epochs 3] [--manual-dir ../shared/data]
python benchmarks/large_image.py --workdir W --time

Trains a CNN a side on the batches that RAM's recipe trains on; of two learning rates the one that is better on validation after
`--first-steps` steps goes on. Rows go into `results/large_image.json`; `--time` times all that are in the folder, in turns, on a machine
that does nothing else. Operations are counted by one tool, the down-sampling and RAM's image pyramid among them.
"""

import argparse
import json
import pathlib

from timing import block_of, start_tensorflow, take_turns

RECIPE, KEY, BATCH = "ram_cluttered_1024", ("contender", "seed"), 64
LEARNING_RATES = (1e-3, 3e-3)
SIDES = (1024, 512, 256, 128)  # that the CNNs' images are brought to


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--sides", type=int, nargs="*", default=SIDES)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--first-steps", type=int, default=250)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--manual-dir", default="../shared/data")
    parser.add_argument("--time", action="store_true", help="time what is trained, and train nothing")
    options = parser.parse_args()
    if options.time:
        time_all(options)
        return
    import tf_glimpse  # noqa: F401  first: it keeps TensorFlow's log quiet

    if (options.workdir / "ram" / "results.json").exists():
        write(ram_row(options), options)
    for side in options.sides:
        if not file_of(options, side).exists():
            write(cnn_row(side, options), options)


def write(row, options):
    from rows import add_rows, provenance

    command = f"python benchmarks/large_image.py --workdir W --epochs {options.epochs} --first-steps {options.first_steps}"
    add_rows("large_image", [{"seed": options.seed, **provenance(command), **row}], KEY)
    print(json.dumps(row), flush=True)


def ram_row(options):
    from tf_glimpse.search.flops import model_flops
    from tf_glimpse.training import workdirs
    from tf_glimpse.training.finished import open_finished

    model, results = open_finished(options.workdir / "ram").model, workdirs.results(options.workdir / "ram")
    _, recipe, seed = workdirs.read_run(options.workdir / "ram")
    values = model.num_glimpses * model.num_scales * model.patch_size**2
    figures = {"error_percent": results["error_percent"], "validation_error_percent": round(100 * (1 - results["validation_accuracy"]), 3)}
    facts = {"contender": "ram", "side": 1024, "parameters": model.count_params(), "mflops": model_flops(model) / 1e6}
    trained = {"seed": seed, "command": f"tf-glimpse train {RECIPE} --seed {seed} --workdir W/ram --manual-dir ../shared/data"}
    return {**trained, **facts, **figures, "epochs": recipe["epochs"], "pixels_pooled": 1024**2, "values_read": values}


def cnn_row(side, options):
    """Trained, and read once on test."""
    from tf_glimpse import datasets
    from tf_glimpse.search.flops import model_flops
    from tf_glimpse.training import get_recipe

    data = datasets.load(get_recipe(RECIPE).data, manual_dir=options.manual_dir)
    tries = {rate: trained(side, rate, data, options, options.first_steps) for rate in LEARNING_RATES}
    errors = {rate: error(model, data.validation.subset(range(1000))) for rate, model in tries.items()}
    rate = min(errors, key=errors.get)
    model = trained(side, rate, data, options)
    model.save(file_of(options, side))
    figures = {"error_percent": error(model, data.test), "validation_error_percent": error(model, data.validation)}
    facts = {"contender": f"cnn_{side}", "side": side, "parameters": model.count_params(), "mflops": model_flops(model) / 1e6}
    tuning = {"learning_rate": rate, "tuning": {f"{tried:g}": found for tried, found in errors.items()}}
    return {**facts, **figures, **tuning, "epochs": options.epochs, "pixels_pooled": 1024**2, "values_read": side**2}


def cnn(side):
    """Four strided convolutions, batch norms, and the largest value of each channel anywhere, which suits an object in a large field."""
    import keras

    layers = keras.layers
    stem = {1024: 8, 512: 4}.get(side, 2)
    shrunk = [layers.AveragePooling2D(1024 // side)] if side < 1024 else []
    first = layers.Conv2D(32, max(stem, 3), strides=stem, padding="same", use_bias=False)
    later = [layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False) for filters in (32, 64, 128)]
    maps = [part for convolution in (first, *later) for part in (convolution, layers.BatchNormalization(), layers.ReLU())]
    head = [layers.GlobalMaxPooling2D(), layers.Dense(10)]
    return keras.Sequential([layers.Input((1024, 1024, 1)), *shrunk, *maps, *head])


def trained(side, rate, data, options, steps=None):
    """A CNN after so many steps (all, if None), its rate falling to zero by a cosine over all of them."""
    import keras

    from tf_glimpse import datasets
    from tf_glimpse.ops.patches import to_float

    keras.utils.set_random_seed(options.seed)
    model, whole = cnn(side), options.epochs * datasets.steps_per_epoch(data, BATCH)
    optimizer = keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(rate, whole), weight_decay=1e-4, clipnorm=5.0)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    batches = datasets.train_batches(data, BATCH, options.seed, epochs=options.epochs)
    batches = batches.map(lambda images, labels: (to_float(images), labels))
    model.fit(batches, steps_per_epoch=steps or whole, epochs=1, shuffle=False, verbose=2)
    return model


def error(model, source):
    """In %."""
    import numpy as np

    from tf_glimpse import datasets
    from tf_glimpse.ops.patches import to_float

    batches = datasets.eval_batches(source)
    right = [np.argmax(model(to_float(images), training=False), axis=1) == labels.numpy() for images, labels in batches]
    return round(100 * (1 - float(np.mean(np.concatenate(right)))), 3)


def file_of(options, side):
    return options.workdir / f"cnn_{side}.keras"


def time_all(options):
    """Fills in `ms`, of one uint8 image in memory, for every row whose model is in the folder."""
    start_tensorflow(2)
    import keras
    import tensorflow as tf
    from rows import add_rows, read_rows

    from tf_glimpse import datasets
    from tf_glimpse.ops.patches import to_float
    from tf_glimpse.training import get_recipe
    from tf_glimpse.training.finished import open_finished

    image = datasets.load(get_recipe(RECIPE).data, manual_dir=options.manual_dir).test.fetch(range(1))
    contenders, rows = {}, read_rows("large_image")
    for row in rows:
        ram = row["contender"] == "ram"
        model = open_finished(options.workdir / "ram").model if ram else keras.saving.load_model(file_of(options, row["side"]))
        call = tf.function(lambda pixels, model=model, ram=ram: model(pixels if ram else to_float(pixels), training=False))
        contenders[row["contender"]] = block_of(lambda call=call: tf.nest.flatten(call(image))[0].numpy())
    timings = take_turns(contenders)
    rows = [{**row, "ms": round(timings[row["contender"]].median, 3)} for row in rows]
    add_rows("large_image", rows, KEY)
    print({row["contender"]: row["ms"] for row in rows})


if __name__ == "__main__":
    main()
