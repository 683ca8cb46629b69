"""The picture of the paper's tasks: validation error by epoch."""

from benchmarks.accuracy.tasks import TASKS

# of the curves, by policy and by the recipe's ending
COLOURS = {"whole image": "black", "random": "tab:gray", "centre": "silver", "_paper": "tab:orange", "_guided": "tab:green"}


def draw(rows, path):
    """Validation error by epoch, one panel a task, one line a run that was looked at by epoch."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator

    figure = Figure(figsize=(12, 4.2), layout="constrained", dpi=110)
    for axes, task in zip(figure.subplots(1, len(TASKS)), TASKS, strict=True):
        runs = [row for row in rows if row["task"] == task.name and row["rollouts"] <= 1 and not row["policy"].startswith("its teacher")]
        shown = max((len(row["validation_curve"]) for row in runs if row["policy"] != "whole image"), default=1)
        for row in (row for row in runs if row["validation_curve"]):
            longer = f" ({row['epochs']} epochs)" if len(row["validation_curve"]) > shown else ""
            label, colour = f"{row['recipe']}, {row['policy']}{longer}", COLOURS.get(row["policy"], _colour(row))
            named = {line.get_label() for line in axes.lines}  # one line a seed
            label = f"_{label}" if label in named else label  # matplotlib leaves such out of the legend
            curve = row["validation_curve"][:shown]
            axes.plot(range(1, len(curve) + 1), curve, color=colour, label=label)
        axes.set(title=task.name, xlabel="epoch", ylabel="validation error, %", yscale="log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
        if axes.lines:
            axes.legend(fontsize=7, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.17))
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)


def _colour(row):
    """One for each kind of recipe, the same for every task."""
    return next((colour for ending, colour in COLOURS.items() if row["recipe"].endswith(ending)), "tab:blue")
