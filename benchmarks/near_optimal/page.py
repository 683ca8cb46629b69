"""Makes `benchmarks/near_optimal_glimpses.md` and its figures from `results/near_optimal_*.json`; nothing in them is typed by hand.

python benchmarks/near_optimal_summary.py [--sequences SEQUENCES ...]    the maps of expected posterior entropy need the sequences
"""

import argparse
import pathlib

import numpy as np
from near_optimal_pictures import PICTURES, draw_iterations, draw_looks, draw_maps
from near_optimal_statistics import (
    ALL_CLASSES,
    COUNTED,
    NAME,
    against_main,
    label,
    look_entropies,
    main_kind,
    pooled,
    summary,
    validations_before,
)
from rows import read_rows

GOALS = (("fewer iterations", "more iterations", 6.8), ("less variance", "more variance", 5))
POINTS = 0.4
VALIDATIONS = 20  # wanted before the faster runs' mean convergence
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
    """What the runs share, in words, and which tasks ran."""
    glimpses, clocks = set(), {}
    for row in rows:
        places = "x".join(map(str, row["grid"]))
        glimpses.add(f"glimpses of {row['patch_size']} px at {places} places, {row['iterations']:,} iterations")
        clocks.setdefault(row["validation_every"], set()).add(f"{row['dataset']}, {row['task']}")
    common = max(clocks, key=lambda every: len(clocks[every]))
    rest = [f"every {every} in {'; '.join(sorted(tasks))}" for every, tasks in clocks.items() if every != common]
    told = [*sorted(glimpses), ", ".join([f"a validation every {common}", *rest])]
    against = {data: len({row["task"] for row in rows if row["dataset"] == data} - {ALL_CLASSES}) for data in sorted(sets_of(rows))}
    counts = ", ".join(f"{count or 'none'} of {data}" for data, count in against.items())
    return f"All runs: 28x28 pixels, 5 looks, batches of 64; {'; '.join(told)}. Classes told from the rest: {counts}."


def verdicts(rows):
    """A line for each set's all classes, and for the mean of its others: the three goals, and whether they are met."""
    chosen = main_kind(rows)
    for row in (*pooled(rows), *(row for row in summary(rows) if row["task"] == ALL_CLASSES)):
        if label(row) == chosen and row.get("points_gained") is not None:
            told = [_ratio(row, name, *goal) for name, goal in zip(COUNTED[:2], GOALS, strict=True)]
            met = f"goal {POINTS}: {'met' if row['points_gained'] >= POINTS else 'missed'}"
            yield f"- {row['dataset']}, {row['task']}: {', '.join(filter(None, told))}, {_points(row)} ({met})."


def _ratio(row, name, less, more, goal):
    """A ratio in words, its goal, and how far it differs between tasks."""
    value, spread = row[f"{name}_ratio"], row.get(f"{name}_spread")
    if value is None:
        return None
    between = f"; over tasks {spread[0]:g}, {spread[1]:g} to {spread[2]:g}" if spread else ""
    return f"{_times(value, less, more)} (goal {goal}: {'met' if value >= goal else 'missed'}{between})"


def _times(value, less, more):
    return f"{value:g} times {less}" if value >= 1 else f"{1 / value:.3g} times {more}"


def _points(row):
    """Points gained with their interval, in words."""
    gained, width = row["points_gained"], row["points_interval"]
    unsure = width is not None and width >= abs(gained)
    told = f"{abs(gained):g}{'' if width is None else f' +- {width:g}'} points {'more' if gained >= 0 else 'fewer'}"
    return f"{told}, which includes none" if unsure else told


def ablations(rows):
    """A line for each other way to supervise: what it brings beyond the main one."""
    for row in against_main(rows):
        fewer = _times(row["iterations_to_target_ratio"], "fewer", "more")
        yield f"- {row['dataset']}, {_short(row['kind'])} against {_short(row['main'])}: {_points(row)}, {fewer} iterations to the target."


def _short(kind):
    """What supervises and how many sequences, of a label."""
    return " ".join(kind.split(", ")[:2]).removesuffix(" 0")


def enough_validations(rows):
    """Whether runs are validated often enough for their convergence to be seen, in words."""
    count, dataset, task = validations_before(rows)
    verdict = f"{VALIDATIONS} are wanted: {'as wanted' if count >= VALIDATIONS else 'too coarse a clock'}"
    return f"Fewest validations before the mean convergence of a task's runs: {count:.0f} ({dataset}, {task}); {verdict}."


def broadness(rows):
    """How broadly untaught and taught policies look: the entropy of where a look goes, mean over the tasks whose looks were kept."""
    lines = []
    for data in sets_of(rows):
        for kind in ("none", main_kind(rows)):
            found = [look_entropies(row) for row in rows if row["dataset"] == data and label(row) == kind and "looks" in row]
            cells = [f"{value:.2f}" for value in np.mean(found, axis=0)]
            lines.append(f"| {data} | {'no' if kind == 'none' else 'yes'} | {len(found)} | {' | '.join(cells)} |")
    looks = [f"look {number}" for number in range(1, lines[0].count("|") - 3)]
    return "\n".join([f"| data | taught | tasks | {' | '.join(looks)} |", "|---" * (len(looks) + 3) + "|", *lines])


def sets_of(rows):
    return sorted({row["dataset"] for row in rows})


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
they hold. Unlike in the paper's equation 3 the location likelihood does not reach the core (tried at one seed, no better), and neither the
15x15 grid nor MNIST was tuned for, whose unsupervised runs may be weaker for it. In one class against the rest both weigh as much in the
loss.

{setup} {validations}

{claims}

By the paper's own measure, with the goals of this project:

{verdicts}

Other ways to supervise, on all classes, seed by seed:

{ablations}

![Iterations to converge](pictures/near_optimal_iterations.png)

## Where they look

How often each pixel is seen at each look on the test set, by the policy that was taught and by the one that was not: the deterministic
rollout of one seed each, the first tasks.

{look_pictures}

The paper's untaught policies look the more broadly the later. Here, the entropy of where a look goes, in nats; 0 is one place for all
images.

{broadness}

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
    about |= {"validations": enough_validations(rows), "ablations": "\n".join(ablations(rows)), "broadness": broadness(rows)}
    completions, sets = read_rows("completions"), sets_of(rows)
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


if __name__ == "__main__":
    main()
