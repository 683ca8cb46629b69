"""The tables of the README of the repository: the paper's tasks in short, and the presets."""

import json
import re

from benchmarks.accuracy.paper_tables import augmented, best_recipe, spread, unguided
from benchmarks.accuracy.tasks import TASKS

MARKS = ("<!-- results: made by benchmarks/tables.py -->", "<!-- end of results -->")
DEFAULTS_MARKS = ("<!-- defaults: made by benchmarks/tables.py -->", "<!-- end of defaults -->")
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


def with_defaults(text, sentence):
    """The README's text with the sentence about what all defaults reach between its marks."""
    return _between(DEFAULTS_MARKS, [sentence], text)


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
