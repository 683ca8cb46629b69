"""What the rest of an image might be, by each technique: samples side by side, how well they fit what was seen, and how much they differ.

python -m benchmarks.near_optimal.completions fashion_mnist [--images 200] [--glimpses 3] [--manual-dir ../shared/data]

Validation images, seen through glimpses of 6x6 at random places; retrieval from a bank of the training images, a conditional VAE, and
HMC in the latent space of one that saw whole images. One row a technique in `results/completions.json`, and a picture.
"""

import argparse
import pathlib
import tempfile
import time

import tf_glimpse  # noqa: F401  first: it keeps TensorFlow's log quiet

# isort: split
import numpy as np
import tensorflow as tf

from benchmarks.common.folders import PICTURES
from benchmarks.common.rows import add_rows
from tf_glimpse import datasets
from tf_glimpse.boed import HMCCompletions, Retrieval, VAECompletions, build_bank, train_image_vae
from tf_glimpse.ops.masks import glimpse_masks
from tf_glimpse.training.provenance import provenance

KEY = ("dataset", "technique", "glimpses", "samples")
PATCH, SHOWN, DRAWN = 6, 6, 4  # of a glimpse; images and samples of each in the picture


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--glimpses", type=int, default=3)
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=10, help="of the VAEs")
    parser.add_argument("--manual-dir", default="../shared/data")
    options = parser.parse_args()
    data = datasets.load(options.data, manual_dir=options.manual_dir)
    images = data.validation.fetch(np.arange(options.images)).numpy().astype(np.float32) / 255
    masks = seen(images, options.glimpses)
    command = f"python -m benchmarks.near_optimal.completions {options.data} --images {options.images} --glimpses {options.glimpses}"
    about = {"dataset": options.data, "split": "validation", "images": options.images, "glimpses": options.glimpses}
    about |= {"samples": options.samples, **provenance(f"{command} --samples {options.samples} --epochs {options.epochs}")}
    rows, samples = [], {}
    for name, complete in techniques(data, options).items():
        samples[name], seconds = drawn(complete, images, masks, options.samples)
        rows.append(
            {**about, "technique": name, **measured(images, masks, *samples[name]), "ms_an_image": round(1000 * seconds / len(images), 1)}
        )
        print(rows[-1], flush=True)
    add_rows("completions", rows, KEY)
    draw(images, masks, samples, PICTURES / f"completions_{options.data}.png")


def seen(images, glimpses):
    """Masks `[B, H, W, 1]` of glimpses at random places."""
    places = tf.random.stateless_uniform([len(images), glimpses, 2], (0, 1), -0.7, 0.7)
    return tf.reduce_max(glimpse_masks(places, images.shape[1:3], PATCH), axis=1).numpy()


def techniques(data, options):
    """The completers by name, each from the training split alone."""
    folder = pathlib.Path(tempfile.mkdtemp())
    bank = build_bank(folder / "bank", data.train.fetch(np.arange(len(data.train))).numpy(), data.train.labels)
    vaes = [train_image_vae(data, PATCH, 5, conditional=conditional, epochs=options.epochs) for conditional in (True, False)]
    return {"retrieval": Retrieval(bank), "conditional VAE": VAECompletions(vaes[0]), "HMC": HMCCompletions(vaes[1])}


def drawn(complete, images, masks, count):
    """`((pixels, weights, owners), seconds)`: the samples of every image; known pixels stay as the completer made them."""
    seeds = np.stack([np.zeros(len(images)), np.zeros(len(images)), np.arange(len(images))], axis=1).astype(np.int64)
    origins = np.full(len(images), -1)
    complete(images[:1], masks[:1], origins[:1], count, seeds[:1])  # traced before the clock runs
    start = time.perf_counter()
    made = complete(images, masks, origins, count, seeds)
    return (np.asarray(made.images, np.float32) / 255, np.asarray(made.weights), np.asarray(made.owners)), time.perf_counter() - start


def measured(images, masks, pixels, weights, owners):
    """Means over images: fit where the image was seen, spread where it was not, and how near the truth lies, in 0-1 pixels squared."""
    found = []
    for number, (image, mask) in enumerate(zip(images, masks, strict=True)):
        some, shares = pixels[owners == number], weights[owners == number][:, None, None, None]
        hidden, errors = 1 - mask, np.square(some - image)
        mean = (shares * some).sum(axis=0)
        spread = (shares * np.square(some - mean)).sum(axis=0)
        fit = (shares * errors * mask).sum() / mask.sum()
        of_mean, nearest = (
            (np.square(mean - image) * hidden).sum() / hidden.sum(),
            ((errors * hidden).sum(axis=(1, 2, 3)) / hidden.sum()).min(),
        )
        found.append([fit, (spread * hidden).sum() / hidden.sum(), of_mean, nearest, len(some)])
    names = ("seen_error", "hidden_variance", "hidden_error_of_mean", "hidden_error_of_nearest", "different_samples")
    return {name: round(float(value), 5) for name, value in zip(names, np.mean(found, axis=0), strict=True)}


def draw(images, masks, samples, path):
    """A row an image: the image, what was seen of it, and some samples of each technique."""
    from matplotlib.figure import Figure

    columns = 2 + DRAWN * len(samples)
    figure = Figure(figsize=(0.9 * columns, 0.95 * SHOWN + 0.4), layout="constrained", dpi=110)
    grid = figure.subplots(SHOWN, columns)
    for number in range(SHOWN):
        grey = np.where(masks[number] > 0, images[number], 0.35)
        row = [("image", images[number]), ("seen", grey)]
        for name, (pixels, _, owners) in samples.items():
            row += [(name, picture) for picture in pixels[owners == number][:DRAWN]]
        for axes, (name, picture) in zip(grid[number], row, strict=False):
            axes.imshow(picture[..., 0] if picture.shape[-1] == 1 else picture, cmap="gray", vmin=0, vmax=1)
            axes.set_title(name if number == 0 else "", fontsize=7)
        for axes in grid[number]:
            axes.axis("off")
    figure.savefig(path)


if __name__ == "__main__":
    main()
