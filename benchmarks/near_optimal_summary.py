"""Makes `benchmarks/near_optimal_glimpses.md` and its figures from `results/near_optimal_*.json`; nothing in them is typed by hand.

python benchmarks/near_optimal_summary.py [--sequences SEQUENCES ...]    the maps of expected posterior entropy need the sequences
"""

import argparse
import itertools
import pathlib
import statistics

import scipy.stats
from rows import read_rows

NAME = "near_optimal_glimpses"
KEY = ("dataset", "task", "supervision", "sequences", "share", "until", "seed")
NONE = ("none", 0, 0, None)  # a run without supervision, by the fields of KEY between task and seed
SETTINGS = ("grid", "iterations", "validation_every", "learning_rate", "reinforce_weight")  # that runs of a task share
MARGIN = 0.01
TICKS = (500, 1000, 2000, 4000, 7200)
GOALS = (("times fewer iterations", 6.8), ("times less variance", 5), ("points more", 0.4))
ALL_CLASSES = "all classes"
COUNTED = ("iterations_to_converge", "variance_to_converge", "iterations_to_target", "variance_to_target")
COLUMNS = ("data, task", "supervision", "runs", "to converge (variance)", "to the target (variance)", "test %", "fewer", "less variance")
COLUMNS += ("fewer to the target", "less variance", "points")
COMPLETIONS = (
    "dataset",
    "technique",
    "glimpses",
    "seen_error",
    "hidden_variance",
    "hidden_error_of_mean",
    "hidden_error_of_nearest",
    "different_samples",
    "ms_an_image",
)
PICTURES = pathlib.Path(__file__).parent / "pictures"


def completed(rows):
    """Rows with what follows from their validation curves: iterations to converge, and to the task's fixed target.

    Runs of one task that differ in anything but their supervision and seed are refused.
    """
    for row, other in itertools.combinations(rows, 2):
        if _task(row) == _task(other) and any(row.get(name) != other.get(name) for name in SETTINGS):
            raise SystemExit(f"{_task(row)}: runs of different settings ({', '.join(SETTINGS)}) are not compared; move the old rows away.")
    return [{**row, **iterations(row, target(rows, row))} for row in rows]


def target(rows, row):
    """The mean best validation accuracy of the task's unsupervised runs, minus 0.01; None before there are any."""
    best = [other["best_accuracy"] for other in rows if _task(other) == _task(row) and other["supervision"] == "none"]
    return round(statistics.mean(best) - MARGIN, 5) if best else None


def iterations(row, wanted):
    """The first validation within 0.01 of the run's own best (the paper's measure), and the first at the target, None if never."""
    every, curve = row["validation_every"], row["validation_curve"]
    reached = [index for index, value in enumerate(curve) if wanted is not None and value >= wanted]
    own = next(index for index, value in enumerate(curve) if value >= max(curve) - MARGIN - 1e-9)
    return {
        "iterations_to_converge": every * (own + 1),
        "iterations_to_target": every * (reached[0] + 1) if reached else None,
        "target_accuracy": wanted,
    }


def summary(rows):
    """One dict a task, supervision and number of sequences: means and variances over its seeds, and ratios to the unsupervised runs."""
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[field] for field in KEY[:-1]), []).append(row)
    means = {key: _group(members) for key, members in groups.items()}
    return [{**dict(zip(KEY, key, strict=False)), **found, **_against(found, means.get((*key[:2], *NONE)))} for key, found in means.items()]


def pooled(rows):
    """The same over all one-against-rest tasks of a set, of means and variances averaged over the tasks that ran both ways."""
    tasks = [row for row in summary(rows) if row["task"] != ALL_CLASSES]
    alone = {_task(row): row for row in tasks if row["supervision"] == "none"}
    kinds = {}
    for row in tasks:
        if row["supervision"] != "none" and _task(row) in alone:
            kinds.setdefault((row["dataset"], *(row[field] for field in KEY[2:-1])), []).append(row)
    for (dataset, *kind), taught in kinds.items():
        if len(taught) < 2:
            continue
        none, found = (_averaged(some) for some in ([alone[_task(row)] for row in taught], taught))
        about = {"dataset": dataset, "task": f"mean of {len(taught)} against rest"}
        gained = [row["points_gained"] for row in taught]
        yield {**about, **dict(zip(KEY[2:-1], NONE, strict=True)), **none}
        yield {**about, **dict(zip(KEY[2:-1], kind, strict=True)), **found, **_ratios(none, found), **_points(gained)}


def _averaged(groups):
    """Means over tasks, sums of runs."""
    means = {name: _mean([group[name] for group in groups]) for name in (*COUNTED, "test_accuracy")}
    return {**means, **{name: sum(group[name] for group in groups) for name in ("runs", "never_reached")}}


def _group(members):
    """Of the runs of one task and supervision; one that never reached the target counts with its length, which is too little."""
    converge = [row["iterations_to_converge"] for row in members]
    lengths = [row["validation_every"] * len(row["validation_curve"]) for row in members]
    reached = [row["iterations_to_target"] or length for row, length in zip(members, lengths, strict=True)]
    return {
        "runs": len(members),
        "iterations_to_converge": statistics.mean(converge),
        "variance_to_converge": statistics.variance(converge) if len(converge) > 1 else None,
        "iterations_to_target": statistics.mean(reached),
        "variance_to_target": statistics.variance(reached) if len(reached) > 1 else None,
        "never_reached": sum(row["iterations_to_target"] is None for row in members),
        "test_accuracy": statistics.mean(row["test_accuracy"] for row in members),
        "tests": {row["seed"]: row["test_accuracy"] for row in members},
        "validations_before": statistics.mean(converge) / members[0]["validation_every"],
    }


def _against(found, none):
    """How many times fewer iterations and less variance than without supervision, and how many points more, seed by seed."""
    if none is None or found is none:
        return {}
    gained = [100 * (accuracy - none["tests"][seed]) for seed, accuracy in found["tests"].items() if seed in none["tests"]]
    return {**_ratios(none, found), **_points(gained)}


def _ratios(none, found):
    return {f"{name}_ratio": round(none[name] / found[name], 2) if none[name] is not None and found[name] else None for name in COUNTED}


def _points(gained):
    """Mean and half a 95 % interval (Student) of points gained."""
    if len(gained) < 2:
        return {"points_gained": round(gained[0], 2) if gained else None, "points_interval": None}
    width = scipy.stats.t.ppf(0.975, len(gained) - 1) * statistics.stdev(gained) / len(gained) ** 0.5
    return {"points_gained": round(statistics.mean(gained), 2), "points_interval": round(float(width), 2)}


def _mean(values):
    return None if None in values else statistics.mean(values)


def _task(row):
    return row["dataset"], row["task"]


def label(row):
    """How a run was supervised: by what, how many sequences, on what share of each batch, until when."""
    if row["supervision"] == "none":
        return "none"
    ends = "" if row["until"] is None else f", falling to 0 at {row['until']:.0%} of the run"
    return f"{row['supervision'].replace('_', '-')}, {row['sequences']}, {row['share']:.0%} of rows{ends}"


def lines(rows):
    """The claims' table, Markdown."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    shown = []
    for row in (*pooled(rows), *summary(rows)):
        never = f"; {row['never_reached']} never" if row["never_reached"] else ""
        cells = [f"{row['dataset']}, {row['task']}", label(row), row["runs"]]
        for goal, more in (("converge", ""), ("target", never)):
            cells.append(f"{row[f'iterations_to_{goal}']:.0f} ({_round(row[f'variance_to_{goal}'])}{more})")
        cells += [f"{100 * row['test_accuracy']:.2f}", *(row.get(f"{name}_ratio") or "" for name in COUNTED)]
        spread = "" if row.get("points_interval") is None else f" +- {row['points_interval']}"
        cells += ["" if row.get("points_gained") is None else f"{row['points_gained']}{spread}"]
        shown += [cells] if cells not in shown else []  # several kinds of supervision are compared with the same runs
    yield from ("| " + " | ".join(map(str, cells)) + " |" for cells in shown)


def setup(rows):
    """What all runs share, in words."""
    kinds = {(row["patch_size"], tuple(row["grid"]), row["iterations"], row["validation_every"]) for row in rows}
    told = [
        f"glimpses of {patch} px at {h}x{w} places, {steps:,} iterations, a validation every {every}"
        for patch, (h, w), steps, every in kinds
    ]
    return f"All runs: 28x28 pixels, 5 looks, {'; '.join(sorted(told))}; batches of 64."


def verdicts(rows):
    """A line for each set's all classes, and for the mean of its others: the three goals, and whether they are met."""
    chosen = main_kind(rows)
    for row in (*pooled(rows), *(row for row in summary(rows) if row["task"] == ALL_CLASSES)):
        if label(row) == chosen and row.get("points_gained") is not None:
            found = (row["iterations_to_converge_ratio"], row["variance_to_converge_ratio"], row["points_gained"])
            told = [
                f"{value:g} {words} (goal {goal}: {'met' if value >= goal else 'missed'})"
                for value, (words, goal) in zip(found, GOALS, strict=True)
                if value is not None
            ]
            unsure = row["points_interval"] is not None and row["points_interval"] >= abs(row["points_gained"])
            told += [f"+- {row['points_interval']:g}, which includes none" if unsure else ""]
            yield f"- {row['dataset']}, {row['task']}: {', '.join(filter(None, told))}."


def _round(variance):
    return "-" if variance is None else f"{variance:.0f}"


PAGE = """# Training with near-optimal glimpse sequences

Made by `python benchmarks/near_optimal_summary.py` from the rows of `results/near_optimal_*.json`, each of which holds its command.
Harvey et al. 2019 report, over 40 CelebA-HQ attributes: 6.8 times fewer iterations to converge, more than 5 times less variance of
that number, 0.4 points more.

*To converge*: the first validation within 0.01 of the run's own best. *To the target*: the first at the task's mean unsupervised best
minus 0.01; a run that never reaches it counts with its length. Balanced accuracy on the test set, of the weights that were best on
validation. The last columns compare with the runs without supervision: how many times fewer iterations and less variance (ratios of
means), how many points more (seed by seed, with a 95 % interval; over tasks where tasks are averaged). Learning rate (of 0.001, 0.003 and
0.01) and REINFORCE weight were chosen for the unsupervised run of all classes of Fashion-MNIST, at seed 0 and on a 10x10 grid, and are
shared; then the share of supervised rows and its end, at seed 0 too, near-optimal sequences' alone. The rows are of other seeds. The
heuristic and the random sequences teach as many rows: the heuristic fresh places on any image, its temperature untuned, the others what
they hold. More near-optimal sequences than 60 bring nothing here. Unlike in the paper's equation 3 the location likelihood does not reach
the core (tried at one seed, no better), and neither the 15x15 grid nor MNIST was tuned for, whose unsupervised runs may be weaker for it.
The taught runs of Trouser converge before 20 validations (after 14).

{setup}

{claims}

By the paper's own measure, with the goals of this project:

{verdicts}

![Iterations to converge](pictures/near_optimal_iterations.png)

## Where they look

How often each pixel is seen at each look on the test set, by the policy that was taught and by the one that was not: the deterministic
rollout of one seed each, the first tasks. That an untaught policy looks more broadly later, as in the paper, does not show here.

{look_pictures}

The expected posterior entropy before each look, mean over the images that have sequences; dark is where one should look next.

{map_pictures}

## The posterior network

On validation images, glimpses at random places; ECE is the expected calibration error over 15 bins.

{posterior}

## What the rest of an image might be

Completions of validation images of which some glimpses at random places are known, by `python benchmarks/completions.py`; mean squares of
0-1 pixels. Where the image was seen the samples should agree with it (*seen error* low); where it was not they should differ (*hidden
variance*) about as much as they err (*hidden error of mean*), and the truth should lie near one of them (*of nearest*).

{completions}

{completion_pictures}

## What sequences cost

One image's look in batches, and by the direct loop of Algorithm 1, one candidate and one completion at a time, taken in turns.

{cost}
"""


def page():
    """The page's text."""
    posterior = ("glimpses", "accuracy", "confidence", "ece", "nll", "entropy")
    loop = ("candidates", "samples", "passes", "batched_ms", "direct_ms", "times_faster")
    whole = ("candidates", "samples", "passes_a_sequence", "sequences_a_minute")
    cost = read_rows("near_optimal_cost")
    tables = [table([row for row in cost if row["measured"].startswith(kind)], names) for kind, names in (("one", loop), ("whole", whole))]
    rows = read_rows(NAME)
    about = {"claims": "\n".join(lines(rows)), "setup": setup(rows), "verdicts": "\n".join(verdicts(rows))}
    completions, sets = read_rows("completions"), sorted({row["dataset"] for row in rows})
    parts = {"completions": table(completions, COMPLETIONS), "cost": "\n\n".join(tables)}
    parts["completion_pictures"] = _shown("Samples", "completions", sorted({row["dataset"] for row in completions}))
    parts |= {"look_pictures": _shown("Looks", "near_optimal_looks", sets), "map_pictures": _shown("Maps", "near_optimal_maps", sets)}
    return PAGE.format(**about, posterior=table(read_rows("near_optimal_posterior"), ("dataset", *posterior)), **parts)


def _shown(what, name, sets):
    """The pictures there are of that name, one a set."""
    there = [data for data in sets if (PICTURES / f"{name}_{data}.png").exists()]
    return "\n\n".join(f"![{what} of {data}](pictures/{name}_{data}.png)" for data in there)


def table(rows, names):
    """Markdown of some fields of rows, in the order of the first field."""
    ordered = sorted(rows, key=lambda row: [row[name] for name in names[:2]])
    cells = [[name.replace("_", " ") for name in names], ["---"] * len(names), *([row[name] for name in names] for row in ordered)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in cells)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", nargs="*", default=[], help="folders of sequences, for the maps of expected posterior entropy")
    options = parser.parse_args()
    rows = read_rows(NAME)
    print("\n".join(lines(rows)))
    draw_iterations(rows)
    draw_looks(rows)
    for folder in options.sequences:
        draw_maps(folder)
    (pathlib.Path(__file__).parent / f"{NAME}.md").write_text(page())


def main_kind(rows):
    """The label of the supervision by near-optimal sequences that most rows have."""
    found = [label(row) for row in rows if row["supervision"] == "near_optimal"]
    return max(sorted(set(found)), key=found.count, default=None)


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
    ours = [row for row in rows if _task(row) == (data, task)]
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


if __name__ == "__main__":
    main()
