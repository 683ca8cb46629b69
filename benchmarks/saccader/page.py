"""Makes `benchmarks/saccader.md` and its picture from `results/saccader_*.json`; nothing in them is typed by hand.

python benchmarks/saccader_tables.py
"""

import argparse
import pathlib

import numpy as np
import scipy.stats
from rows import read_rows
from speed_tables import choices

HERE = pathlib.Path(__file__).parent
LOOKS = range(1, 13)
WHOLE = "whole"  # all three stages, as the recipe has them
GOAL_LOOKS, GOAL_SHARE = 6, 1 / 3

PAGE = """# Saccader on photos

Made from `results/saccader_*.json` by `python benchmarks/saccader_tables.py`. Test accuracy in %, one deterministic rollout. A tenth of the
training photos picks the epochs of a run, which sees the test images once. But recipes were changed after test results of their earlier
versions were known (the flowers' stages 2 and 3, CIFAR-10's depth, size and epochs), so that the first seeds are not untouched by them.
Where a set has no test split (the flowers), what it calls validation is the test set here.

Every policy looks through the same BagNet, that of the stage in its row; only `learned` is trained to choose. The BagNet reads the whole
image to let a policy choose: what is limited to the looks, and counted as seen, is what the answer is made of. The ceiling is the BagNet's
accuracy on whole images after stage 1. Stage 3 begins with the classifier's logits divided by the temperature that fits validation, keeps a
running mean of the weights, and trains the BagNet at the looks: it gets worse at whole images ("whole image"), and the policies that look
through it then are no rivals; those after stage 1 are. The ResNet has the same pipeline, augmentation and learning rate and as many epochs
as stage 1, operations as each section says, and was not tuned further.

Ablations are trained from the same first stages, where nothing else is said below. "Without stage 2" has the recipe's stage 3, too short
at 1e-4 for a policy that stage 2 has not taught. "Without stop-gradient" is about stage 2, where cross-entropy on the answer then trains
the BagNet too, from its high rate on. {stopped} "Without REINFORCE" has stage 3 by cross-entropy alone: what stage 3 owes to its training
of the BagNet.
Over several seeds: mean +- standard deviation in the tables, and in the lines of the goals the mean difference +- half of its 95 % interval
(Student); "not certain" says that the interval holds the other answer too.

{sections}

## What hiding its looks costs

Accuracy of the ResNet, which never saw grey holes in training, on photos in which pixels are hidden (grey): those that the Saccader looked
at, the same shape moved elsewhere (it wraps around the border, so that the share is the same, and may overlap what was looked at), or what
it looked at in another photo.

{occlusion}

## Another classifier at its places

Windows cut from the photos at 160 px where the Saccader looked, classified by another network without pretrained weights, logits averaged
(the paper's Saccader-NASNet), against the Saccader's own logits.

{patches}

## What a training step takes

Milliseconds a step of the recipe's batch, and how many times that is of the step as it is, with one choice behind it undone: the batch
norm is TensorFlow's one operation instead of the dozen that Keras composes it of; rows and columns are gathered, and the gradient of a
slice is made by padding. With XLA, which is off in these recipes, every choice stays.

{steps}

## Commands

- `tf-glimpse train saccader_flowers_small --seed S --workdir RUN --manual-dir ../shared/data` trains; called again, it resumes. CIFAR-10
  wants a folder with `cifar10/cifar-10-batches-bin`: `python ../shared/data/cifar10/unpack.py D/cifar10`, then `--manual-dir D` with every
  command here.
- `python benchmarks/small_resnet.py RUN` (`--width 26` for CIFAR-10) trains the reference beside it.
- `python benchmarks/saccader_photos.py RUN` writes the rows; with `--preset NAME` of a run that was published.
- `python benchmarks/saccader_ablations.py RUN`, before them, trains what its three ablations need; of a run whose first stage alone is
  trained, `saccader_photos.py RUN --ablations-alone` then writes their rows.
- `python benchmarks/saccader_patches.py RUN [--backbone MobileNetV2] [--epochs N]` trains the other classifier and writes its row.
- `python benchmarks/saccader_step.py` times the training step, on an idle machine.
- `python benchmarks/saccader_picture.py PRESET` draws the looks.
"""


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    rows = read_rows("saccader_photos")
    (HERE / "saccader.md").write_text(page())
    for recipe in sorted({row["recipe"] for row in rows}):
        draw_curves([row for row in rows if row["recipe"] == recipe], HERE / "pictures" / f"{recipe}.png")


def page():
    """The whole of `benchmarks/saccader.md`."""
    rows = read_rows("saccader_photos")
    sections = [section(recipe, [row for row in rows if row["recipe"] == recipe]) for recipe in sorted({row["recipe"] for row in rows})]
    parts = {"occlusion": occlusion(), "patches": patches(), "steps": choices(read_rows("speed_saccader")), "stopped": without_stop(rows)}
    return PAGE.format(sections="\n\n".join(sections), **parts)


def without_stop(rows):
    """What to hold against the rows without the stop-gradient, as far as they say how they were trained."""
    old = [row for row in rows if row["variant"] == "without stop-gradient" and row["supervision_weight"] == 1.0 and row["stage"] == 2]
    if not old:
        return "Without the stop-gradient the location loss is a mean over targets, and the epoch is picked by accuracy."
    seeds = ", ".join(str(seed) for seed in sorted({row["seed"] for row in old}))
    told = "weighs as a sum over 12 targets, which matters only where it reaches the BagNet, and the epoch is picked by the hit rate"
    return f"Without the stop-gradient (seeds {seeds}) the location loss {told}: a mean over targets may do less harm."


def section(recipe, rows):
    """One recipe: reference and ceiling, a line for each stage and policy, and the goals."""
    lines = [
        f"## {recipe} ({rows[0]['dataset']})",
        "",
        f"Ceiling {spread([row['ceiling'] for row in one_a_seed(rows)])} with {rows[0]['bagnet_mflop']:g} MFLOP; {_reference(rows)}. "
        f"{rows[0]['examples']} test photos; preset: {next((row['preset'] for row in rows if row['preset']), 'none')}. "
        f"Over {len(one_a_seed(rows))} seeds, by number of looks:",
        "",
        "| stage | policy | " + " | ".join(map(str, LOOKS)) + f" | seen with {GOAL_LOOKS} | seen with {LOOKS[-1]} | whole image |",
        "|---|---|" + "---|" * (len(LOOKS) + 3),
    ]
    lines += [f"| {' | '.join(cells)} |" for cells in table(rows)]
    return "\n".join(
        [*lines, "", *verdicts(rows), *ablations(rows), "", f"![Accuracy against looks](pictures/{recipe}.png)", *_looks(recipe)]
    )


def table(rows):
    """The cells of each line; stage 2, which leaves the BagNet alone, has no lines of its own for the policies that it does not teach."""
    for variant, stage, policy in lines_of(rows):
        taught = policy == "learned" or variant != WHOLE
        if stage == 2 and not taught:
            continue
        name = "1 and 2" if stage == 1 and (WHOLE, 2, policy) in lines_of(rows) else str(stage)
        wanted = [("accuracy", look) for look in LOOKS] + [("coverage", GOAL_LOOKS), ("coverage", LOOKS[-1]), ("full_image", LOOKS[-1])]
        found = [values(rows, stage, policy, look, field, variant) for field, look in wanted]
        name = (name if variant == WHOLE else f"{name}, {variant}") + fewer(found[0], rows)
        yield [name, policy, *(spread(numbers, counted=False) for numbers in found)]


def fewer(numbers, rows):
    """Says so where not every seed has a number: such a line is not to be held against means over all."""
    return f" ({len(numbers)} of the seeds)" if len(numbers) < len(one_a_seed(rows)) else ""


def _reference(rows):
    """What the ResNet reaches, and at how many operations."""
    found = referenced(rows)
    if not found:
        return "the ResNet is not trained yet"
    mflop, ours = found[0]["resnet_mflop"], found[0]["bagnet_mflop"]
    seeds = "" if len(found) == len(one_a_seed(rows)) else f" (seed {', '.join(str(row['seed']) for row in found)} alone)"
    return f"ResNet {spread([row['resnet'] for row in found])}{seeds} with {mflop:g} MFLOP ({mflop / ours:.2f} times as many)"


def referenced(rows):
    """A row of each seed whose ResNet is trained."""
    return [row for row in one_a_seed(rows) if row["resnet"] is not None]


def _looks(recipe):
    """The picture of where the recipe's preset looks, if there is one."""
    if (HERE / "pictures" / f"{recipe}_looks.png").exists():
        title = "Scanpath, what was seen, and the policy before each look: the first test photo of each class"
        yield f"\n![{title}](pictures/{recipe}_looks.png)"


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


def half_interval(numbers):
    return scipy.stats.t.ppf(0.975, len(numbers) - 1) * np.std(numbers, ddof=1) / len(numbers) ** 0.5


def verdict(margins):
    """Whether a goal is met, of how far each seed is on its right side, and whether as many seeds again might say otherwise."""
    margins = np.atleast_1d(margins)
    if np.mean(margins) <= 0:
        return "missed"
    unsure = len(margins) > 1 and half_interval(margins) >= np.mean(margins)
    return ("met" if np.all(margins > 0) else "met on average, not by every seed") + (", but not certain" if unsure else "")


def lines_of(rows):
    """`(variant, stage, policy)` of each line: the whole training first, in it stage by stage, what was learned before the rest."""
    lines = {(row["variant"], row["stage"], row["policy"]) for row in rows}
    return sorted(lines, key=lambda line: (line[0] != WHOLE, line[0], line[1], line[2] != "learned", line[2]))


def one_a_seed(rows):
    """A row of each seed's whole training, by rising seed, for what is the same in all of its rows."""
    return [row for _, row in sorted({row["seed"]: row for row in rows if row["variant"] == WHOLE}.items())]


def values(rows, stage, policy, looks, field, variant=WHOLE):
    """A field of the rows of one stage, policy and number of looks, a number a seed."""
    wanted = (variant, stage, policy, looks)
    return [row[field] for row in rows if (row["variant"], row["stage"], row["policy"], row["num_glimpses"]) == wanted]


def spread(numbers, counted=True):
    """Fractions as "71.2", or "71.2 +- 0.4 (3)" over several seeds, with their number or without."""
    percents = 100 * np.array(numbers)
    count = f" ({len(percents)})" if counted else ""
    return f"{percents.mean():.1f}" + (f" +- {percents.std(ddof=1):.1f}{count}" if len(percents) > 1 else "")


def occlusion():
    rows = read_rows("saccader_occlusion")
    lines = ["| recipe | hidden | share of the pixels | ResNet's accuracy |", "|---|---|---|---|"]
    for recipe, hidden in dict.fromkeys((row["recipe"], row["hidden"]) for row in rows):
        found = [row for row in rows if (row["recipe"], row["hidden"]) == (recipe, hidden)]
        lines.append(f"| {recipe} | {hidden} | {spread([row['share'] for row in found])} | {spread([row['accuracy'] for row in found])} |")
    return "\n".join(lines)


def patches():
    names = ["recipe", "classifier", "parameters", "window, px", "brought to, px", "epochs", "accuracy", "Saccader's own", "gain"]
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    rows = read_rows("saccader_patches")
    for recipe, backbone in dict.fromkeys((row["recipe"], row["backbone"]) for row in rows):
        found = [row for row in rows if (row["recipe"], row["backbone"]) == (recipe, backbone)]
        cells = [f"{found[0]['parameters']:,}", *(str(found[0][name]) for name in ("window_pixels", "input_pixels", "epochs"))]
        cells += [spread([row[name] for row in found]) for name in ("accuracy", "saccader", "gain")]
        lines.append(f"| {recipe} | {backbone} | {' | '.join(cells)} |")
    if all(row["gain"] <= 0 for row in rows):
        lines += ["", "None gains."]
    return "\n".join(lines)


def draw_curves(rows, path):
    """Accuracy against looks and against the share seen, a line for each policy of stage 3, the learned ones before it and of ablations."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.4), layout="constrained", dpi=110)
    for axes, field, name in zip(figure.subplots(1, 2, sharey=True), ("num_glimpses", "coverage"), ("looks", "share seen"), strict=True):
        for variant, stage, policy in lines_of(rows):
            if variant != WHOLE or stage == 3 or (stage, policy) in ((2, "learned"), (1, "ordered_logits")):
                looks = sorted({row["num_glimpses"] for row in rows})
                points = [[np.mean(values(rows, stage, policy, look, each, variant)) for each in (field, "accuracy")] for look in looks]
                style = {"linewidth": 2.2} if policy == "learned" else {"linewidth": 1, "alpha": 0.8}
                style |= {} if variant == WHOLE else {"linewidth": 1.4, "linestyle": "-."}
                label = f"{policy}, stage {stage}{'' if variant == WHOLE else f', {variant}'}"
                label += fewer(values(rows, stage, policy, looks[0], "accuracy", variant), rows)
                axes.plot(*zip(*points, strict=True), label=label, marker="." if field == "coverage" else None, **style)
        for reference, style, found in (("ceiling", "--", one_a_seed(rows)), ("resnet", ":", referenced(rows))):
            if found:
                axes.axhline(np.mean([row[reference] for row in found]), color="grey", linestyle=style, label=reference)
        axes.set(xlabel=name, ylabel="test accuracy")
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    main()
