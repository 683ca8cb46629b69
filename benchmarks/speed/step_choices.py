"""What the choices behind the training step give: the paper's step with one of them undone at a time.

python -m benchmarks.speed.step_choices [--tasks 28x28 ...] [--threads 2] [--manual-dir ../shared/data]

The profile (`profile_step.py`) says where time goes; these are the choices that were made for it. The variants take turns, medians of three
blocks. Cutting image by image, as public code does, is a loop that XLA runs far slower still. Rows go into `results/speed_choices.json`.
"""

import argparse
import contextlib
from unittest import mock

from benchmarks.common.steps import AS_IT_IS, compared
from benchmarks.common.timing import block_of, record, start_tensorflow
from benchmarks.speed.training_throughput import BATCH_SIZE, DATA, paper_recipe

WITHOUT_XLA = "without XLA"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a block (%(default)s)")
    parser.add_argument("--manual-dir", default="../shared/data")
    options = parser.parse_args()
    start_tensorflow(options.threads)
    for task in options.tasks:
        record("speed_choices", compared(task, contenders(task, options.manual_dir), options.seconds), ("task", "choice"), options.threads)


def contenders(task, manual_dir):
    """Blocks of steps by what was undone in them."""
    from tf_glimpse import datasets
    from tf_glimpse.layers import Retina

    data = datasets.load(DATA[task], manual_dir=manual_dir)
    batch = next(iter(datasets.train_batches(data, BATCH_SIZE, seed=0)))
    cuts = [mock.patch(f"tf_glimpse.{module}.gather_grid", cut) for module in ("layers.retina", "ops.patches")]
    undone = {AS_IT_IS: ([], True), WITHOUT_XLA: ([], False), f"{WITHOUT_XLA}, glimpses cut image by image": (cuts, False)}
    if paper_recipe(task).model["num_scales"] > 1:
        undone["coarse scales read pixel by pixel"] = ([mock.patch.object(Retina, "_pools", lambda *_: False)], True)
    return {name: block_of(step(task, data, batch, *how)) for name, how in undone.items()}


def step(task, data, batch, patches, jit_compile):
    """A function that takes one training step, traced while the patches hold."""
    import keras
    import tensorflow as tf

    from tf_glimpse.training.run import compiled_model

    keras.utils.set_random_seed(0)
    with contextlib.ExitStack() as stack:
        for patch in patches:
            stack.enter_context(patch)
        model = compiled_model(paper_recipe(task), data)
        train = tf.function(model.train_step, jit_compile=jit_compile)
        train(batch)
    return lambda: float(train(batch)["loss"])


def cut(images, corners, count, stride=1):
    """`ops.patches.gather_grid` as public code does it: the image padded, a slice of each in turn."""
    import tensorflow as tf

    reach = count * stride
    padded = tf.pad(images, [[0, 0], [reach, reach], [reach, reach], [0, 0]])
    most = tf.shape(padded)[1:3] - reach

    def one(row):
        image, corner = row
        corner = tf.clip_by_value(corner + reach, 0, most)
        return tf.slice(image, [corner[0], corner[1], 0], [reach, reach, image.shape[-1]])[::stride, ::stride]

    return tf.map_fn(one, (padded, corners), fn_output_signature=tf.TensorSpec([count, count, images.shape[-1]], images.dtype))


if __name__ == "__main__":
    main()
