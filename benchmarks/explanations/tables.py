"""The tables of `results/information_gain.json` and `results/explanations.json`: means over seeds with 95 % intervals."""

import numpy as np

from tf_glimpse import statistics

FIGURES = {
    "gain": "gain, nats",
    "nll_drop": "drop in test cross-entropy, nats",
    "ece": "calibration error",
    "ece_scaled": "calibration error, temperatures from validation",
    "accuracy": "accuracy",
}
TOTALS = ("gain", "nll_drop")
REWARDS = ("final_correct", "entropy_shaped")  # plain, shaped


def sections(gains, explanations, joint):
    """The parts of the page."""
    faithful = f"{faithfulness_table(explanations)}\n\n{unearned_under_stress(explanations)}"
    return {"gain_tables": gain_tables(gains), "faithfulness_table": faithful, "joint_table": joint_table(joint)}


def gain_tables(rows):
    """A table a data set: what each look told, by reward."""
    rows = [row for row in rows if row["rollouts"] == 1]
    return "\n\n".join(
        _table(dataset, [row for row in rows if row["dataset"] == dataset]) for dataset in sorted({row["dataset"] for row in rows})
    )


def faithfulness_table(rows):
    """What became of the answers when all that was not seen was replaced."""
    columns = ("preset", "replaced by", "pixels seen", "largest change of a probability, same places", "answers changed, same places")
    columns += ("places move by, sides of the image", "answers changed, own places", "control: what was seen replaced")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for row in rows:
        if row["what"] == "faithfulness":
            moved = f"{row['moved']:.2f} | {100 * row['own_flipped']:.2f} %"
            answers = f"{100 * row['flipped']:.2f} % | {moved} | {100 * row['control_flipped']:.0f} %"
            figures = f"{100 * row['seen_share']:.0f} % | {row['change']:.2g} | {answers}"
            lines.append(f"| {row['preset']} | {row['level']} | {figures} |")
    return "\n".join(lines)


def joint_table(rows):
    """What training the states for the picture changes: the answers' error, and the pictures' after the first and the last look."""
    columns = ("preset", "decoder", "share of the gradient", "epochs", "validation error %", "test error %")
    pictures = ("squared error of a pixel, look 1", "last look", "of the mean image")
    lines = [f"| {' | '.join(columns + pictures)} |", "|---" * len(columns + pictures) + "|"]
    for row in sorted(rows, key=lambda row: (row["preset"], row["seed"], row["epochs"], row["decoder"], row["state_weight"])):
        errors = f"{row['validation_error_percent']:.2f} | {row['test_error_percent']:.2f}"
        pixels = " | ".join(f"{value:.4f}" for value in (*np.take(row["test_squared_error"], [0, -1]), row["test_blank_error"]))
        began = f", {row['began_from']}" if "began_from" in row else ""
        lines.append(f"| {row['preset']}{began} | {row['decoder']} | {row['state_weight']:g} | {row['epochs']} | {errors} | {pixels} |")
    return "\n".join(lines) if rows else "Not run yet."


def unearned_under_stress(rows):
    """The levels at which a model got surer by its looks and further from the truth."""
    stressed = [row for row in rows if row["what"] in ("noise", "pieces") and row["gain"] > 0 >= row["nll_drop"]]
    moved = "entropy fell by {gain:.2f} nats, cross-entropy rose by {rise:.2f}"
    listed = [
        f"{row['preset']}, {row['what']} {row['level']:g}: {moved.format(gain=row['gain'], rise=-row['nll_drop'])}" for row in stressed
    ]
    return f"Levels of stress at which entropy fell and cross-entropy did not: {'; '.join(listed) or 'none'}."


def spread(values):
    """ "0.12 +- 0.03": mean and half of the 95 % interval; the mean alone of one seed."""
    mean, width = interval(values)
    return f"{mean:.3f} +- {width:.3f}" if len(values) > 1 else f"{mean:.3f}"


def interval(values):
    """`(mean, half of the 95 % interval)` by Student's t; 0 for one value."""
    return statistics.mean(values), statistics.half_interval(values) if len(values) > 1 else 0.0


def by_seed(rows, name, look=None):
    """One figure a seed: at a look, or summed over the looks."""
    seeds = sorted({row["seed"] for row in rows})
    return [sum(row[name] for row in rows if row["seed"] == seed and look in (None, row["glimpse"])) for seed in seeds]


def _table(dataset, rows):
    looks = sorted({row["glimpse"] for row in rows})
    lines = [
        f"### {dataset}",
        "",
        "| reward | figure | " + " | ".join(f"look {look}" for look in looks) + " | all |",
        "|---|---|" + "---|" * (len(looks) + 1),
    ]
    for reward in sorted({row["reward"] for row in rows}, reverse=True):
        ours = [row for row in rows if row["reward"] == reward]
        for name, label in FIGURES.items():
            cells = [spread(by_seed(ours, name, look)) for look in looks]
            total = spread(by_seed(ours, name)) if name in TOTALS else ""
            lines.append(f"| {reward}, {len(by_seed(ours, name))} seed(s) | {label} | {' | '.join(cells)} | {total} |")
        needed = spread(
            [next(row["looks_needed"] for row in ours if row["seed"] == seed) for seed in sorted({row["seed"] for row in ours})]
        )
        lines.append(f"| | looks needed until the answer is right for good | {'| ' * len(looks)}{needed} |")
    return "\n".join([*lines, *_differences(rows, looks), "", _unearned(rows), "", verdict(dataset, rows)])


def verdict(dataset, rows):
    """Whether the shaped reward brings more here, by the paired interval of each look and of their sum; nothing for one reward alone."""
    looks = sorted({row["glimpse"] for row in rows})
    found = {name: [_sign(rows, name, look) for look in (*looks, None)] for name in TOTALS}
    if None in found["gain"]:
        return ""
    told = []
    for name, signs in found.items():
        clear = [f"{sign} after look {look}" for look, sign in zip(looks, signs, strict=False) if sign != "no clear difference"]
        told.append(f"{FIGURES[name].split(',')[0]}: {signs[-1]} over all looks{'; ' + ', '.join(clear) if clear else ''}")
    return f"The shaped reward against the plain one on {dataset}, by 95 % intervals of paired seeds: {'. '.join(told)}."


def _sign(rows, name, look):
    """What the paired interval of shaped minus plain says; None without pairs of seeds."""
    plain, shaped = _by_reward(rows)
    if {row["seed"] for row in plain} != {row["seed"] for row in shaped} or len({row["seed"] for row in plain}) < 2:
        return None
    mean, width = interval(np.subtract(by_seed(shaped, name, look), by_seed(plain, name, look)))
    return "no clear difference" if abs(mean) <= width else ("more" if mean > 0 else "less")


def _by_reward(rows):
    return [[row for row in rows if row["reward"] == reward] for reward in REWARDS]


def draw_gain(rows, path):
    """What each look told, in nats, mean and 95 % interval over seeds: a panel a data set, a line a reward."""
    from matplotlib.figure import Figure

    rows = [row for row in rows if row["rollouts"] == 1 and row["reward"] in REWARDS]
    datasets = sorted({row["dataset"] for row in rows})
    figure = Figure(figsize=(5 * len(datasets), 3.2), layout="constrained", dpi=110)
    for axes, dataset in zip(figure.subplots(1, len(datasets), squeeze=False)[0], datasets, strict=True):
        for reward, some in zip(REWARDS, _by_reward([row for row in rows if row["dataset"] == dataset]), strict=True):
            looks = sorted({row["glimpse"] for row in some})
            for name, style in zip(TOTALS, ("-", "--"), strict=True):
                means, widths = np.transpose([interval(by_seed(some, name, look)) for look in looks])
                colour = {"color": f"C{REWARDS.index(reward)}"}
                axes.plot(looks, means, style, marker="o", markersize=3, label=f"{reward}: {FIGURES[name].split(',')[0]}", **colour)
                axes.fill_between(looks, means - widths, means + widths, alpha=0.12, linewidth=0, **colour)
        axes.set(title=dataset, xlabel="look", ylabel="nats")
        axes.axhline(0, color="0.7", linewidth=0.8)
        axes.legend(fontsize=6)
    figure.savefig(path)


def _differences(rows, looks):
    """What the shaped reward adds to the plain one, paired by seed."""
    plain, shaped = _by_reward(rows)
    if {row["seed"] for row in plain} != {row["seed"] for row in shaped} or not plain:
        return []
    lines = []
    for name in (*TOTALS, "accuracy"):
        cells = [spread(np.subtract(by_seed(shaped, name, look), by_seed(plain, name, look))) for look in looks]
        total = spread(np.subtract(by_seed(shaped, name), by_seed(plain, name))) if name in TOTALS else ""
        lines.append(f"| **shaped minus plain**, paired by seed | {FIGURES[name]} | {' | '.join(cells)} | {total} |")
    return lines


def _unearned(rows):
    """The looks after which entropy fell and test cross-entropy did not."""
    found = sorted({(row["reward"], row["seed"], row["glimpse"]) for row in rows if row["unearned"]})
    listed = "; ".join(f"{reward}, seed {seed}, look {look}" for reward, seed, look in found)
    return f"Looks after which entropy fell and test cross-entropy did not: {listed or 'none'}."
