"""Faithfulness, deletion and stress of shipped weights, on the first test images; writes `results/explanations.json` and its pictures.

python -m benchmarks.explanations.faithfulness ram_mnist_paper ram_cluttered_60
"""

import argparse
import json

import numpy as np

from benchmarks.common.folders import PICTURES
from benchmarks.common.rows import add_rows, read_rows
from tf_glimpse.explain import attribution, deletion_curve, faithfulness, noisy, stress_point
from tf_glimpse.models.hidden_state_vae import HiddenStateVAE, vae_names
from tf_glimpse.training.finished import load_run_data, open_finished
from tf_glimpse.training.provenance import provenance

KEY = ("preset", "what", "level")
NOISE = (0.0, 0.1, 0.2, 0.3, 0.5)
PIECES = (0, 2, 4, 8, 12)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="+")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--manual-dir", default="../shared/data")
    options = parser.parse_args()
    for preset in options.presets:
        finished = open_finished(preset=preset)
        data = load_run_data(finished, manual_dir=options.manual_dir)
        count = min(options.images, len(data.test))
        about = {"preset": preset, "data": data.name, "split": "test", "images": count}
        about |= provenance(f"python -m benchmarks.explanations.faithfulness {preset} --images {options.images}")
        rows = [*faithfulness_rows(finished.model, data, count), *stress_rows(finished.model, data, preset, count)]
        add_rows("explanations", [{**about, **row} for row in rows], KEY)
        print(json.dumps(rows), flush=True)
    draw(read_rows("explanations"), PICTURES / "stress.png")


def faithfulness_rows(model, data, count):
    """Everything unseen replaced by noise, and by other images; then looks hidden, the worthiest first and last."""
    images = data.test.fetch(np.arange(min(count, 500))).numpy()
    noise = np.random.default_rng(0).integers(0, 256, images.shape).astype(np.uint8)
    for level, filler in (("noise", noise), ("other images", images[::-1])):
        yield {"what": "faithfulness", "level": level, "images": len(images), **faithfulness(model, images, filler)._asdict()}
    few = images[:200]
    trajectory = model(few)
    worth = attribution(model, few, trajectory)
    for level, order in (("worthiest first", worth.argsort()[:, ::-1]), ("least worthy first", worth.argsort())):
        curve = deletion_curve(model, few, trajectory, order).mean(axis=0)
        yield {"what": "deletion", "level": level, "images": len(few), "probability": [round(float(value), 4) for value in curve]}


def stress_rows(model, data, preset, count):
    """Noise of several levels, and on a canvas several numbers of pieces."""
    vae = HiddenStateVAE.from_preset(preset) if preset in vae_names() else None
    first = np.arange(count)
    clean = data.with_clutter("test").subset(first)
    for level in NOISE:
        yield {"what": "noise", "level": level, **stress_point(model, noisy(data.test.subset(first), level), clean, vae)._asdict()}
    for pieces in PIECES if data.canvas else ():
        source = data.with_clutter("test", pieces).subset(first)
        yield {"what": "pieces", "level": pieces, **stress_point(model, source, clean, vae)._asdict()}


def draw(rows, path):
    """Accuracy, gain and reconstruction error against noise and clutter, a line a preset."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5), layout="constrained", dpi=110)
    named = {"accuracy": "accuracy", "gain": "information gain, nats", "squared_error": "squared error of a pixel"}
    for line, what in zip(figure.subplots(2, 3), ("noise", "pieces"), strict=True):
        for axes, (name, label) in zip(line, named.items(), strict=True):
            for preset in sorted({row["preset"] for row in rows}):
                points = sorted(
                    (row["level"], row[name]) for row in rows if (row["preset"], row["what"]) == (preset, what) and row[name] is not None
                )
                if points:
                    axes.plot(*zip(*points, strict=True), marker="o", label=preset)
            axes.set(xlabel="noise, standard deviation" if what == "noise" else "pieces of clutter", ylabel=label)
            if axes.lines:
                axes.legend(fontsize=7)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    main()
