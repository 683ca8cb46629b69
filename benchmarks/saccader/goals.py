"""The goals on photos and the ablations, in sentences made of the rows of one recipe."""

import numpy as np

from benchmarks.saccader.seeds import WHOLE, lines_of, one_a_seed, referenced, values
from tf_glimpse.statistics import half_interval

GOAL_LOOKS, GOAL_SHARE = 6, 1 / 3


def verdicts(rows):
    """The goals of the project and whether they are met."""
    accuracy = {line[1:]: np.array(values(rows, *line[1:], GOAL_LOOKS, "accuracy")) for line in lines_of(rows) if line[0] == WHOLE}
    seen = np.mean(values(rows, 3, "learned", GOAL_LOOKS, "coverage"))
    ceiling = np.array([row["ceiling"] for row in one_a_seed(rows)])
    own, best = accuracy[3, "learned"], max((line for line in accuracy if line[1] != "learned"), key=lambda line: accuracy[line].mean())
    below, ahead, gained = ceiling - own, own - accuracy[best], own - accuracy[2, "learned"]
    behind = np.array([row["resnet"] - row["ceiling"] for row in referenced(rows)])
    against = f"{points(behind)} below; {verdict(0.05 - behind)}" if len(behind) else "not known, the ResNet is not trained yet"
    return [
        f"- {GOAL_LOOKS} looks within 2 points of the ceiling: {points(below)} below; {verdict(0.02 - below)}.",
        f"- At most a third of the image seen: {100 * seen:.1f} %; {verdict(GOAL_SHARE - seen)}.",
        f"- The ceiling within 5 points of the ResNet: {against}.",
        f"- Ahead of every other policy of any stage: {points(ahead)} against {best[1]} after stage {best[0]}; {verdict(ahead)}.",
        f"- Stage 3 better than stage 2: {points(gained)}; {verdict(gained)}.",
    ]


def ablations(rows):
    """A line for each ablation of stage 3: what the whole training is ahead of it, by the seeds that have both."""
    wanted = ("learned", 3, GOAL_LOOKS)
    last = {(row["variant"], row["seed"]): row["accuracy"] for row in rows if (row["policy"], row["stage"], row["num_glimpses"]) == wanted}
    for variant in sorted({variant for variant, _ in last} - {WHOLE}):
        ahead = np.array([last[WHOLE, seed] - accuracy for (name, seed), accuracy in sorted(last.items()) if name == variant])
        yield f"- With {GOAL_LOOKS} looks, ahead of its training {variant}: {points(ahead)}."
    yield from other_beginnings(rows)


def other_beginnings(rows):
    """Names the seeds whose ablations began with a first stage of their own, not with that of the whole training."""
    whole = {row["seed"]: row["ceiling"] for row in one_a_seed(rows)}
    other = sorted({(row["seed"], row["ceiling"]) for row in rows if row["variant"] != WHOLE and row["ceiling"] != whole[row["seed"]]})
    told = "; ".join(f"seed {seed}: its ceiling is {100 * own:.2f}, not {100 * whole[seed]:.2f}" for seed, own in other)
    if other:
        yield f"- Ablations that began with a first stage trained again, by the same recipe and seed: {told}."


def points(differences):
    """The mean of differences in points with half its 95 % interval (Student), and each seed's."""
    if len(differences) < 2:
        return f"{100 * np.mean(differences):+.1f}"
    each = ", ".join(f"{100 * difference:+.1f}" for difference in differences)
    return f"{100 * np.mean(differences):+.1f} +- {100 * half_interval(differences):.1f} ({each} seed by seed)"


def verdict(margins):
    """Whether a goal is met, of how far each seed is on its right side, and whether as many seeds again might say otherwise."""
    margins = np.atleast_1d(margins)
    if np.mean(margins) <= 0:
        return "missed"
    unsure = len(margins) > 1 and half_interval(margins) >= np.mean(margins)
    return ("met" if np.all(margins > 0) else "met on average, not by every seed") + (", but not certain" if unsure else "")
