"""Iterations to converge and to a target, their ratios and intervals, of rows of `results/near_optimal_glimpses.json`."""

import itertools
import math

from tf_glimpse.statistics import half_interval, mean, variance

NAME = "near_optimal_glimpses"
KEY = ("dataset", "task", "supervision", "sequences", "share", "until", "seed")
NONE = ("none", 0, 0, None)  # a run without supervision, by the fields of KEY between task and seed
SETTINGS = ("grid", "iterations", "validation_every", "learning_rate", "reinforce_weight")  # that runs of a task share
MARGIN = 0.01
ALL_CLASSES = "all classes"
COUNTED = ("iterations_to_converge", "variance_to_converge", "iterations_to_target", "variance_to_target")


def completed(rows):
    """Rows with what follows from their validation curves: iterations to converge, and to the task's fixed target.

    Runs of one task that differ in anything but their supervision and seed are refused.
    """
    for row, other in itertools.combinations(rows, 2):
        if task_of(row) == task_of(other) and any(row.get(name) != other.get(name) for name in SETTINGS):
            raise SystemExit(
                f"{task_of(row)}: runs of different settings ({', '.join(SETTINGS)}) are not compared; move the old rows away."
            )
    return [{**row, **iterations(row, target(rows, row))} for row in rows]


def target(rows, row):
    """The mean best validation accuracy of the task's unsupervised runs, minus 0.01; None before there are any."""
    best = [other["best_accuracy"] for other in rows if task_of(other) == task_of(row) and other["supervision"] == "none"]
    return round(mean(best) - MARGIN, 5) if best else None


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
    alone = {task_of(row): row for row in tasks if row["supervision"] == "none"}
    kinds = {}
    for row in tasks:
        if row["supervision"] != "none" and task_of(row) in alone:
            kinds.setdefault((row["dataset"], *(row[field] for field in KEY[2:-1])), []).append(row)
    for (dataset, *kind), taught in kinds.items():
        if len(taught) < 2:
            continue
        none, found = (_averaged(some) for some in ([alone[task_of(row)] for row in taught], taught))
        about = {"dataset": dataset, "task": f"mean of {len(taught)} against rest"}
        gained = [row["points_gained"] for row in taught]
        yield {**about, **dict(zip(KEY[2:-1], NONE, strict=True)), **none}
        spread = {f"{name}_spread": geometric([row[f"{name}_ratio"] for row in taught]) for name in COUNTED}
        yield {**about, **dict(zip(KEY[2:-1], kind, strict=True)), **found, **_ratios(none, found), **_points(gained), **spread}


def against_main(rows):
    """Of the other ways to supervise all classes of a set: points gained over the main one, seed by seed, and how many times fewer
    iterations to the target."""
    chosen, groups = main_kind(rows), {(row["dataset"], label(row)): row for row in summary(rows) if row["task"] == ALL_CLASSES}
    for (dataset, kind), row in groups.items():
        main = groups.get((dataset, chosen))
        if kind not in ("none", chosen) and main:
            yield {"dataset": dataset, "kind": kind, "main": chosen, **_against(row, main)}


def validations_before(rows):
    """`(validations, dataset, task)` of the task whose faster runs' mean convergence the fewest validations precede."""
    shown = [row for row in summary(rows) if label(row) in ("none", main_kind(rows))]
    return min((row["validations_before"], *task_of(row)) for row in shown)


def geometric(ratios):
    """`(mean, low, high)`: the geometric mean of tasks' ratios with its 95 % interval (Student, of logarithms); None where one lacks."""
    if None in ratios or len(ratios) < 2:
        return None
    logs = [math.log(ratio) for ratio in ratios]
    width = half_interval(logs)
    return tuple(round(math.exp(mean(logs) + shift), 2) for shift in (0, -width, width))


def look_entropies(row):
    """Nats of the shares of looks at each cell, a look: log of the number of cells where they are even, 0 where all are one place's."""
    return [-sum(share * math.log(share) for share in step if share > 0) for step in row["looks"]]


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
        "iterations_to_converge": mean(converge),
        "variance_to_converge": variance(converge) if len(converge) > 1 else None,
        "iterations_to_target": mean(reached),
        "variance_to_target": variance(reached) if len(reached) > 1 else None,
        "never_reached": sum(row["iterations_to_target"] is None for row in members),
        "test_accuracy": mean([row["test_accuracy"] for row in members]),
        "tests": {row["seed"]: row["test_accuracy"] for row in members},
        "validations_before": mean(converge) / members[0]["validation_every"],
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
    return {"points_gained": round(mean(gained), 2), "points_interval": round(half_interval(gained), 2)}


def _mean(values):
    return None if None in values else mean(values)


def task_of(row):
    return row["dataset"], row["task"]


def label(row):
    """How a run was supervised: by what, how many sequences, on what share of each batch, until when."""
    if row["supervision"] == "none":
        return "none"
    ends = "" if row["until"] is None else f", falling to 0 at {row['until']:.0%} of the run"
    return f"{row['supervision'].replace('_', '-')}, {row['sequences']}, {row['share']:.0%} of rows{ends}"


def main_kind(rows):
    """The label of the supervision by near-optimal sequences that most rows have."""
    found = [label(row) for row in rows if row["supervision"] == "near_optimal"]
    return max(sorted(set(found)), key=found.count, default=None)
