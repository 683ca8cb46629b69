"""Makes all pages of `benchmarks/`, the README's tables and the pictures from `results/*.json`; no figure of ours is typed by hand.

python -m benchmarks.tables
"""

import argparse

from benchmarks.accuracy import defaults_table, learning_curves, other_tables, paper_tables, readme_tables
from benchmarks.accuracy.tasks import TASKS
from benchmarks.common.folders import BENCHMARKS, PICTURES
from benchmarks.common.rows import read_rows
from benchmarks.common.steps import choices
from benchmarks.common.templates import fill
from benchmarks.explanations import tables as explanation_tables
from benchmarks.near_optimal import page as near_optimal_page
from benchmarks.near_optimal.sentences import verdicts
from benchmarks.operations import tables as operations_tables
from benchmarks.saccader import goals
from benchmarks.saccader import page as saccader_page
from benchmarks.speed import tables as speed_tables
from tf_glimpse.weights import PRESETS

README = BENCHMARKS.parent / "README.md"


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    (BENCHMARKS / "README.md").write_text(page())
    README.write_text(with_tables(README.read_text()))
    learning_curves.draw(read_rows("paper_tables"), PICTURES / "learning_curves.png")
    explanation_tables.draw_gain(read_rows("information_gain"), PICTURES / "information_gain.png")
    near_optimal_page.write()
    saccader_page.write()


def with_tables(readme):
    """The text of the repository's README with its tables and its sentence about defaults as the rows and the presets give them."""
    readme = readme_tables.with_presets(readme_tables.with_short_table(readme, read_rows("paper_tables")), PRESETS)
    return readme_tables.with_defaults(readme, defaults_table.sentence(read_rows("defaults")))


def page():
    """The whole of `benchmarks/README.md`."""
    explained = [read_rows(name) for name in ("information_gain", "explanations", "joint_reconstruction")]
    parts = {**accuracy(), **operations(), **speed(), **explanation_tables.sections(*explained)}
    parts["near_optimal"] = "\n".join(verdicts(read_rows("near_optimal_glimpses")))
    parts["saccader"] = "\n\n".join(
        "\n".join([f"`{recipe}`:\n", *goals.verdicts(rows)]) for recipe, rows in saccader_page.rows_by_recipe().items()
    )
    return fill("README.md.template", **parts)


def accuracy():
    """The paper's tables and those beside them."""
    rows = read_rows("paper_tables")
    return {
        "paper_tables": "\n\n".join(paper_tables.task_table(task, rows) for task in TASKS),
        "not_run": paper_tables.not_run(rows),
        "hindsight": paper_tables.hindsight(rows, read_rows("without_hindsight")),
        "other_data": other_tables.other_data(rows),
        "digit_sizes": other_tables.digit_sizes(read_rows("digit_sizes")),
        "fine_tuning": other_tables.fine_tuning(read_rows("fine_tuning")),
        "defaults": defaults_table.table(read_rows("defaults")),
        "defaults_step": defaults_table.step(read_rows("defaults_step")),
        "optimiser": other_tables.optimiser(),
        "settings": other_tables.settings(rows),
    }


def operations():
    """Accuracy against operations."""
    searched = read_rows("accuracy_flops")
    return {
        "searches": operations_tables.searches(searched),
        "accuracy_flops": operations_tables.accuracy_flops(searched),
        "short_trials": operations_tables.short_trials(read_rows("short_trials")),
        "large_image": operations_tables.large_image(read_rows("large_image")),
    }


def speed():
    """All that was timed."""
    return {
        "training_speed": speed_tables.training_speed(read_rows("speed_training")),
        "profile": speed_tables.profile(read_rows("speed_profile")),
        "choices": choices(read_rows("speed_choices")),
        "onednn": choices(read_rows("speed_onednn")),
        "image_size": speed_tables.image_size(read_rows("speed_image_size")),
        "adaptive": speed_tables.adaptive(read_rows("adaptive_throughput")),
        "pipeline": speed_tables.pipeline(read_rows("speed_pipeline")),
        "start": speed_tables.start(read_rows("startup")),
    }


if __name__ == "__main__":
    main()
