"""Time of one look and of a whole answer against the image's size, beside the paper's two-layer CNN, which reads every pixel.

python -m benchmarks.speed.image_size [--threads 2]

Images are uint8 tensors already in memory and go through a `tf.function`; places differ from call to call. A figure is the median of three
blocks that take turns. Rows go into `results/speed_image_size.json`, the picture made from them into `pictures/image_size.png`.
"""

import argparse
import itertools

from benchmarks.common.folders import PICTURES
from benchmarks.common.timing import block_of, record, start_tensorflow, take_turns

SIZES = (128, 256, 512, 1024, 2048, 4096)
# Most that the weights and the float copy of a batch may take; the CNN's dense layer alone would hold 5.5 GB at 4096 px.
MOST_BYTES = 2e9
GOAL_MS = 0.5
RETINA, RAM, PNG, CNN = "retina, 12x12 at 4 scales", "RAM, 8 glimpses", "PNG decoding + RAM", "two-layer CNN"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.7, help="length of a block (%(default)s)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options = parser.parse_args()
    start_tensorflow(options.threads)
    rows = measure(options.sizes, options.seconds)
    report(rows, options.sizes)
    record("speed_image_size", rows, ("what", "batch_size", "image_size"), options.threads)
    draw(PICTURES / "image_size.png")


def measure(sizes, seconds):
    """A row for each contender, size and batch: the retina's sizes take turns, and at each size the models do."""
    looks = {(RETINA, size, 4): block_of(retina_call(pictures(4, size))) for size in sizes}
    timings = take_turns(looks, seconds)
    for size in sizes:
        timings |= take_turns(model_contenders(size), seconds)
        print(f"{size} px done", flush=True)
    rows = []
    for (what, size, batch_size), timing in timings.items():
        times = {"median_ms": round(timing.median, 3), "fastest_ms": round(timing.fastest, 3)}
        rows.append({"what": what, "image_size": size, "batch_size": batch_size, **times})
    return rows


def model_contenders(size):
    import tensorflow as tf

    images = tf.constant(pictures(32, size))
    model = ram(size)
    encoded = tf.io.encode_png(images[0])
    contenders = {(RAM, size, count): block_of(ram_call(model, images[:count])) for count in (1, 32)}
    contenders[PNG, size, 1] = block_of(png_call(model, encoded))
    for count in (1, 32):
        needed = cnn_bytes(size, count)
        if needed <= MOST_BYTES:
            contenders[CNN, size, count] = block_of(cnn_call(size, images[:count]))
        else:
            print(f"{CNN}, {size} px, batch {count}: left out, it would take {needed / 1e9:.1f} GB")
    return contenders


def pictures(count, size):
    """`[count, size, size, 1]` uint8: the bundled digits on cluttered canvases, side by side; each picture is the first one shifted."""
    import numpy as np

    from tf_glimpse import datasets

    source = datasets.load("digits_canvas").test
    tiles, side = source.fetch(np.arange(len(source))).numpy(), -(-size // 60)
    chosen = tiles[np.random.default_rng(0).integers(0, len(tiles), side * side)]
    first = chosen.reshape(side, side, 60, 60).swapaxes(1, 2).reshape(side * 60, side * 60)[:size, :size]
    return np.stack([np.roll(first, 37 * shift, axis=1) for shift in range(count)])[..., None]


def places(count, num_glimpses):
    """An endless round of 64 draws `[count, num_glimpses, 2]`."""
    import tensorflow as tf

    draws = tf.random.Generator.from_seed(0).uniform([64, count, num_glimpses, 2], -1.0, 1.0)
    return itertools.cycle(list(draws))


def retina_call(images):
    import tensorflow as tf

    from tf_glimpse.layers import Retina

    retina, images = Retina(patch_size=12, num_scales=4), tf.constant(images)
    look, where = tf.function(retina), places(len(images), 1)
    return lambda: look(images, next(where)[:, 0]).numpy()


def ram(size):
    """The recipe for the paper's largest images, untrained: the time does not depend on the weights."""
    import tf_glimpse
    from tf_glimpse.models.ram import PAPER_LAYERS
    from tf_glimpse.training import get_recipe

    model = tf_glimpse.RAM(10, **{**PAPER_LAYERS, **get_recipe("ram_cluttered_100").model})
    model.build((None, size, size, 1))
    return model


def ram_call(model, images):
    """Looks where it is told, all over the image; untrained, its own policy would stay in the middle."""
    import tensorflow as tf

    answer = tf.function(lambda actions: model({"images": images, "actions": actions}).logits)
    where = places(len(images), model.num_glimpses)
    return lambda: answer(next(where)).numpy()


def png_call(model, encoded):
    import tensorflow as tf

    @tf.function
    def answer(encoded, actions):
        image = tf.ensure_shape(tf.io.decode_png(encoded, channels=1), model.image_shape)
        return model({"images": image[None], "actions": actions}).logits

    where = places(1, model.num_glimpses)
    return lambda: answer(encoded, next(where)).numpy()


def cnn_call(size, images):
    import tensorflow as tf

    from benchmarks.common.paper_cnn import paper_cnn

    model = paper_cnn((size, size, 1), 10)
    answer = tf.function(lambda: model(images))
    return lambda: answer().numpy()


def cnn_bytes(size, count):
    """Of the dense layer's weights and of the batch as floats."""
    return 4 * (256 * 8 * ((size - 10) // 5 + 1) ** 2 + count * size**2)


def report(rows, sizes):
    times = {(row["what"], row["batch_size"], row["image_size"]): row["median_ms"] for row in rows}
    print(f"\nms a call{'':24}" + "".join(f"{size:>10}" for size in sizes) + "   last/first")
    for what, batch_size in dict.fromkeys((row["what"], row["batch_size"]) for row in rows):
        line = [times.get((what, batch_size, size)) for size in sizes]
        cells = "".join(f"{'-':>10}" if time is None else f"{time:10.2f}" for time in line)
        known = [time for time in line if time is not None]
        print(f"{what + ', batch ' + str(batch_size):33}{cells}{known[-1] / known[0]:12.1f}x")
    more = times[RETINA, 4, sizes[-1]] - times[RETINA, 4, sizes[0]]
    verdict = "met" if more <= GOAL_MS else "MISSED"
    print(f"\nretina alone: {more:+.2f} ms from {sizes[0]} to {sizes[-1]} px; goal at most {GOAL_MS} ms: {verdict}")


def draw(path):
    """Time against size, both on logarithmic axes, a line a contender, from the recorded rows."""
    from matplotlib.figure import Figure

    from benchmarks.common.rows import read_rows

    rows = sorted(read_rows("speed_image_size"), key=lambda row: row["image_size"])
    figure = Figure(figsize=(7, 4.5), layout="constrained", dpi=110)
    axes = figure.subplots()
    for what, batch_size in dict.fromkeys((row["what"], row["batch_size"]) for row in rows):
        line = [row for row in rows if (row["what"], row["batch_size"]) == (what, batch_size)]
        sides, times = [row["image_size"] for row in line], [row["median_ms"] for row in line]
        style = "--" if what == CNN else ":" if what == PNG else "-"
        axes.plot(sides, times, style, marker="o", markersize=3, label=f"{what}, batch {batch_size}")
    axes.set(xscale="log", yscale="log", xlabel="image side, px", ylabel="ms a call", xticks=SIZES, xticklabels=SIZES)
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    main()
