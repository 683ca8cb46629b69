"""Makes `benchmarks/near_optimal_glimpses.md` and its figures from `results/near_optimal_*.json`; nothing in them is typed by hand.

python benchmarks/near_optimal_summary.py [--sequences SEQUENCES]    the maps of expected posterior entropy need the sequences
"""

import argparse
import pathlib
import statistics

from rows import read_rows

NAME = "near_optimal_glimpses"
KEY = ("dataset", "task", "supervision", "sequences", "share", "until", "seed")
NONE = ("none", 0, 0, None)  # a run without supervision, by the fields of KEY between task and seed
MARGIN = 0.01
COMPARED = ("none", "near_optimal")
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
    """Rows with what follows from their validation curves: iterations to converge, and to the task's fixed target."""
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


def _group(members):
    converge = [row["iterations_to_converge"] for row in members]
    reached = [row["iterations_to_target"] for row in members if row["iterations_to_target"] is not None]
    spread = {"variance_to_converge": statistics.variance(converge) if len(converge) > 1 else None}
    spread["variance_to_target"] = statistics.variance(reached) if len(reached) > 1 else None
    return {
        "runs": len(members),
        "iterations_to_converge": statistics.mean(converge),
        **spread,
        "iterations_to_target": statistics.mean(reached) if reached else None,
        "never_reached": len(members) - len(reached),
        "best_accuracy": statistics.mean(row["best_accuracy"] for row in members),
        "test_accuracy": statistics.mean(row["test_accuracy"] for row in members),
        "validations_before": statistics.mean(converge) / members[0]["validation_every"],
    }


def _against(found, none):
    """How many times fewer iterations and less variance than without supervision, and how many points more."""
    if none is None or found is none:
        return {}
    pairs = {name: (none[name], found[name]) for name in ("iterations_to_converge", "iterations_to_target")}
    pairs |= {name: (none[name], found[name]) for name in ("variance_to_converge", "variance_to_target")}
    ratios = {f"{name}_ratio": round(one / other, 2) if one is not None and other else None for name, (one, other) in pairs.items()}
    return {**ratios, "points_gained": round(100 * (found["test_accuracy"] - none["test_accuracy"]), 2)}


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
    yield "| data, task | supervision | runs | to converge (variance) | to the target (never) | test % | fewer | less variance | points |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in summary(rows):
        ratio, less = row.get("iterations_to_converge_ratio"), row.get("variance_to_converge_ratio")
        reached = "-" if row["iterations_to_target"] is None else f"{row['iterations_to_target']:.0f}"
        spread = "-" if row["variance_to_converge"] is None else f"{row['variance_to_converge']:.0f}"
        kind = label(row)
        cells = [f"{row['dataset']}, {row['task']}", kind, row["runs"], f"{row['iterations_to_converge']:.0f} ({spread})"]
        cells += [
            f"{reached} ({row['never_reached']})",
            f"{100 * row['test_accuracy']:.2f}",
            ratio or "",
            less or "",
            row.get("points_gained", ""),
        ]
        yield "| " + " | ".join(map(str, cells)) + " |"


PAGE = """# Training with near-optimal glimpse sequences

Made by `python benchmarks/near_optimal_summary.py` from the rows of `results/near_optimal_*.json`, each of which holds its command.
Harvey et al. 2019 report, over 40 CelebA-HQ attributes: 6.8 times fewer iterations to converge, more than 5 times less variance of
that number, 0.4 points more.

*To converge*: the first validation within 0.01 of the run's own best. *To the target*: the first at the task's mean unsupervised best
minus 0.01; in brackets how many runs never reach it. Balanced accuracy on the test set, of the weights that were best on validation.
The last three columns compare with the runs without supervision: how many times fewer iterations, how many times less variance, how
many points more. Learning rate and REINFORCE weight were chosen for the unsupervised run, one seed each, and are shared; the best rate
was the highest tried. Iterations to the target are of the runs that reach it, which flatters a row where some never do. The supervision
that falls over the run was tried after the rows of a constant share had been seen, on the same seeds.

{claims}

![Iterations to converge](pictures/near_optimal_iterations.png)

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

On a machine that was busy with other work; the ratio of the two ways is taken in turns.

{cost}
"""


def page():
    """The page's text."""
    posterior = ("glimpses", "accuracy", "confidence", "ece", "nll", "entropy")
    loop = ("candidates", "samples", "passes", "batched_ms", "direct_ms", "times_faster")
    whole = ("candidates", "samples", "passes_a_sequence", "sequences_a_minute")
    cost = read_rows("near_optimal_cost")
    tables = [table([row for row in cost if row["measured"].startswith(kind)], names) for kind, names in (("one", loop), ("whole", whole))]
    claims = "\n".join(lines(read_rows(NAME)))
    completions = read_rows("completions")
    shown = [f"![Samples of {data}](pictures/completions_{data}.png)" for data in sorted({row["dataset"] for row in completions})]
    parts = {"completions": table(completions, COMPLETIONS), "completion_pictures": "\n\n".join(shown), "cost": "\n\n".join(tables)}
    return PAGE.format(claims=claims, posterior=table(read_rows("near_optimal_posterior"), posterior), **parts)


def table(rows, names):
    """Markdown of some fields of rows, in the order of the first field."""
    ordered = sorted(rows, key=lambda row: [row[name] for name in names[:2]])
    cells = [[name.replace("_", " ") for name in names], ["---"] * len(names), *([row[name] for name in names] for row in ordered)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in cells)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", help="folder of sequences, for the maps of expected posterior entropy")
    options = parser.parse_args()
    rows = read_rows(NAME)
    (pathlib.Path(__file__).parent / f"{NAME}.md").write_text(page())
    print("\n".join(lines(rows)))
    draw_iterations(rows)
    draw_looks(rows)
    if options.sequences:
        draw_maps(options.sequences)


def draw_iterations(rows):
    """Each run's iterations to converge, with and without sequences, as the paper's figure 5."""
    from matplotlib.figure import Figure

    tasks = sorted({_task(row) for row in rows})
    figure = Figure(figsize=(3 + 1.5 * len(tasks), 3.5), layout="constrained")
    axes = figure.subplots()
    labels = sorted({label(row) for row in rows if row["supervision"] in COMPARED}, key=lambda text: (text != "none", text))
    for number, text in enumerate(labels):
        place = 0.6 * (number / max(len(labels) - 1, 1) - 0.5)
        found = [(tasks.index(_task(row)) + place, row["iterations_to_converge"]) for row in rows if label(row) == text]
        axes.scatter(*zip(*found, strict=True), alpha=0.6, label=text)
    axes.set_xticks(range(len(tasks)), [f"{data}\n{task}" for data, task in tasks], fontsize=7)
    axes.set(ylabel="iterations to converge", yscale="log")
    axes.legend(fontsize=6)
    figure.savefig(PICTURES / "near_optimal_iterations.png")


def draw_looks(rows):
    """Where both policies look at each time step on the test set, mean over seeds, as the paper's figure 6."""
    from matplotlib.figure import Figure

    for data, task in sorted({_task(row) for row in rows}):
        found = {kind: [row["looks"] for row in rows if _task(row) == (data, task) and row["supervision"] == kind] for kind in COMPARED}
        if not all(found.values()):
            continue
        steps = len(found["none"][0])
        figure = Figure(figsize=(1.6 * steps, 3.6), layout="constrained")
        grid = figure.subplots(2, steps, squeeze=False)
        for row, kind in enumerate(COMPARED):
            for step in range(steps):
                shares = [statistics.mean(run[step][cell] for run in found[kind]) for cell in range(len(found[kind][0][step]))]
                _show(grid[row, step], shares, f"{kind.replace('_', '-')}, look {step + 1}")
        figure.savefig(PICTURES / f"near_optimal_looks_{data}_{task.replace(' ', '_').replace('/', '_')}.png")


def draw_maps(folder):
    """Mean maps of the expected posterior entropy before each look; dark is where one should look."""
    from matplotlib.figure import Figure

    from tf_glimpse.boed import read_sequences

    sequences = read_sequences(folder)
    maps = sequences.maps.mean(axis=0)
    figure = Figure(figsize=(1.6 * len(maps), 1.9), layout="constrained")
    for step, axes in enumerate(figure.subplots(1, len(maps))):
        _show(axes, maps[step], f"look {step + 1}: {maps[step].min():.2f} to {maps[step].max():.2f} nats")
    figure.savefig(PICTURES / f"near_optimal_maps_{sequences.plan.data}.png")


def _show(axes, values, title):
    side = round(len(values) ** 0.5)
    axes.imshow([values[start : start + side] for start in range(0, len(values), side)])
    axes.set_title(title, fontsize=6)
    axes.axis("off")


if __name__ == "__main__":
    main()
