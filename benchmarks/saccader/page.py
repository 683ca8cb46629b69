"""Makes `benchmarks/saccader.md` and its picture from `results/saccader_*.json`; nothing in them is typed by hand.

python -m benchmarks.saccader.page
"""

import argparse

from benchmarks.common.folders import BENCHMARKS, PICTURES
from benchmarks.common.rows import read_rows
from benchmarks.common.steps import choices
from benchmarks.common.templates import fill
from benchmarks.saccader import curves
from benchmarks.saccader.goals import GOAL_LOOKS, ablations, verdicts
from benchmarks.saccader.other_tables import occlusion, patches
from benchmarks.saccader.seeds import WHOLE, fewer, lines_of, one_a_seed, percents, referenced, values

LOOKS = range(1, 13)


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    write()


def write():
    """Writes the page and draws each recipe's picture."""
    (BENCHMARKS / "saccader.md").write_text(page())
    for recipe, rows in rows_by_recipe().items():
        curves.draw(rows, PICTURES / f"{recipe}.png")


def rows_by_recipe():
    """All rows of each recipe, by its name."""
    rows = read_rows("saccader_photos")
    return {recipe: [row for row in rows if row["recipe"] == recipe] for recipe in sorted({row["recipe"] for row in rows})}


def page():
    """The whole of `benchmarks/saccader.md`."""
    sections = [section(recipe, rows) for recipe, rows in rows_by_recipe().items()]
    parts = {"occlusion": occlusion(), "patches": patches(), "steps": choices(read_rows("speed_saccader"))}
    parts["stopped"] = without_stop(read_rows("saccader_photos"))
    return fill("saccader/page.md.template", sections="\n\n".join(sections), **parts)


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
        f"Ceiling {percents([row['ceiling'] for row in one_a_seed(rows)])} with {rows[0]['bagnet_mflop']:g} MFLOP; {_reference(rows)}. "
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
        yield [name, policy, *(percents(numbers, counted=False) for numbers in found)]


def _reference(rows):
    """What the ResNet reaches, and at how many operations."""
    found = referenced(rows)
    if not found:
        return "the ResNet is not trained yet"
    mflop, ours = found[0]["resnet_mflop"], found[0]["bagnet_mflop"]
    seeds = "" if len(found) == len(one_a_seed(rows)) else f" (seed {', '.join(str(row['seed']) for row in found)} alone)"
    return f"ResNet {percents([row['resnet'] for row in found])}{seeds} with {mflop:g} MFLOP ({mflop / ours:.2f} times as many)"


def _looks(recipe):
    """The picture of where the recipe's preset looks, if there is one."""
    if (PICTURES / f"{recipe}_looks.png").exists():
        title = "Scanpath, what was seen, and the policy before each look: the first test photo of each class"
        yield f"\n![{title}](pictures/{recipe}_looks.png)"


if __name__ == "__main__":
    main()
