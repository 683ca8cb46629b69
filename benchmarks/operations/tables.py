"""Tables of `results/accuracy_flops.json` and `results/large_image.json`: what accuracy costs."""

import numpy as np
import scipy.stats

from benchmarks.common.spread import spread
from benchmarks.operations.accuracy_flops import FAMILIES
from benchmarks.operations.large_image import SIDES
from tf_glimpse.statistics import mean

SAME = 0.001  # of accuracy: as good as the best


def accuracy_flops(rows):
    """A table a data set: test accuracy at or below each budget, mean over seeds; then where hard attention leads and where not."""
    parts = [_frontier(dataset, [row for row in rows if row["dataset"] == dataset]) for dataset in sorted({row["dataset"] for row in rows})]
    return "\n\n".join(parts) or "Not run yet."


def searches(rows):
    """How much each family was searched, in words."""
    return " or ".join(sorted({f"{row['trials']} trials of {row['epochs']} epochs" for row in rows})) or "no trials"


def large_image(rows):
    columns = ("contender", "test error %", "validation error %", "MFLOP", "ms an image", "pixels pooled", "values the network reads")
    lines = [f"| {' | '.join((*columns, 'parameters', 'epochs'))} |", "|---" * (len(columns) + 2) + "|"]
    for row in sorted(rows, key=lambda row: row["error_percent"]):
        cost = f"{row['mflops']:.1f} | {row.get('ms', '')} | {row['pixels_pooled']:,} | {row['values_read']:,}"
        error = f"{row['error_percent']:.2f} | {row['validation_error_percent']:.2f}"
        lines.append(f"| {row['contender']} | {error} | {cost} | {row['parameters']:,} | {row['epochs']} |")
    return "\n".join([*lines, "", *_unfair(rows)]) if rows else "Not run yet."


def _unfair(rows):
    """What to hold against the comparison, as far as the rows tell: epochs, the clock, precision, tuning, sides left out."""
    rams, cnns = ([row for row in rows if (row["contender"] == "ram") == ours] for ours in (True, False))
    if not rams:
        return
    ram = rams[0]
    shorter = [row for row in cnns if row["epochs"] < ram["epochs"]]
    faster = [row for row in cnns if row.get("ms", float("inf")) < ram.get("ms", 0)]
    halves = [row for row in cnns if row.get("dtype", "float32") != "float32"]
    missing = sorted(set(SIDES) - {row["side"] for row in cnns}, reverse=True)
    yield from _ahead(ram, cnns)
    if shorter:
        yield f"Not yet a fair race: {_names(shorter)} had fewer epochs than RAM."
    unfinished = [row for row in cnns if row["best_epoch"] == row["epochs"]]
    if unfinished:
        yield f"The best epoch is the last of {_names(unfinished)}: more epochs might do better."
    if faster:
        clock = f"By the clock ({ram.get('timed_on', ram['device'])})"
        yield f"{clock} RAM takes longer than {_names(faster)}: its looks come one after the other."
    if cnns:
        rates = "; ".join(_rates(row) for row in cnns)
        yield f"Learning rates, with the early validation error in % that chose them: {rates}; RAM's is not tuned."
    if halves:
        yield f"Trained in {halves[0]['dtype']}: {_names(halves)}; timed in float32, as all."
    if missing:
        yield f"CNNs not run yet: at {', '.join(str(side) for side in missing)} px."


def _ahead(ram, cnns):
    """Which CNNs err less than RAM, and at what cost."""
    for row in cnns:
        if row["error_percent"] < ram["error_percent"]:
            operations, values = (f"{row[name] / ram[name]:.1f} times" for name in ("mflops", "values_read"))
            cost = f"{operations} its operations and {values} the values read"
            yield f"{row['contender']} errs less than RAM, at {cost}, and is not told where the digit lies."


def _rates(row):
    """The learning rate of a CNN, and what those that were tried gave."""
    tried = ", ".join(f"{rate}: {error:.1f}" for rate, error in row["tuning"].items())
    return f"{row['contender']} {row['learning_rate']} ({tried})"


def _names(rows):
    return ", ".join(sorted(row["contender"] for row in rows))


def _frontier(dataset, rows):
    budgets = sorted({row["budget_mflops"] for row in rows})
    about = "mean and standard deviation over seeds (MFLOP; microseconds of an image alone; of processor time in a batch)"
    lines = [f"**{dataset}**, accuracy in %, {about}", ""]
    lines += ["| family | seeds | " + " | ".join(f"{budget:g} MFLOP" for budget in budgets) + " |", "|---|---|" + "---|" * len(budgets)]
    means, spent = {}, {}
    for family in FAMILIES:
        ours = [row for row in rows if row["family"] == family]
        cells = []
        for budget in budgets:
            group = [row for row in ours if row["budget_mflops"] == budget]
            if group:
                names = ("accuracy", "mflops", "latency_us", "cpu_us")
                accuracy, mflops, latency, processor = (mean([row[name] for row in group]) for name in names)
                means[family, budget] = accuracy
                spent[family, budget] = latency, processor
                cells.append(
                    f"{spread([100 * row['accuracy'] for row in group], 2, counted=False)} ({mflops:.3f}; {latency:,.0f}; {processor:.0f})"
                )
            else:
                cells.append("none")
        lines.append(f"| {family} | {len({row['seed'] for row in ours})} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", _verdict(means, budgets), _luckiest(rows, budgets), *_clock(spent, budgets)])


def _luckiest(rows, budgets):
    """The best seed of ours against the best of either CNN: what is left of the lead where luck of the draw is taken out."""
    leads = []
    for budget in budgets:
        ours, others = (
            [row["accuracy"] for row in rows if row["budget_mflops"] <= budget and (row["family"] == "hard_attention") == own]
            for own in (True, False)
        )
        if ours and others:
            leads.append(f"{100 * (max(ours) - max(others)):+.1f} at {budget:g}")
    return f"The best seed of hard attention against the best of either CNN, in points: {', '.join(leads)}." if leads else ""


def _verdict(means, budgets):
    """Where hard attention is above both, in words."""
    leads = {}
    for budget in budgets:
        others = [means[family, budget] for family in FAMILIES if family != "hard_attention" and (family, budget) in means]
        if ("hard_attention", budget) in means and others:
            leads[budget] = means["hard_attention", budget] - max(others)
    if not leads:
        return "Hard attention against the better of the two: not both run yet."
    behind = [f"{budget:g}" for budget, lead in leads.items() if lead <= 0]
    told = ", ".join(f"{100 * lead:+.1f} at {budget:g}" for budget, lead in leads.items())
    goal = f"missed at {', '.join(behind)} MFLOP" if behind else "met"
    return f"Hard attention against the better of the two, in points: {told}. Goal, above both at every budget: {goal}."


def _clock(spent, budgets):
    """At which budgets hard attention answers an image alone sooner, and one in a batch with less processor time, than both CNNs."""
    never = np.inf, np.inf
    for place, what in enumerate(("an image alone is answered soonest", "one in a batch costs the least processor time")):
        soonest = {budget: min(FAMILIES, key=lambda family: spent.get((family, budget), never)[place]) for budget in budgets}
        least = [f"{budget:g}" for budget in budgets if soonest[budget] == "hard_attention"]
        yield f"By hard attention {what} at {', '.join(least) or 'none'} of these budgets."


def short_trials(rows):
    """How well short trials foretell whole ones, and what a search by them costs until it has found as good a model."""
    columns = ("dataset", "trials judged by", "candidates", "rank correlation with whole trainings (95 %)", "best whole training")
    columns += ("that of the short trials' favourite", "seconds to the best: all short, then whole by their order", "seconds: all whole")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for dataset, seed, trial in sorted({(row["dataset"], row["seed"], row["trial"]) for row in rows if row["trial"] != "full"}):
        ours = [row for row in rows if (row["dataset"], row["seed"]) == (dataset, seed)]
        short, whole = ({row["candidate"]: row for row in ours if row["trial"] == kind} for kind in (trial, "full"))
        order = sorted(set(short) & set(whole), key=lambda number: -short[number]["accuracy"])
        if len(order) > 2:
            lines.append(_foretold(f"{dataset} | {trial}", [short[number] for number in order], [whole[number] for number in order]))
    return "\n".join(lines) if len(lines) > 2 else "Not run yet."


def _foretold(name, short, whole):
    """A line of the table, of rows by falling accuracy of the short trials."""
    accuracies = [[row["accuracy"] for row in rows] for rows in (short, whole)]
    rank = scipy.stats.spearmanr(*accuracies).statistic
    reach = 1.96 / (len(short) - 3) ** 0.5 if len(short) > 3 else np.inf  # Fisher
    low, high = np.tanh(np.arctanh(np.clip(rank, -0.999, 0.999)) + np.array([-reach, reach]))
    best = max(accuracies[1])
    wanted = 1 + next(place for place, accuracy in enumerate(accuracies[1]) if accuracy >= best - SAME)
    seconds = [sum(row["seconds"] for row in rows) for rows in (short, whole[:wanted], whole)]
    told = f"{name}, {short[0]['epochs']} of {whole[0]['epochs']} epochs | {len(short)} | {rank:.2f} ({low:.2f} to {high:.2f})"
    return f"| {told} | {100 * best:.2f} % | {100 * accuracies[1][0]:.2f} % | {seconds[0] + seconds[1]:.0f} | {seconds[2]:.0f} |"
