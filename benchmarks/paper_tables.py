"""The paper's tables, and the same recipes on other data, as text and pictures made from `results/*.json`."""

import dataclasses
import json
import re

import numpy as np
from tasks import TASKS

from tf_glimpse.training import get_recipe
from tf_glimpse.training.recipe import Recipe
from tf_glimpse.training.recipes import RECIPES

OTHER_GOALS = {"cifar10": 33.4}  # error in %, with 4 to 6 glimpses of 8x8
# of the curves, by policy and by the recipe's ending
COLOURS = {"whole image": "black", "random": "tab:gray", "centre": "silver", "_paper": "tab:orange", "_guided": "tab:green"}
MARKS = ("<!-- results: made by benchmarks/tables.py -->", "<!-- end of results -->")
PRESET_MARKS = ("<!-- presets: made by benchmarks/tables.py -->", "<!-- end of presets -->")


def with_short_table(text, rows):
    """The README's text with the short table between its marks."""
    columns = (
        "task",
        "retina, glimpses",
        "paper",
        "best public",
        "tf_glimpse",
        "ten rollouts averaged",
        "the paper's own layers",
        "guided",
        "augmented",
    )
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for task in TASKS:
        ours = [row for row in rows if row["task"] == task.name and row["policy"] == "own"]
        if ours:
            best, plain = best_recipe(unguided(ours)), next((row["recipe"] for row in ours if row["recipe"].endswith("_paper")), None)
            told = next((row["recipe"] for row in ours if row["recipe"].endswith("_guided")), None)
            figures = f"**{spread(ours, best, 1)}** | {spread(ours, best, 10)} | {spread(ours, plain, 1)} | {spread(ours, told, 1)}"
            figures += f" | {augmented(ours, best)}"
            lines.append(f"| {task.name} | {task.retina}, {task.num_glimpses} | {task.paper:.2f} | {task.best_public:.2f} | {figures} |")
    return _between(MARKS, lines, text)


def with_presets(text, folder):
    """The README's text with a line for each preset in the folder between its marks: what it was trained on, its test error, its size."""
    lines = ["| preset | data | looks | test error % | MB |", "|---|---|---|---|---|"]
    for card in sorted(folder.glob("*.json")):
        found, size = json.loads(card.read_text())["results"], card.with_suffix(".keras").stat().st_size / 1e6
        name = f"[`{card.stem}`](tf_glimpse/weights/{card.stem}.md)"
        looks = f"{found['num_glimpses']} of {found['patch_size']} px" + (
            f" at {found['num_scales']} scales" if found["num_scales"] > 1 else ""
        )
        lines.append(f"| {name} | {found['data']} | {looks} | {found['error_percent']:.2f} | {size:.1f} |")
    return _between(PRESET_MARKS, lines, text)


def _between(marks, lines, text):
    """The text with just these lines between two marks."""
    block = "\n".join([marks[0], *lines, marks[1]])
    return re.sub(f"{re.escape(marks[0])}.*?{re.escape(marks[1])}", lambda _: block, text, flags=re.DOTALL)


def not_run(rows):
    """What is missing, in words: controls, weights, recipes, and CNNs whose best rate is the last of their list."""
    names = {task.name for task in TASKS}
    found = [row for row in rows if row["task"] in names]
    own = [row for row in found if row["policy"] == "own"]
    there = {(row["recipe"], row["policy"]) for row in found}
    recipes = sorted({row["recipe"] for row in own})
    missing = {
        "No controls with places at random and at the centre": [
            name for name in recipes if not {(name, "random"), (name, "centre")} <= there
        ],
        "Weights not shipped": sorted(set(recipes) - {row["recipe"] for row in own if row["preset"]}),
        "No two-layer CNN": sorted(names - {row["task"] for row in found if row["policy"] == "whole image"}),
        "Recipes not run": sorted(_published() - set(recipes)),
        "The CNN's best rate is the highest it was given, so that higher ones may do better": sorted(
            row["task"] for row in found if "tuning" in row and row["learning_rate"] == max(map(_rate, row["tuning"]))
        ),
    }
    return "\n".join(f"{what}: {', '.join(names)}." for what, names in missing.items() if names)


def _published():
    """The names of all recipes of RAM on one of the tasks."""
    data = {task.data for task in TASKS}
    return {name for name in RECIPES if name.startswith("ram_") and get_recipe(name).data in data}


def _rate(tried):
    """The learning rate of a trial such as "0.003 (60 epochs)"."""
    return float(tried.split()[0])


def task_table(task, rows):
    """One task: others' figures, ours, the controls, the CNN."""
    found = [row for row in rows if row["task"] == task.name]
    lines = [
        f"### {task.name}: {task.retina}, {task.num_glimpses} glimpses",
        "",
        "| who | places | error, one rollout | ten averaged | parameters | augmented | preset |",
        "|---|---|---|---|---|---|---|",
        f"| {task.paper_source} | own | {task.paper:.2f} | | | | |",
        f"| best public ({task.source}) | own | {task.best_public:.2f} | | | | |",
        f"| {task.paper_source}, two-layer CNN | whole image | {task.paper_cnn:.2f} | | | | |",
    ]
    for recipe, policy in sorted({(row["recipe"], row["policy"]) for row in found}, key=lambda pair: (pair[1] != "own", pair)):
        ours = [row for row in found if row["policy"] == policy]
        preset = next((row["preset"] for row in ours if row["recipe"] == recipe and row["preset"]), "")
        size = next(row["parameters"] for row in ours if row["recipe"] == recipe)
        single = spread(ours, recipe, 0 if policy == "whole image" else 1)
        about = f"{size:,} | {augmented(ours, recipe)} | {preset}"
        lines.append(f"| `{recipe}` | {policy} | {single} | {spread(ours, recipe, 10)} | {about} |")
    told = [verdict(task, found), *_beside_its_teacher(found), *_weak_cnn(task, found), *([task.others] if task.others else [])]
    return "\n".join([*lines, "", *told])


def _weak_cnn(task, rows):
    """A line where our CNN errs more than others' networks of the same layers."""
    ours = [row for row in rows if row["policy"] == "whole image"]
    others = {"the paper's": task.paper_cnn, "tfRAM's": task.public_cnn}
    better = [f"{who} {error:.2f}" for who, error in others.items() if error and ours and error < ours[0]["error_percent"]]
    if better:
        yield f"Our two-layer CNN, of {ours[0]['epochs']} epochs, is a weak opponent: {' and '.join(better)} are better."


def augmented(rows, recipe):
    """How the recipe's training images were changed, in words."""
    changes = next(row["augmentation"] for row in rows if row["recipe"] == recipe)
    return ", ".join(name for name, strength in changes.items() if strength) or "no"


def _beside_its_teacher(rows):
    """A line for each recipe that a scan taught: what its own places add to it."""
    for recipe in sorted({row["recipe"] for row in rows if row["policy"].startswith("its teacher")}):
        own, scan = (mean([row for row in rows if row["policy"] == who], recipe, 1) for who in ("own", "its teacher's scan"))
        yield f"`{recipe}`: its own places err {own - scan:+.2f} points against the scan that taught it, which is written by hand."


def verdict(task, found):
    ours = [row for row in found if row["policy"] == "own"]
    if not ours:
        return "Not run yet."
    told = [row for row in ours if guided(row)]
    own = f"Goal {task.goal:.2f}: {_against(task.goal, unguided(ours))}."
    return f"{own} Recipes that are shown more in training: {_against(task.goal, told)}." if told else own


def _against(goal, rows):
    best = mean(rows, best_recipe(rows), 1)
    return f"met, {best:.2f}" if best <= goal else f"missed by {best - goal:.2f}, {best:.2f}"


def guided(row):
    """Whether training showed it what no network of the papers is shown: where the digit lies, or the image without its clutter."""
    return learned_by(row, "guidance") or bool(row.get("joint"))


def learned_by(row, term):
    """Whether a term of that name was part of the loss; rows of before there were terms have weights by name."""
    loss = row.get("loss", {})
    return term in loss["terms"] if "terms" in loss else bool(loss.get(f"{term}_weight"))


def unguided(rows):
    return [row for row in rows if not guided(row)]


def hindsight(rows, before):
    """A line for each recipe that learns in hindsight now and did not before: its errors, and the guided recipe's; by ten rollouts too."""
    lines = ["| task | recipe | look-ahead alone | and hindsight | told where the digit lies |", "|---|---|---|---|---|"]
    now = [row for row in rows if row["policy"] == "own" and learned_by(row, "hindsight")]
    for task, recipe in sorted({(row["task"], row["recipe"]) for row in before} & {(row["task"], row["recipe"]) for row in now}):
        which = ((before, recipe), (now, recipe), (rows, f"{recipe}_guided"))
        figures = [f"{spread(found, name, 1)} ({spread(found, name, 10)})" if errors(found, name, 1) else "" for found, name in which]
        lines.append(f"| {task} | `{recipe}` | {' | '.join(figures)} |")
    if len(lines) == 2:
        return "Not run yet."
    means = sorted({row["recipe"] for row in now if row.get("ema_momentum")} & {row["recipe"] for row in before})
    if means:
        lines += [
            "",
            f"In hindsight, a running mean of the weights is asked besides of `{'` and `'.join(means)}`, with what else is told below.",
        ]
    return "\n".join(lines)


def other_data(rows):
    """Rows of sets that are in no table of the paper."""
    names = {task.name for task in TASKS}
    columns = ("data", "recipe", "looks", "places", "error, one rollout", "ten averaged", "parameters", "augmented", "preset")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for data, recipe, policy in sorted({(row["task"], row["recipe"], row["policy"]) for row in rows if row["task"] not in names}):
        ours = [row for row in rows if (row["task"], row["policy"]) == (data, policy)]
        chosen = next(row for row in ours if row["recipe"] == recipe)
        single = spread(ours, recipe, 0 if policy == "whole image" else 1)
        figures = f"{single} | {spread(ours, recipe, 10)} | {chosen['parameters']:,} | {augmented(ours, recipe)}"
        lines.append(f"| {data} | `{recipe}` | {_looks(chosen)} | {policy} | {figures} | {chosen['preset'] or ''} |")
    others = [row for row in rows if row["task"] not in names]
    return "\n".join([*lines, "", *_other_facts(others), *_other_goals(rows)]) if len(lines) > 2 else "Not run yet."


def _looks(row):
    """How many, of what size, at how many scales; nothing for a CNN."""
    if "model" not in row:
        return ""
    side, scales = row["model"]["patch_size"], row["model"].get("num_scales", 1)
    return f"{row['num_glimpses']} of {side}x{side}x{scales}"


def _other_facts(rows):
    """What is missing beside the rows of each set, what its first look tells alone, and what a policy adds to the scan that taught it."""
    for data in sorted({row["task"] for row in rows}):
        there = [row for row in rows if row["task"] == data]
        wanted = {"random places": "random", "the centre": "centre", "the two-layer CNN": "whole image"}
        missing = [what for what, policy in wanted.items() if policy not in {row["policy"] for row in there}]
        yield f"{data}: not run with {', '.join(missing)}." if missing else f"{data}:"
        own = next(row for row in there if row["policy"] == "own" and row["rollouts"] == 1)
        yield f"After its first look `{own['recipe']}` errs {own['error_percent_by_glimpse'][0]:.2f}, after all {own['error_percent']:.2f}."
        yield from _beside_its_teacher(there)


def _other_goals(rows):
    for data, goal in OTHER_GOALS.items():
        found = [row for row in rows if row["task"] == data and row["policy"] == "own"]
        if found:
            error = mean(found, best_recipe(found), 1)
            met = "Met" if error < goal else "Missed"
            found = f"the best accuracy found ({100 - goal:.1f}, with 4 looks of 8x8; at how many scales is not known)"
            yield f"\n{data}, goal: below {goal:.1f}, {found}. {met}: {error:.2f}."


def digit_sizes(rows):
    """A line a preset: its error by the digits' size."""
    sizes = sorted({row["digit_size"] for row in rows})
    lines = ["| preset | " + " | ".join(f"{size} px" for size in sizes) + " |", "|---|" + "---|" * len(sizes)]
    for preset in sorted({row["preset"] for row in rows}):
        found = {row["digit_size"]: f"{row['error_percent']:.2f}" for row in rows if row["preset"] == preset}
        lines.append(f"| {preset} | " + " | ".join(found.get(size, "") for size in sizes) + " |")
    return "\n".join(lines) if rows else "Not run yet."


def fine_tuning(rows):
    """A line a preset and folder: accuracy from the preset, and from scratch."""
    lines = ["| preset | photos | epochs | from the preset | from scratch |", "|---|---|---|---|---|"]
    for preset, folder, epochs in sorted({(row["preset"], row["folder"], row["epochs"]) for row in rows}):
        found = [row for row in rows if (row["preset"], row["folder"], row["epochs"]) == (preset, folder, epochs)]
        means = [float(np.mean([row["accuracy_percent"] for row in found if row["start"] == start])) for start in ("preset", "scratch")]
        lines.append(f"| {preset} | {folder} | {epochs} | {means[0]:.1f} | {means[1]:.1f} |")
    return "\n".join(lines) if rows else "Not run yet."


def best_recipe(rows):
    """The one whose validation error is least on average, and so not the one that test favours."""
    recipes = sorted({row["recipe"] for row in rows})
    return min(recipes, key=lambda name: np.mean([row["validation_error_percent"] for row in rows if row["recipe"] == name]))


def errors(rows, recipe, rollouts):
    return [row["error_percent"] for row in rows if row["recipe"] == recipe and row["rollouts"] == rollouts]


def mean(rows, recipe, rollouts):
    return float(np.mean(errors(rows, recipe, rollouts)))


def spread(rows, recipe, rollouts):
    """ "1.23", or "1.23 +- 0.04 (3)" over several seeds; nothing where there is no such row."""
    found = errors(rows, recipe, rollouts)
    several = f" +- {np.std(found, ddof=1):.2f} ({len(found)})" if len(found) > 1 else ""
    return f"{np.mean(found):.2f}{several}" if found else ""


def optimiser():
    """What all recipes of RAM have in common, in words."""
    usual = {field.name: field.default for field in dataclasses.fields(Recipe)}
    rate = f"a learning rate that rises over {100 * usual['warmup']:g} % of the steps and falls to zero by a cosine"
    told = f"All by AdamW, weight decay {usual['weight_decay']:g} unless told, {rate}, gradients clipped at norm {usual['clipnorm']:g}."
    means = "Where `ema_momentum` is told, a running mean of the weights over the steps is validated and asked, not the weights."
    return f"{told} {means} What is `joint` goes on from a preset, by Adam without weight decay, rise or clipping."


def settings(rows):
    """A line for each recipe and policy: what it was trained by."""
    lines = {}
    for row in rows:
        if row["rollouts"] > 1 or row["policy"] == "its teacher's scan":
            continue
        names = ("model", "loss", "teacher", "joint", "epochs", "batch_size", "learning_rate", "weight_decay", "ema_momentum", "tuning")
        parts = [f"{name} {plain(row[name])}" for name in names if row.get(name)]
        line = f"- `{row['recipe']}`, {row['policy']} ({row['task']}): {'; '.join(parts)}; augmented: {plain(row['augmentation']) or 'no'}."
        lines[row["task"], row["recipe"], row["policy"]] = line
    return "\n".join(lines.values())


def plain(value):
    """Settings as people write them."""
    if isinstance(value, dict):
        inner = {name: f"({plain(each)})" if isinstance(each, dict) and each else plain(each) for name, each in value.items()}
        return ", ".join(f"{name} {told}".strip() for name, told in inner.items())
    return f"({', '.join(plain(part) for part in value)})" if isinstance(value, list) else str(value)


def _colour(row):
    """One for each kind of recipe, the same for every task."""
    return next((colour for ending, colour in COLOURS.items() if row["recipe"].endswith(ending)), "tab:blue")


def draw_curves(rows, path):
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
