"""Tables of `results/accuracy_flops.json` and `results/large_image.json`: what accuracy costs."""

import numpy as np
import scipy.stats
from accuracy_flops import FAMILIES


def accuracy_flops(rows):
    """A table a data set: test accuracy at or below each budget, mean over seeds; then where hard attention leads and where not."""
    parts = [_frontier(dataset, [row for row in rows if row["dataset"] == dataset]) for dataset in sorted({row["dataset"] for row in rows})]
    return "\n\n".join(parts) or "Not run yet."


def large_image(rows):
    columns = ("contender", "test error %", "validation error %", "MFLOP", "ms an image", "pixels pooled", "values the network reads")
    lines = [f"| {' | '.join((*columns, 'parameters', 'epochs'))} |", "|---" * (len(columns) + 2) + "|"]
    for row in sorted(rows, key=lambda row: row["error_percent"]):
        cost = f"{row['mflops']:.1f} | {row.get('ms', '')} | {row['pixels_pooled']:,} | {row['values_read']:,}"
        error = f"{row['error_percent']:.2f} | {row['validation_error_percent']:.2f}"
        lines.append(f"| {row['contender']} | {error} | {cost} | {row['parameters']:,} | {row['epochs']} |")
    return "\n".join(lines) if rows else "Not run yet."


def _frontier(dataset, rows):
    budgets = sorted({row["budget_mflops"] for row in rows})
    lines = [f"**{dataset}**, accuracy in % (MFLOP; microseconds alone)", ""]
    lines += ["| family | seeds | " + " | ".join(f"{budget:g} MFLOP" for budget in budgets) + " |", "|---|---|" + "---|" * len(budgets)]
    means = {}
    for family in FAMILIES:
        ours = [row for row in rows if row["family"] == family]
        cells = []
        for budget in budgets:
            group = [row for row in ours if row["budget_mflops"] == budget]
            if group:
                accuracy, mflops, latency = (float(np.mean([row[name] for row in group])) for name in ("accuracy", "mflops", "latency_us"))
                means[family, budget] = accuracy
                cells.append(f"{100 * accuracy:.2f} ({mflops:.3f}; {latency:,.0f})")
            else:
                cells.append("none")
        lines.append(f"| {family} | {len({row['seed'] for row in ours})} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", _verdict(means, budgets)])


def _verdict(means, budgets):
    """Where hard attention is above both, in words."""
    leads = []
    for budget in budgets:
        others = [means[family, budget] for family in FAMILIES if family != "hard_attention" and (family, budget) in means]
        if ("hard_attention", budget) in means and others:
            leads.append((budget, means["hard_attention", budget] - max(others)))
    told = [f"{100 * lead:+.1f} at {budget:g}" for budget, lead in leads]
    return f"Hard attention against the better of the two, in points: {', '.join(told) or 'not both run yet'}."


def short_trials(rows):
    """How well short trials foretell whole ones, and what a search by them would have cost and found."""
    columns = ("dataset", "trials judged by", "candidates", "rank correlation with whole trainings", "best whole training")
    columns += ("that of the short trials' favourite", "seconds: all short, then the favourite whole", "seconds: all whole")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    whole = {row["candidate"]: row for row in rows if row["trial"] == "full"}
    for trial in ("short", "short_supervised"):
        short = {row["candidate"]: row for row in rows if row["trial"] == trial and row["candidate"] in whole}
        if len(short) < 3:
            continue
        order = sorted(short)
        foretold = scipy.stats.spearmanr(*([part[number]["accuracy"] for number in order] for part in (short, whole))).statistic
        favourite = max(order, key=lambda number: short[number]["accuracy"])
        best = max(whole[number]["accuracy"] for number in order)
        seconds = [sum(some[number]["seconds"] for number in order) for some in (short, whole)]
        told = f"{trial}, {short[favourite]['epochs']} of {whole[favourite]['epochs']} epochs"
        figures = f"{foretold:.2f} | {100 * best:.2f} % | {100 * whole[favourite]['accuracy']:.2f} %"
        times = f"{seconds[0] + whole[favourite]['seconds']:.0f} | {seconds[1]:.0f}"
        lines.append(f"| {short[favourite]['dataset']} | {told} | {len(order)} | {figures} | {times} |")
    return "\n".join(lines) if len(lines) > 2 else "Not run yet."
