"""Why attention at all: a 28 px digit among 32 pieces on 1024x1024 px, RAM against CNNs on the full and on down-sampled images.

tf-glimpse train ram_cluttered_1024 --workdir W/ram --manual-dir ../shared/data
python -m benchmarks.operations.large_image --workdir W [--sides 1024 512 256 128] [--epochs 8] [--dtype float32] [--manual-dir D]
python -m benchmarks.operations.large_image --time

Trains a CNN a side on the batches that RAM's recipe trains on, and resumes; of two learning rates the one that is better on validation
after the first epoch goes on, and its best epoch on validation is tested. Rows go into `results/large_image.json`; `--time` times
all that have a row, in turns, on a machine that does nothing else. Operations are counted by one tool, the down-sampling and RAM's image
pyramid among them.
"""

import argparse
import json
import pathlib

from benchmarks.common.timing import block_of, start_tensorflow, take_turns

RECIPE, KEY = "ram_cluttered_1024", ("contender", "seed")
LEARNING_RATES = (1e-3, 3e-3)
SIDES = (1024, 512, 256, 128)  # that the CNNs' images are brought to


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", type=pathlib.Path, default="runs/large_image")
    parser.add_argument("--sides", type=int, nargs="*", default=SIDES)
    parser.add_argument("--epochs", type=int, default=8, help="as many as RAM's (%(default)s)")
    parser.add_argument("--dtype", default="float32", help="that the CNNs are trained in; mixed_bfloat16 where the processor has it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--manual-dir", default="../shared/data")
    parser.add_argument("--time", action="store_true", help="time what is trained, and train nothing")
    options = parser.parse_args()
    if options.time:
        time_all(options)
        return
    if (options.workdir / "ram" / "results.json").exists():
        write(ram_row(options), options)
    for side in options.sides:
        write(cnn_row(side, options), options)


def write(row, options):
    from benchmarks.common.rows import add_rows
    from tf_glimpse.training.provenance import provenance

    command = f"python -m benchmarks.operations.large_image --workdir W --sides {row['side']} --epochs {options.epochs}"
    command += f" --dtype {options.dtype} --seed {options.seed} --manual-dir ../shared/data"
    add_rows("large_image", [{"seed": options.seed, **provenance(command), **row}], KEY)
    print(json.dumps(row), flush=True)


def ram_row(options):
    from tf_glimpse.search.flops import model_flops
    from tf_glimpse.training import workdirs
    from tf_glimpse.training.finished import open_finished
    from tf_glimpse.training.provenance import provenance

    model, results = open_finished(options.workdir / "ram").model, workdirs.results(options.workdir / "ram")
    _, recipe, seed = workdirs.read_run(options.workdir / "ram")
    values = model.num_glimpses * model.num_scales * model.patch_size**2
    figures = {"error_percent": results["error_percent"], "validation_error_percent": round(100 * (1 - results["validation_accuracy"]), 3)}
    facts = {"contender": "ram", "side": 1024, "parameters": model.count_params(), "mflops": model_flops(model) / 1e6}
    settings = {name: recipe[name] for name in ("epochs", "learning_rate", "batch_size")}
    flags = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in settings.items())
    command = f"tf-glimpse train {RECIPE} --seed {seed} {flags} --workdir W/ram --manual-dir ../shared/data"
    trained = {"seed": seed, **provenance(command, options.workdir / "ram")}
    return {**trained, **facts, **figures, **settings, "pixels_pooled": 1024**2, "values_read": values}


def cnn_row(side, options):
    """Trained, and read on test at its best epoch."""
    from benchmarks.operations.large_image_cnn import error, trained
    from tf_glimpse import datasets
    from tf_glimpse.search.flops import model_flops
    from tf_glimpse.training import get_recipe

    data, folder = datasets.load(get_recipe(RECIPE).data, manual_dir=options.manual_dir), options.workdir / f"cnn_{side}"
    errors = tuning(side, data, folder, options)
    rate = min(errors, key=errors.get)
    model, progress = trained(side, float(rate), data, folder / rate, options.epochs, options)
    figures = {"error_percent": error(model, data.test), "validation_error_percent": round(100 * (1 - progress.best_value), 3)}
    facts = {"contender": f"cnn_{side}", "side": side, "parameters": model.count_params(), "mflops": model_flops(model) / 1e6}
    tuned = {"learning_rate": float(rate), "tuning": errors, "epochs": options.epochs, "best_epoch": progress.best_epoch}
    return {**facts, **figures, **tuned, "dtype": options.dtype, "pixels_pooled": 1024**2 * (side < 1024), "values_read": side**2}


def tuning(side, data, folder, options):
    """Validation error after the first epoch, by learning rate; as the folder says if it was there before."""
    from benchmarks.operations.large_image_cnn import trained
    from tf_glimpse.training import workdirs

    about = {name: getattr(options, name) for name in ("epochs", "seed", "dtype")}
    file = folder / "tuning.json"
    if not file.exists():
        firsts = {f"{rate:g}": trained(side, rate, data, folder / f"{rate:g}", 1, options)[1].best_value for rate in LEARNING_RATES}
        errors = {rate: round(100 * (1 - accuracy), 3) for rate, accuracy in firsts.items()}
        workdirs.write_json(file, {**about, "errors": errors})
    found = workdirs.read_json(file, "errors", *about)
    if {name: found[name] for name in about} != about:
        raise SystemExit(f"{folder} holds a training with other settings than {about}; pass another --workdir")
    return found["errors"]


def time_all(options):
    """Fills in `ms`, of one uint8 image in memory, for every row; by new weights, which take as long as trained ones."""
    start_tensorflow(2)
    import tensorflow as tf

    from benchmarks.common.rows import add_rows, read_rows
    from benchmarks.operations.large_image_cnn import cnn
    from tf_glimpse import datasets
    from tf_glimpse.ops.patches import to_float
    from tf_glimpse.training import get_recipe
    from tf_glimpse.training.provenance import device
    from tf_glimpse.training.run import build_model

    data, contenders, rows = datasets.load(get_recipe(RECIPE).data, manual_dir=options.manual_dir), {}, read_rows("large_image")
    image = data.test.fetch(range(1))
    for row in rows:
        ram = row["contender"] == "ram"
        model = build_model(get_recipe(RECIPE), data) if ram else cnn(row["side"])
        call = tf.function(lambda pixels, model=model, ram=ram: model(pixels if ram else to_float(pixels), training=False))
        contenders[row["contender"]] = block_of(lambda call=call: tf.nest.flatten(call(image))[0].numpy())
    timings = take_turns(contenders)
    rows = [{**row, "ms": round(timings[row["contender"]].median, 3), "timed_on": device()} for row in rows]
    add_rows("large_image", rows, KEY)
    print({row["contender"]: row["ms"] for row in rows})


if __name__ == "__main__":
    main()
