"""Accuracy against operations: the points of all trials, and those that no other beats."""

import csv
import dataclasses

from tf_glimpse.explain.panels import figure_class
from tf_glimpse.files import write_json


@dataclasses.dataclass(frozen=True)
class Point:
    """What one trained model does with a split, at one threshold.

    Attributes:
        trial: keras-tuner's number of it.
        mflops: million floating point operations an image, on average.
        accuracy: share of the split answered rightly.
        threshold: of the stopping head; None for a model that has none.
        mean_glimpses: looks an image; None for a model that does not look.
    """

    trial: str
    mflops: float
    accuracy: float
    threshold: float | None = None
    mean_glimpses: float | None = None


def frontier(points):
    """The points that no cheaper or equally cheap one matches in accuracy, by rising cost.

    Example:
        >>> points = [Point("0", 0.2, 0.8), Point("1", 0.3, 0.7), Point("2", 0.4, 0.9)]
        >>> [point.trial for point in frontier(points)]
        ['0', '2']
    """
    best, kept = -1.0, []
    for point in sorted(points, key=lambda point: (point.mflops, -point.accuracy)):
        if point.accuracy > best:
            best = point.accuracy
            kept.append(point)
    return kept


def best_under(points, mflops):
    """The most accurate point that costs at most so much, the cheapest of equals; None if there is none."""
    affordable = [point for point in points if point.mflops <= mflops]
    return max(affordable, key=lambda point: (point.accuracy, -point.mflops), default=None)


def write_csv(file, points):
    """One line a point, with a heading."""
    names = [field.name for field in dataclasses.fields(Point)]
    with open(file, "w", newline="") as opened:
        writer = csv.DictWriter(opened, fieldnames=names)
        writer.writeheader()
        writer.writerows(dataclasses.asdict(point) for point in points)


def save_points(file, points):
    """A trial's points as JSON."""
    write_json(file, {"points": [dataclasses.asdict(point) for point in points]})


def draw_frontiers(points_by_name, budget=None):
    """A figure of accuracy against operations: each name's points, and its frontier as a staircase.

    Args:
        points_by_name: dict of name -> list of `Point`.
        budget: in MFLOP, drawn as a line; None for none.

    Returns:
        a matplotlib figure.
    """
    figure = figure_class()(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for index, (name, points) in enumerate(points_by_name.items()):
        colour, kept = f"C{index}", frontier(points)
        axes.plot([point.mflops for point in points], [100 * point.accuracy for point in points], ".", color=colour, alpha=0.2)
        axes.step([point.mflops for point in kept], [100 * point.accuracy for point in kept], where="post", color=colour, label=name)
    if budget is not None:
        axes.axvline(budget, color="0.6", linestyle="--", linewidth=1)
    axes.set(xlabel="MFLOP an image (a multiply-add counts two)", ylabel="accuracy in %", xlim=(0, None))
    axes.legend(loc="lower right")
    return figure
