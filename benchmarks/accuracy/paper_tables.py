"""The paper's tables, as text made from `results/paper_tables.json`."""

from benchmarks.accuracy.tasks import TASKS
from benchmarks.common.spread import spread as spread_of
from tf_glimpse.statistics import mean as mean_of
from tf_glimpse.training import get_recipe
from tf_glimpse.training.recipes import RECIPES


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
    told = [verdict(task, found), *beside_its_teacher(found), *_weak_cnn(task, found), *([task.others] if task.others else [])]
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


def beside_its_teacher(rows):
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


def best_recipe(rows):
    """The one whose validation error is least on average, and so not the one that test favours."""
    recipes = sorted({row["recipe"] for row in rows})
    return min(recipes, key=lambda name: mean_of([row["validation_error_percent"] for row in rows if row["recipe"] == name]))


def errors(rows, recipe, rollouts):
    return [row["error_percent"] for row in rows if row["recipe"] == recipe and row["rollouts"] == rollouts]


def mean(rows, recipe, rollouts):
    return mean_of(errors(rows, recipe, rollouts))


def spread(rows, recipe, rollouts):
    """ "1.23", or "1.23 +- 0.04 (3)" over several seeds; nothing where there is no such row."""
    return spread_of(errors(rows, recipe, rollouts), 2)
