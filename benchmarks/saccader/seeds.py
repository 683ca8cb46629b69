"""What is picked from the rows of a recipe: a line's numbers, one a seed."""

from benchmarks.common.spread import spread

WHOLE = "whole"  # all three stages, as the recipe has them


def lines_of(rows):
    """`(variant, stage, policy)` of each line: the whole training first, in it stage by stage, what was learned before the rest."""
    lines = {(row["variant"], row["stage"], row["policy"]) for row in rows}
    return sorted(lines, key=lambda line: (line[0] != WHOLE, line[0], line[1], line[2] != "learned", line[2]))


def one_a_seed(rows):
    """A row of each seed's whole training, by rising seed, for what is the same in all of its rows."""
    return [row for _, row in sorted({row["seed"]: row for row in rows if row["variant"] == WHOLE}.items())]


def referenced(rows):
    """A row of each seed whose ResNet is trained."""
    return [row for row in one_a_seed(rows) if row["resnet"] is not None]


def values(rows, stage, policy, looks, field, variant=WHOLE):
    """A field of the rows of one stage, policy and number of looks, a number a seed."""
    wanted = (variant, stage, policy, looks)
    return [row[field] for row in rows if (row["variant"], row["stage"], row["policy"], row["num_glimpses"]) == wanted]


def fewer(numbers, rows):
    """Says so where not every seed has a number: such a line is not to be held against means over all."""
    return f" ({len(numbers)} of the seeds)" if len(numbers) < len(one_a_seed(rows)) else ""


def percents(fractions, counted=True):
    """Fractions as "71.2", or "71.2 +- 0.4 (3)" over several seeds, with their number or without."""
    return spread([100 * fraction for fraction in fractions], 1, counted)
