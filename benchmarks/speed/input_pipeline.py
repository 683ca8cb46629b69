"""Whether anything but the training step costs time: the input pipeline alone, peak memory.

python -m benchmarks.speed.input_pipeline [--threads 2] [--manual-dir ../shared/data]

For each recipe, as it is trained: images/s of the pipeline alone, of the step on a batch in memory, and of the step fed by the pipeline;
then the most memory that a process training it held. Rows go into `results/speed_pipeline.json`.
"""

import argparse
import pathlib
import subprocess
import sys

from benchmarks.common.timing import block_of, record, start_tensorflow, take_turns

TASKS = ("ram_mnist", "ram_translated_60", "ram_cluttered_60", "ram_cluttered_100")
RECIPES = (*TASKS, *(f"{task}_paper" for task in TASKS))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="*", default=RECIPES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a block (%(default)s)")
    parser.add_argument("--manual-dir", default="../shared/data")
    parser.add_argument("--alone", help=argparse.SUPPRESS)  # a process of its own, whose memory is looked at: name of the recipe
    options = parser.parse_args()
    start_tensorflow(options.threads)
    if options.alone:
        print(train_shortly(options.alone, options.manual_dir))
        return
    report_pipelines([pipeline_row(name, options) for name in options.recipes], options.threads)


def pipeline_row(name, options):
    from tf_glimpse.training import get_recipe

    recipe = get_recipe(name)
    timings = take_turns(contenders(recipe, options.manual_dir), options.seconds)
    speeds = {f"{what}_images_per_second": round(recipe.batch_size / timing.median * 1e3) for what, timing in timings.items()}
    own = [sys.executable, "-m", __spec__.name, "--alone", name, "--threads", str(options.threads), "--manual-dir", options.manual_dir]
    peak = int(subprocess.run(own, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])
    faster, slower = timings["step"].median / timings["pipeline"].median, timings["both"].median / timings["step"].median
    return {"recipe": name, **speeds, "pipeline_times_step": round(faster, 2), "both_by_step": round(slower, 3), "peak_megabytes": peak}


def contenders(recipe, manual_dir):
    """The next batch of the pipeline, a step on the first batch again and again, and a step on each next batch."""
    import tensorflow as tf

    model, batches = model_and_batches(recipe, manual_dir)
    alone, feeding = iter(batches), iter(batches)
    step, batch = tf.function(model.train_step, jit_compile=True), next(alone)
    model.make_train_function()  # as `fit` does: one call trains on the next batch of an iterator
    return {
        "pipeline": block_of(lambda: next(alone)),
        "step": block_of(lambda: float(step(batch)["loss"])),
        "both": block_of(lambda: float(model.train_function(feeding)["loss"])),
    }


def model_and_batches(recipe, manual_dir):
    from tf_glimpse import datasets
    from tf_glimpse.training.run import compiled_model, training_batches

    data = datasets.load(recipe.data, manual_dir=manual_dir)
    model = compiled_model(recipe, data)
    return model, training_batches(model, recipe, data)


def train_shortly(name, manual_dir):
    """Trains some steps; returns the most memory that this process has held, in MB."""
    from tf_glimpse.training import get_recipe

    model, batches = model_and_batches(get_recipe(name), manual_dir)
    model.fit(batches, steps_per_epoch=30, epochs=1, shuffle=False, verbose=0)
    status = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
    return round(int(status["VmHWM"].split()[0]) / 1024)  # not ru_maxrss, which a process takes over from the one that started it


def report_pipelines(rows, threads):
    print(f"\n{'images/s':22}{'pipeline':>10}{'step':>10}{'both':>10}   pipeline is  fed step takes   peak MB")
    for row in rows:
        speeds = "".join(f"{row[f'{what}_images_per_second']:10,}" for what in ("pipeline", "step", "both"))
        ratios = f"{row['pipeline_times_step']:13.1f}x{100 * row['both_by_step']:14.0f} %"
        print(f"{row['recipe']:22}{speeds}{ratios}{row['peak_megabytes']:10,}")
    slow = [row["recipe"] for row in rows if row["pipeline_times_step"] < 1]
    print(f"the pipeline is the bottleneck of: {', '.join(slow) or 'none'}")
    record("speed_pipeline", rows, ("recipe",), threads)


if __name__ == "__main__":
    main()
