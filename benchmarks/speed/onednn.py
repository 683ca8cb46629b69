"""What oneDNN's kernels give, which `import tf_glimpse` turns on where TensorFlow leaves them off (processors without AVX512-VNNI).

python -m benchmarks.speed.onednn [--recipes ram_mnist ...] [--threads 2] [--seconds 3]

The training steps of recipes on pixels drawn at random, in two processes, with oneDNN and without, that take turns; medians of three
blocks. Rows go into `results/speed_onednn.json`.
"""

import argparse
import dataclasses
import os
import sys
from types import SimpleNamespace

from benchmarks.common.steps import AS_IT_IS, compared
from benchmarks.common.timing import Other, block_of, random_batch, record, serve, start_tensorflow

SIDES = {"ram_mnist": 28, "ram_mnist_paper": 28, "ram_cluttered_60": 60}  # pixels; those of Saccaders stand in `saccader_step.py`
RECIPES = (*SIDES, "saccader_cifar10", "saccader_flowers")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=RECIPES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a block (%(default)s)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    start_tensorflow(options.threads)
    if options.serve:
        return serve({recipe: block_of(step(recipe)) for recipe in options.recipes})
    for recipe in options.recipes:
        others = {AS_IT_IS: other(recipe, options.threads, "1"), "without oneDNN": other(recipe, options.threads, "0")}
        rows = compared(recipe, {name: process.block(recipe) for name, process in others.items()}, options.seconds)
        for process in others.values():
            process.close()
        record("speed_onednn", rows, ("task", "choice"), options.threads)


def other(recipe, threads, onednn):
    """A process that takes the recipe's steps, with oneDNN ("1") or without ("0")."""
    command = [sys.executable, "-m", __spec__.name, "--serve", "--recipes", recipe, "--threads", str(threads)]
    return Other(command, {**os.environ, "TF_ENABLE_ONEDNN_OPTS": onednn})


def step(recipe):
    """A function that takes one training step of the recipe: for a Saccader one of its first stage."""
    if recipe not in SIDES:
        from benchmarks.speed import saccader_step

        return saccader_step.step(recipe, 0, [], False)
    import tensorflow as tf

    from tf_glimpse.training import get_recipe
    from tf_glimpse.training.run import compiled_model

    recipe, side = dataclasses.replace(get_recipe(recipe), teacher=None), SIDES[recipe]
    data = SimpleNamespace(num_classes=10, class_names=None, image_shape=(side, side, 1), train=range(recipe.batch_size))
    batch = random_batch(recipe.batch_size, data.image_shape, data.num_classes)
    train = tf.function(compiled_model(recipe, data).train_step, jit_compile=recipe.jit_compile)
    return lambda: float(train(batch)["loss"])


if __name__ == "__main__":
    main()
