"""What sequences cost: this package's batches against the direct loop of Algorithm 1, and how time grows with candidates and samples.

python -m benchmarks.near_optimal.cost SEQUENCES [--manual-dir ../shared/data] [--threads 1]

SEQUENCES is a folder that `tf-glimpse sequences` made; the posterior network and bank it was made with are used. Writes
`results/near_optimal_cost.json`, and how well the posterior network is calibrated into `results/near_optimal_posterior.json`.
"""

import argparse
import functools
import json
import pathlib

import tf_glimpse  # noqa: F401  first: it keeps TensorFlow's log quiet

# isort: split
import numpy as np
import tensorflow as tf

from benchmarks.common.timing import block_of, record, start_tensorflow, take_turns
from tf_glimpse import datasets
from tf_glimpse.boed import Bank, ExpectedEntropy, Retrieval, first_map, near_optimal_sequences, read_plan
from tf_glimpse.boed.expected_entropy import entropy
from tf_glimpse.models import load_model
from tf_glimpse.ops.coordinates import cell_centres
from tf_glimpse.ops.masks import glimpse_masks, observe

KEY = ("measured", "candidates", "samples", "threads")
IMAGES = 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="SEQUENCES")
    parser.add_argument("--manual-dir", default="../shared/data")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--calibration-only", action="store_true", help="time nothing")
    options = parser.parse_args()
    start_tensorflow(options.threads)
    plan = read_plan(options.folder)
    posterior = plan.posterior.get("path", f"{options.folder}/posterior.keras")
    bank = plan.completions.get("path", f"{options.folder}/bank")
    record("near_optimal_posterior", calibration(posterior, plan), ("dataset", "glimpses"), options.threads)
    if not options.calibration_only:
        measure(options, plan, load_model(posterior), Retrieval(Bank(bank)))


def calibration(posterior, plan):
    """The posterior network's figures on validation images, as they were found after its training and lie beside it."""
    rows = json.loads((pathlib.Path(posterior).parent / "calibration.json").read_text())["rows"]
    return [{"dataset": plan.data, "seed": plan.seed, **row} for row in rows]


def measure(options, plan, posterior, completer):
    """Times batches, the direct loop and whole sequences."""
    data = datasets.load(plan.data, manual_dir=options.manual_dir)
    rows = [*against_the_loop(plan, data, posterior, completer), *growth(plan, data, posterior, completer)]
    for row in rows:
        print(row)
    record("near_optimal_cost", rows, KEY, options.threads)


def against_the_loop(plan, data, posterior, completer):
    """One image's expected entropies of one look: all in batches, and one candidate and one completion at a time."""
    images, masks, positions = seen(plan, data)
    completions = completer(images, masks, positions, plan.samples, [[0, 1, 2]])
    expected = ExpectedEntropy(posterior, plan.grid, plan.image_shape[:2], plan.patch_size)
    passes = len(completions.weights) * plan.grid[0] * plan.grid[1]
    contenders = {
        "batched": lambda: expected(images, masks, completions),
        "direct": lambda: direct(plan, posterior, images, masks, completions),
    }
    np.testing.assert_allclose(contenders["batched"](), contenders["direct"](), atol=1e-4)
    timings = take_turns({name: block_of(call, at_least=1) for name, call in contenders.items()}, seconds=1.0)
    row = {"measured": "one look at one image", "candidates": plan.grid[0] * plan.grid[1], "samples": plan.samples, "passes": passes}
    row |= {f"{name}_ms": round(timing.median, 1) for name, timing in timings.items()}
    return [{**row, "times_faster": round(timings["direct"].median / timings["batched"].median, 1)}]


def direct(plan, posterior, images, masks, completions):
    """Algorithm 1, lines 4 to 8, as printed; the pass of the network is compiled, so that only the loop differs."""
    if not hasattr(direct, "compiled"):
        direct.compiled = tf.function(lambda observation: entropy(tf.nn.softmax(posterior(observation))))
    found = []
    for place in cell_centres(plan.grid):
        mask = np.maximum(masks, glimpse_masks(place, plan.image_shape[:2], plan.patch_size).numpy())
        pixels = [np.where(masks > 0, images, completed[None] / np.float32(255)) for completed in completions.images]
        entropies = [float(direct.compiled(observe(tf.constant(image, tf.float32), mask))[0]) for image in pixels]
        found.append(np.dot(entropies, completions.weights))
    return np.array(found)[None]


def growth(plan, data, posterior, completer):
    """Whole sequences by numbers of candidates and samples: passes, and sequences a minute."""
    positions = plan.positions(len(data.train))[:IMAGES]
    pixels = data.train.fetch(positions).numpy()
    for side, samples in ((5, 32), (10, 32), (15, 16), (15, 32), (15, 64), (20, 32)):
        expected = ExpectedEntropy(posterior, (side, side), plan.image_shape[:2], plan.patch_size)
        first = first_map(completer, expected, plan.image_shape, samples)
        parts = (pixels, positions, completer, expected, first, plan.num_glimpses, samples)
        call = block_of(functools.partial(near_optimal_sequences, *parts), at_least=1)
        call(0)
        before = expected.passes
        mean, _ = call(0)
        passes = (expected.passes - before) / IMAGES
        yield {
            "measured": "whole sequences",
            "candidates": side * side,
            "samples": samples,
            "passes_a_sequence": passes,
            "sequences_a_minute": round(60 * IMAGES / mean, 1),
        }


def seen(plan, data):
    """(one image with one glimpse of its centre, its mask, its position), a batch of one."""
    positions = plan.positions(len(data.train))[:1]
    mask = glimpse_masks(tf.zeros([1, 2]), plan.image_shape[:2], plan.patch_size).numpy()
    return data.train.fetch(positions).numpy() / np.float32(255) * mask, mask, positions


if __name__ == "__main__":
    main()
