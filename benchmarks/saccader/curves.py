"""The picture of a recipe: accuracy against looks, and against the share of the photo that was seen."""

from benchmarks.saccader.seeds import WHOLE, fewer, lines_of, one_a_seed, referenced, values
from tf_glimpse.statistics import mean


def draw(rows, path):
    """Accuracy against looks and against the share seen, a line for each policy of stage 3, the learned ones before it and of ablations."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.4), layout="constrained", dpi=110)
    for axes, field, name in zip(figure.subplots(1, 2, sharey=True), ("num_glimpses", "coverage"), ("looks", "share seen"), strict=True):
        for variant, stage, policy in lines_of(rows):
            if variant != WHOLE or stage == 3 or (stage, policy) in ((2, "learned"), (1, "ordered_logits")):
                looks = sorted({row["num_glimpses"] for row in rows})
                points = [[mean(values(rows, stage, policy, look, each, variant)) for each in (field, "accuracy")] for look in looks]
                style = {"linewidth": 2.2} if policy == "learned" else {"linewidth": 1, "alpha": 0.8}
                style |= {} if variant == WHOLE else {"linewidth": 1.4, "linestyle": "-."}
                label = f"{policy}, stage {stage}{'' if variant == WHOLE else f', {variant}'}"
                label += fewer(values(rows, stage, policy, looks[0], "accuracy", variant), rows)
                axes.plot(*zip(*points, strict=True), label=label, marker="." if field == "coverage" else None, **style)
        for reference, style, found in (("ceiling", "--", one_a_seed(rows)), ("resnet", ":", referenced(rows))):
            if found:
                axes.axhline(mean([row[reference] for row in found]), color="grey", linestyle=style, label=reference)
        axes.set(xlabel=name, ylabel="test accuracy")
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)
