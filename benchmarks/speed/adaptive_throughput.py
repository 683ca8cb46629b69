"""Adaptive stopping against a fixed number of looks of the same weights: operations and measured throughput at equal accuracy.

python -m benchmarks.speed.adaptive_throughput [--preset ram_cluttered_60] [--threads 2] [--manual-dir ../shared/data]

Trains a stopping head on the training split, chooses the threshold on validation (the cheapest that answers as well as all looks, within
`--slack`), and reads the test split once. There, "fixed" is the smallest number of looks whose accuracy is at most 0.1 points below the
adaptive one's. Both answer the same images in batches of the same size and take turns. The row goes into
`results/adaptive_throughput.json`.
"""

import argparse
import pathlib

from benchmarks.common.timing import block_of, record, start_tensorflow, take_turns

GOALS = {"flops_ratio": 2.0, "throughput_ratio": 1.6}
TOLERANCE = 0.001  # in accuracy


def main():
    options = parsed_options()
    start_tensorflow(options.threads)
    import keras

    from tf_glimpse import datasets
    from tf_glimpse.models import RAM, AdaptiveModel, load_model
    from tf_glimpse.training.finished import open_finished

    recipe = open_finished(preset=options.preset).recipe
    data = datasets.load(recipe["data"], manual_dir=options.manual_dir)
    keras.utils.set_random_seed(options.seed)
    saved = options.model and pathlib.Path(options.model).exists()
    model = load_model(options.model) if saved else AdaptiveModel(RAM.from_preset(options.preset))
    if not saved:
        train_head(model, data, options)
    threshold, calibration = chosen_threshold(model, data.validation, options.slack)
    row = {
        "preset": options.preset,
        "data": recipe["data"],
        "seed": options.seed,
        "steps": options.steps,
        "calibration": calibration,
        **measured(model, data, threshold),
    }
    row |= {"batch_size": options.batch_size, **timed(model, data.test, row, options)}
    report(row)
    if not options.dry_run:
        record("adaptive_throughput", [{**row, "goals": GOALS}], ("preset", "seed", "batch_size"), options.threads)


def parsed_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="ram_cluttered_60")
    parser.add_argument("--model", help="a .keras file for the model with its head: read if it exists, else written")
    parser.add_argument("--steps", type=int, default=1000, help="of training the head, 128 images each (%(default)s)")
    parser.add_argument("--slack", type=float, default=0.0002, help="validation accuracy given up for fewer looks (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=250)
    parser.add_argument("--images", type=int, default=2500, help="of the test split, in each timed pass (%(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a block (%(default)s)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--manual-dir", default="../shared/data")
    parser.add_argument("--dry-run", action="store_true", help="write no row")
    return parser.parse_args()


def train_head(model, data, options):
    """Fits the head on fresh draws of the training split."""
    import keras

    from tf_glimpse import datasets

    rate = keras.optimizers.schedules.CosineDecay(1e-2, options.steps)
    model.compile(keras.optimizers.Adam(rate), metrics=[])
    batches = datasets.train_batches(data, 128, options.seed + 1)
    model.fit(batches, steps_per_epoch=options.steps, epochs=1, shuffle=False, verbose=2)
    if options.model:
        model.save(options.model)


def chosen_threshold(model, validation, slack):
    """The cheapest threshold that answers validation as well as all looks do, but for `slack`; and how well the head is calibrated."""
    from tf_glimpse.search import sweep_thresholds

    sweep = sweep_thresholds(model, validation)
    wanted = sweep.fixed_accuracies[-1] - slack
    chosen = min((point for point in sweep.points() if point.accuracy >= wanted), key=lambda point: point.mean_glimpses)
    return chosen.threshold, [[round(100 * float(value), 3) for value in group] for group in sweep.calibration()]


def measured(model, data, threshold):
    """Accuracy and operations on the test split, adaptive and fixed."""
    from tf_glimpse.search import look_costs, sweep_thresholds

    sweep, costs = sweep_thresholds(model, data.test), look_costs(model)
    point, fixed = sweep.at(threshold), sweep.fixed_accuracies
    looks = next(count for count, accuracy in enumerate(fixed, 1) if accuracy >= point.accuracy - TOLERANCE)
    flops = costs.adaptive(point.mean_glimpses), costs.fixed(looks)
    return {
        "threshold": round(threshold, 6),
        "accuracy_percent": round(100 * point.accuracy, 2),
        "mean_glimpses": round(point.mean_glimpses, 3),
        "stops": list(point.stops),
        "fixed_glimpses": looks,
        "fixed_accuracy_percent": [round(100 * float(accuracy), 2) for accuracy in fixed],
        "mflops": round(flops[0] / 1e6, 3),
        "fixed_mflops": round(flops[1] / 1e6, 3),
        "flops_ratio": round(flops[1] / flops[0], 3),
    }


def timed(model, test, row, options):
    """Throughput of both, on the same images in batches of the same size; XLA is the fixed looks' own advantage."""
    import numpy as np
    import tensorflow as tf

    images = test.fetch(np.arange(min(options.images, len(test))))
    batches = [images[start : start + options.batch_size] for start in range(0, len(images), options.batch_size)]
    thresholds = [tf.fill([len(batch)], tf.constant(row["threshold"], tf.float32)) for batch in batches]
    adapt = tf.function(model.adapt, autograph=False, reduce_retracing=True)
    most = tf.constant(model.num_glimpses)
    fixed = shortened(model.model, row["fixed_glimpses"])
    calls = {"adaptive": lambda: [adapt(*pair, most).logits.numpy() for pair in zip(batches, thresholds, strict=True)]}
    for name, jit_compile in (("fixed", False), ("fixed, XLA", True)):
        ask = tf.function(lambda some: fixed(some).logits[:, -1], autograph=False, jit_compile=jit_compile)
        calls[name] = lambda ask=ask: [ask(batch).numpy() for batch in batches]
    timings = take_turns({name: block_of(call) for name, call in calls.items()}, options.seconds)
    speeds = {name: round(1e3 * len(images) / timing.median) for name, timing in timings.items()}
    return {
        "images_per_second": speeds,
        "throughput_ratio": round(speeds["adaptive"] / speeds["fixed"], 3),
        "throughput_ratio_to_xla": round(speeds["adaptive"] / speeds["fixed, XLA"], 3),
        "by_fastest_passes": round(timings["fixed"].fastest / timings["adaptive"].fastest, 3),
    }


def shortened(ram, num_glimpses):
    """The same weights, with so many looks."""
    other = type(ram).from_config({**ram.get_config(), "num_glimpses": num_glimpses})
    other.build((None, *ram.image_shape))
    other.set_weights(ram.get_weights())
    return other


def report(row):
    print(f"threshold {row['threshold']}: {row['accuracy_percent']} % with {row['mean_glimpses']} looks on average, {row['mflops']} MFLOP")
    print(f"looks taken: {dict(enumerate(row['stops'], 1))}")
    print("validation, expected gain and what came true (+- standard error), in points:")
    for expected, found, error in row["calibration"]:
        print(f"  {expected:8.3f} {found:8.3f} +- {error:.3f}")
    accuracy = row["fixed_accuracy_percent"][row["fixed_glimpses"] - 1]
    print(f"fixed: {accuracy} % with {row['fixed_glimpses']} looks, {row['fixed_mflops']} MFLOP; by looks {row['fixed_accuracy_percent']}")
    for name, goal in GOALS.items():
        print(f"{name} {row[name]}, goal {goal}: {'met' if row[name] >= goal else 'missed'}")
    print(f"images a second {row['images_per_second']}")


if __name__ == "__main__":
    main()
