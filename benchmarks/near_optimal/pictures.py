"""The figures of `near_optimal_glimpses.md`."""

from benchmarks.common.folders import PICTURES
from benchmarks.near_optimal.convergence import ALL_CLASSES, label, main_kind, task_of

TICKS = (500, 1000, 2000, 4000, 7200)


def draw_iterations(rows):
    """Each run's iterations to converge, with and without sequences, as the paper's figure 5: a panel a set, a line a task."""
    from matplotlib.figure import Figure

    sets = sorted({row["dataset"] for row in rows})
    most = max(len({row["task"] for row in rows if row["dataset"] == data}) for data in sets)
    figure = Figure(figsize=(5.5 * len(sets), 1.2 + 0.4 * most), layout="constrained")
    for axes, data in zip(figure.subplots(1, len(sets), squeeze=False, sharex=True)[0], sets, strict=True):
        tasks = sorted({row["task"] for row in rows if row["dataset"] == data}, reverse=True)
        pairs = [_kinds(rows, data, task) for task in tasks]
        for number, kind in enumerate(("without sequences", "with near-optimal sequences")):
            found = [
                (row["iterations_to_converge"], place + 0.3 * (0.5 - number)) for place, pair in enumerate(pairs) for row in pair[number]
            ]
            axes.scatter(*zip(*found, strict=True), s=14, alpha=0.6, label=kind)
        axes.set_yticks(range(len(tasks)), tasks)
        axes.set_ylim(-0.5, len(tasks) - 0.5)
        axes.set(title=data, xlabel="iterations to converge", xscale="log")
        axes.set_xticks(TICKS, [f"{tick:,}" for tick in TICKS])
        axes.minorticks_off()
        axes.legend(fontsize=7)
    figure.savefig(PICTURES / "near_optimal_iterations.png", dpi=120)


def draw_looks(rows):
    """How often each pixel is seen at each look on the test set, of one seed, with sequences and without, as the paper's figure 6."""
    from matplotlib.figure import Figure

    for data in sorted({row["dataset"] for row in rows}):
        tasks = sorted({row["task"] for row in rows if row["dataset"] == data}, key=lambda task: (task != ALL_CLASSES, task))[:3]
        found = [row for task in tasks for row in _pair(rows, data, task)]
        steps = len(found[0]["looks"])
        figure = Figure(figsize=(1.3 * steps + 1.6, 1.4 * len(found)), layout="constrained")
        for axes, row in zip(figure.subplots(len(found), steps, squeeze=False), found, strict=True):
            maps = _coverage(row)
            for step, panel in enumerate(axes):
                _show(panel, maps[step], f"look {step + 1}", maps.max())
            axes[0].text(
                -0.1, 0.5, f"{row['task']}\n{row['supervision']}", transform=axes[0].transAxes, ha="right", va="center", fontsize=7
            )
        figure.savefig(PICTURES / f"near_optimal_looks_{data}.png", dpi=110)


def _kinds(rows, data, task):
    """A task's rows without sequences, and those with them in the way that most have."""
    ours = [row for row in rows if task_of(row) == (data, task)]
    return [[row for row in ours if label(row) == kind] for kind in ("none", main_kind(ours))]


def _pair(rows, data, task):
    """A task's runs without sequences and with them, of the first seed whose looks were kept for both."""
    kinds = [{row["seed"]: row for row in some if "looks" in row} for some in _kinds(rows, data, task)]
    seeds = sorted(set(kinds[0]) & set(kinds[1]))
    return [kind[seeds[0]] for kind in kinds] if seeds else []


def _coverage(row):
    """`[T, H, W]`, the share of images in which each pixel is seen at each look, of the shares of looks at each cell."""
    import numpy as np

    from tf_glimpse.ops.coordinates import cell_centres
    from tf_glimpse.ops.masks import glimpse_masks

    masks = glimpse_masks(cell_centres(row["grid"]), row["image_size"], row["patch_size"]).numpy()[..., 0]
    return np.tensordot(np.array(row["looks"]), masks, axes=1)


def draw_maps(folder):
    """Mean maps of the expected posterior entropy before each look; dark is where one should look."""
    from matplotlib.figure import Figure

    from tf_glimpse.boed import read_sequences

    sequences = read_sequences(folder)
    maps = sequences.maps.mean(axis=0)
    figure = Figure(figsize=(1.6 * len(maps), 1.9), layout="constrained")
    for step, axes in enumerate(figure.subplots(1, len(maps))):
        values = maps[step].reshape(sequences.plan.grid)
        _show(axes, values, f"look {step + 1}: {values.min():.2f} to {values.max():.2f} nats")
    figure.savefig(PICTURES / f"near_optimal_maps_{sequences.plan.data}.png", dpi=110)


def _show(axes, values, title, most=None):
    axes.imshow(values, vmin=None if most is None else 0, vmax=most)
    axes.set_title(title, fontsize=6)
    axes.axis("off")
