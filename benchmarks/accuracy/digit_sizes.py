"""Other digit sizes at test time: a preset of the 60x60 tasks on digits of 20 to 40 px, drawn among the same clutter with a fixed seed.

python -m benchmarks.accuracy.digit_sizes PRESET [--manual-dir ../shared/data]

Prints the sentence for the preset's card, which `python -m tf_glimpse.training.publish RUN PRESET --limit SENTENCE` puts there.
"""

import argparse
import json

import tf_glimpse  # noqa: F401  first: it keeps TensorFlow's log quiet

# isort: split
import keras
import numpy as np
import tensorflow as tf

from benchmarks.common.rows import add_rows
from tf_glimpse import datasets
from tf_glimpse.datasets.canvas import Canvas, compose
from tf_glimpse.training import evaluate_model
from tf_glimpse.training.finished import open_finished
from tf_glimpse.training.provenance import provenance
from tf_glimpse.weights import PRESETS

SIZES = (20, 24, 28, 32, 36, 40)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("--manual-dir", default="../shared/data")
    options = parser.parse_args()
    finished = open_finished(preset=options.preset)
    if not finished.recipe["data"].endswith("_mnist/60"):
        raise SystemExit(f"a preset of digits on 60x60 canvases is wanted. {options.preset} is of {finished.recipe['data']}")
    digits = datasets.load("mnist", manual_dir=options.manual_dir).test
    pieces = 4 if finished.recipe["data"].startswith("cluttered") else 0
    rows = []
    for size in SIZES:
        source = resized_canvases(digits, size, Canvas(60, pieces))
        error = evaluate_model(finished.model, source)["error_percent"]
        print(f"digits of {size} px: {error:.2f} %")
        command = f"python -m benchmarks.accuracy.digit_sizes {options.preset}"
        seed = json.loads((PRESETS / f"{options.preset}.json").read_text())["seed"]
        rows.append({"preset": options.preset, "digit_size": size, "seed": seed, "error_percent": error, **provenance(command)})
    add_rows("digit_sizes", rows, ("preset", "digit_size"))
    print(limit(rows))


def limit(rows):
    """What digits of the least and the greatest size that were tried cost, in a sentence for the preset's card."""
    ends = (pick(rows, key=lambda row: row["digit_size"]) for pick in (min, max))
    told = " and ".join(f"{row['error_percent']:.2f} % on digits of {row['digit_size']} px" for row in ends)
    return f"It errs {told}; it was trained on digits of about 28 px."


def resized_canvases(digits, size, canvas, seed=0):
    """An `ImageSource` of the digits brought to `size` px (28 px: as they are), on canvases with pieces of the unscaled digits."""
    draws = np.random.default_rng(seed).random([len(digits), canvas.draws_per_image], dtype=np.float32)
    batches = np.array_split(np.arange(len(digits)), 10)
    return datasets.array_source(np.concatenate([one_batch(digits, batch, size, canvas, draws) for batch in batches]), digits.labels)


def one_batch(digits, indices, size, canvas, draws):
    images = digits.fetch(indices)
    if size != images.shape[1]:
        pixels = keras.ops.image.resize(tf.cast(images, tf.float32), (size, size), "bicubic", antialias=True)
        images = tf.cast(tf.round(tf.clip_by_value(pixels, 0, 255)), tf.uint8)
    return compose(images, tf.constant(indices, tf.int64), tf.constant(draws[indices]), digits, canvas).numpy()


if __name__ == "__main__":
    main()
