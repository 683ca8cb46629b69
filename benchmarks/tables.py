"""Makes `benchmarks/README.md`, the README's short table and the pictures from `results/*.json`; nothing in them is typed by hand.

python benchmarks/tables.py
"""

import pathlib
import re

import numpy as np
from rows import read_rows
from tasks import TASKS

HERE = pathlib.Path(__file__).parent
README = HERE.parent / "README.md"
MARKS = ("<!-- results: made by benchmarks/tables.py -->", "<!-- end of results -->")

PAGE = """# Benchmarks

This page is made from `results/*.json` by `python benchmarks/tables.py`. Every row there holds its command, commit, seed, settings, device
and versions; `tf-glimpse evaluate --preset NAME --manual-dir ../shared/data --json` checks a shipped row in seconds.

## The paper's tables

Test error in % on 10,000 images. The epoch of a run is picked on 6,000 validation images; a run sees the test images once. First comes one
deterministic rollout, then ten sampled ones averaged. Where there are several seeds: mean, and standard deviation with its number of runs.
The controls have the recipe's layers and schedule, but places drawn at random, or always the centre, in training and test; where a scan
taught the policy, a row shows the same weights on that scan, so that one sees what the policy adds to it. The CNN is the paper's
(8 filters of 10x10 at stride 5, 256 units), trained here on the same batches, its learning rate chosen among three on validation.

{paper_tables}

![Validation error by epoch](pictures/learning_curves.png)

How the rows were trained:

{settings}

## Speed

Whole training steps (forward, backward, optimiser) of the paper's layers, batch 128, float32, against a plain PyTorch RAM and against the
bare matrix products of the same step, which are the machine's limit. The contenders take turns, medians of three blocks, in one run.

{training_speed}

Inference against the image's size, ms a call:

{image_size}

![Time against image size](pictures/image_size.png)

## Commands

- `training_throughput.py`, `image_size.py`, `input_pipeline.py` time; on a machine that does nothing else.
- `tf-glimpse train RECIPE --seed S --workdir W --manual-dir ../shared/data` trains, with `--policy random` or `centre` a control.
- `record.py W` writes the rows of a finished run; `cnn.py RECIPE` trains the CNN and writes its row.
- `publish_preset.py W NAME` makes a preset (weights, recipe, model card) of a finished run.
- `tables.py` makes this page.
"""


def main():
    rows = read_rows("paper_tables")
    (HERE / "README.md").write_text(page(rows))
    README.write_text(with_short_table(README.read_text(), rows))
    draw_curves(rows, HERE / "pictures" / "learning_curves.png")


def page(rows):
    """The whole of `benchmarks/README.md`."""
    tables = "\n\n".join(task_table(task, rows) for task in TASKS)
    speed = {"training_speed": training_speed(read_rows("speed_training")), "image_size": image_size(read_rows("speed_image_size"))}
    return PAGE.format(paper_tables=tables, settings=settings(rows), **speed)


def with_short_table(text, rows):
    """The README's text with the short table between its marks."""
    lines = ["| task | retina, glimpses | paper | best public | tf_glimpse | ten rollouts averaged |", "|---|---|---|---|---|---|"]
    for task in TASKS:
        ours = [row for row in rows if row["task"] == task.name and row["policy"] == "own"]
        if ours:
            best = min({row["recipe"] for row in ours}, key=lambda recipe: mean(ours, recipe, 1))
            figures = f"**{spread(ours, best, 1)}** | {spread(ours, best, 10)}"
            lines.append(f"| {task.name} | {task.retina}, {task.num_glimpses} | {task.paper:.2f} | {task.best_public:.2f} | {figures} |")
    block = "\n".join([MARKS[0], *lines, MARKS[1]])
    return re.sub(f"{re.escape(MARKS[0])}.*?{re.escape(MARKS[1])}", lambda _: block, text, flags=re.DOTALL)


def task_table(task, rows):
    """One task: others' figures, ours, the controls, the CNN."""
    found = [row for row in rows if row["task"] == task.name]
    lines = [
        f"### {task.name}: {task.retina}, {task.num_glimpses} glimpses",
        "",
        "| who | places | error, one rollout | ten averaged | parameters | preset |",
        "|---|---|---|---|---|---|",
        f"| Mnih et al. 2014 | own | {task.paper:.2f} | | | |",
        f"| best public ({task.source}) | own | {task.best_public:.2f} | | | |",
        f"| Mnih et al. 2014, two-layer CNN | whole image | {task.paper_cnn:.2f} | | | |",
    ]
    for recipe, policy in sorted({(row["recipe"], row["policy"]) for row in found}, key=lambda pair: (pair[1] != "own", pair)):
        ours = [row for row in found if row["policy"] == policy]
        preset = next((row["preset"] for row in ours if row["recipe"] == recipe and row["preset"]), "")
        size = next(row["parameters"] for row in ours if row["recipe"] == recipe)
        single = spread(ours, recipe, 0 if policy == "whole image" else 1)
        lines.append(f"| `{recipe}` | {policy} | {single} | {spread(ours, recipe, 10)} | {size:,} | {preset} |")
    return "\n".join([*lines, "", f"Goal: {task.goal:.2f}. {verdict(task, found)}"])


def verdict(task, found):
    ours = [row for row in found if row["policy"] == "own"]
    if not ours:
        return "Not run yet."
    best = min(mean(ours, recipe, 1) for recipe in {row["recipe"] for row in ours})
    return "Met." if best <= task.goal else f"Missed by {best - task.goal:.2f}."


def errors(rows, recipe, rollouts):
    return [row["error_percent"] for row in rows if row["recipe"] == recipe and row["rollouts"] == rollouts]


def mean(rows, recipe, rollouts):
    return float(np.mean(errors(rows, recipe, rollouts)))


def spread(rows, recipe, rollouts):
    """ "1.23", or "1.23 +- 0.04 (3)" over several seeds; nothing where there is no such row."""
    found = errors(rows, recipe, rollouts)
    several = f" +- {np.std(found, ddof=1):.2f} ({len(found)})" if len(found) > 1 else ""
    return f"{np.mean(found):.2f}{several}" if found else ""


def settings(rows):
    """A line for each recipe and policy: what it was trained by."""
    lines = {}
    for row in rows:
        if row["rollouts"] > 1:
            continue
        names = [name for name in ("model", "loss", "teacher", "epochs", "batch_size", "learning_rate", "tuning") if row.get(name)]
        parts = [f"{name} {plain(row[name])}" for name in names]
        line = f"- `{row['recipe']}`, {row['policy']} ({row['task']}): {'; '.join(parts)}; augmented: {plain(row['augmentation']) or 'no'}."
        lines[row["task"], row["recipe"], row["policy"]] = line
    return "\n".join(lines.values())


def training_speed(rows):
    lines = ["| task | contender | images/s | tf_glimpse is | goal |", "|---|---|---|---|---|"]
    for row in sorted(rows, key=lambda row: (row["task"], -row["images_per_second"])):
        goal = f"{row['goal']:g}x: {'met' if row['met'] else 'missed'}" if row["goal"] else ""
        ratio = f"{row['ours_times_as_fast']:.2f}x as fast"
        lines.append(f"| {row['task']} | {row['contender']} | {row['images_per_second']:,} | {ratio} | {goal} |")
    return "\n".join(lines)


def image_size(rows):
    sizes = sorted({row["image_size"] for row in rows})
    lines = ["| what | batch | " + " | ".join(f"{size} px" for size in sizes) + " |", "|---|---|" + "---|" * len(sizes)]
    for what, batch in sorted({(row["what"], row["batch_size"]) for row in rows}):
        times = {row["image_size"]: f"{row['median_ms']:.2f}" for row in rows if (row["what"], row["batch_size"]) == (what, batch)}
        lines.append(f"| {what} | {batch} | " + " | ".join(times.get(size, "") for size in sizes) + " |")
    return "\n".join(lines)


def plain(value):
    """Settings as people write them."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {plain(content)}" for name, content in value.items())
    return f"({', '.join(plain(part) for part in value)})" if isinstance(value, list) else str(value)


def draw_curves(rows, path):
    """Validation error by epoch, one panel a task, one line a run."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.2), layout="constrained", dpi=110)
    for axes, task in zip(figure.subplots(1, len(TASKS)), TASKS, strict=True):
        runs = [row for row in rows if row["task"] == task.name and row["rollouts"] <= 1 and not row["policy"].startswith("its teacher")]
        for row in runs:
            axes.plot(range(1, len(row["validation_curve"]) + 1), row["validation_curve"], label=f"{row['recipe']}, {row['policy']}")
        axes.set(title=task.name, xlabel="epoch", ylabel="validation error, %", yscale="log")
        if axes.lines:
            axes.legend(fontsize=6)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    main()
