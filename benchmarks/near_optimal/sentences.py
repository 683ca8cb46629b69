"""What the rows say, in sentences: what the runs share, the goals, other ways to supervise, how fine the clock is."""

from benchmarks.near_optimal.convergence import (
    ALL_CLASSES,
    COUNTED,
    against_main,
    label,
    main_kind,
    pooled,
    summary,
    validations_before,
)

GOALS = (("fewer iterations", "more iterations", 6.8), ("less variance", "more variance", 5))
POINTS = 0.4
VALIDATIONS = 20  # wanted before the faster runs' mean convergence


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


def sets_of(rows):
    return sorted({row["dataset"] for row in rows})
