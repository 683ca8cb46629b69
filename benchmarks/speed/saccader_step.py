"""What the choices behind a Saccader's training step give: the step with one of them undone at a time.

python -m benchmarks.speed.saccader_step [--recipes saccader_flowers ...] [--threads 2] [--seconds 3]

On pixels drawn at random, in memory. The variants take turns, medians of three blocks. Rows go into `results/speed_saccader.json`.
"""

import argparse
import contextlib
import dataclasses
from types import SimpleNamespace
from unittest import mock

from benchmarks.common.steps import AS_IT_IS, compared
from benchmarks.common.timing import block_of, random_batch, record, start_tensorflow

SHAPES = {"saccader_flowers": (96, 5), "saccader_flowers_small": (64, 5), "saccader_cifar10": (33, 10)}  # pixels a side, classes
STAGES = {0: "classification", 2: "reinforce"}  # those that train the BagNet; where it is frozen, nothing undone here matters


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", choices=list(SHAPES), default=["saccader_cifar10", "saccader_flowers"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a block (%(default)s)")
    options = parser.parse_args()
    start_tensorflow(options.threads)
    for recipe in options.recipes:
        for number, name in STAGES.items():
            rows = compared(f"{recipe}, {name}", contenders(recipe, number), options.seconds)
            record("speed_saccader", rows, ("task", "choice"), options.threads)


def contenders(name, number):
    """Blocks of steps by what was undone in them."""
    import keras

    from tf_glimpse.layers.batch_norm import BatchNorm

    own_norm = [mock.patch.object(BatchNorm, "call", keras.layers.BatchNormalization.call)]
    own_slices = [mock.patch(f"tf_glimpse.layers.{module}.every", sliced) for module in ("conv_norm", "bottleneck")]
    undone = {
        AS_IT_IS: ([], False),
        "Keras' own batch norm": (own_norm, False),
        "TensorFlow's own slices": (own_slices, False),
        "both": (own_norm + own_slices, False),
        "with XLA": ([], True),
    }
    return {choice: block_of(step(name, number, *how)) for choice, how in undone.items()}


def sliced(maps, step, margin=0):
    """`ops.grids.every` as slices."""
    height, width = maps.shape[1:3]
    return maps[:, margin : height - margin : step, margin : width - margin : step]


def step(name, number, patches, jit_compile):
    """A function that takes one training step of a stage, made and traced while the patches hold."""
    import tensorflow as tf

    from tf_glimpse.training import get_recipe
    from tf_glimpse.training.stages import build_saccader, compile_stage

    recipe, (side, classes) = get_recipe(name), SHAPES[name]
    data = SimpleNamespace(num_classes=classes, class_names=None, image_shape=(side, side, 3))
    batch = random_batch(recipe.batch_size, data.image_shape, classes)
    with contextlib.ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch)
        model = build_saccader(recipe, data)
        part = compile_stage(model, dataclasses.replace(recipe, jit_compile=jit_compile), recipe.stages[number], steps=100)
        train = tf.function(part.train_step, jit_compile=jit_compile)
        train(batch)
    return lambda: float(train(batch)["loss"])


if __name__ == "__main__":
    main()
