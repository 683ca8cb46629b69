"""Makes `benchmarks/near_optimal_glimpses.md` and its figures from `results/near_optimal_*.json`; nothing in them is typed by hand.

python -m benchmarks.near_optimal.page [--sequences SEQUENCES ...]    the maps of expected posterior entropy need the sequences
"""

import argparse

import numpy as np

from benchmarks.common.folders import BENCHMARKS, PICTURES
from benchmarks.common.rows import read_rows
from benchmarks.common.templates import fill
from benchmarks.near_optimal.convergence import (
    COUNTED,
    NAME,
    label,
    look_entropies,
    main_kind,
    pooled,
    summary,
)
from benchmarks.near_optimal.pictures import draw_iterations, draw_looks, draw_maps
from benchmarks.near_optimal.sentences import ablations, enough_validations, sets_of, setup, verdicts

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


def _round(variance):
    return "-" if variance is None else f"{variance:.0f}"


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
    parts["posterior"] = table(read_rows("near_optimal_posterior"), ("dataset", *posterior))
    return fill("near_optimal/page.md.template", **about, **parts)


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
    print("\n".join(lines(read_rows(NAME))))
    for folder in options.sequences:
        draw_maps(folder)
    write()


def write():
    """Writes the page and draws its pictures, but for the maps."""
    rows = read_rows(NAME)
    draw_iterations(rows)
    draw_looks(rows)
    (BENCHMARKS / f"{NAME}.md").write_text(page())


if __name__ == "__main__":
    main()
