"""What all defaults reach: the table of the page, and the README's sentence."""

from benchmarks.accuracy.defaults import CONTENDERS, SETTINGS
from benchmarks.common.spread import spread

TITLES = {
    "mnist_10k": "10,000 MNIST images, 5 epochs",
    "mnist_60k": "60,000 MNIST images, 5 epochs",
    "digits_canvas": "digits on a canvas of 60 px, 100 epochs",
    "flowers_64": "2,934 photos of flowers at 64 px, 16 epochs",
}


def table(rows):
    """A line a data set, a column a contender: test accuracy in percent."""
    if not rows:
        return "Not run yet."
    lines = [f"| data | {' | '.join(CONTENDERS)} |", "|---" * (len(CONTENDERS) + 1) + "|"]
    for name in SETTINGS:
        ours = [row for row in rows if row["data"] == name]
        if ours:
            lines.append(f"| {TITLES[name]} | {' | '.join(accuracy(ours, contender) for contender in CONTENDERS)} |")
    return "\n".join(lines)


def accuracy(rows, contender):
    """Percent right on the test images, over the seeds that were run."""
    return spread([row["accuracy"] for row in rows if row["contender"] == contender], 2)


def step(rows):
    """How long a training step by the defaults takes beside one of the paper's layers with REINFORCE."""
    found = {row["contender"]: row for row in rows}
    if not found:
        return "The step was not timed yet."
    now, first = found["defaults"], found["first_defaults"]
    beside = f"{now['ratio']:.2f} times that of the paper's layers with REINFORCE ({first['ms']:.1f} ms; goal 1.30 times)"
    return f"A step of 32 MNIST images takes {now['ms']:.1f} ms, {beside}."


def sentence(rows):
    """What to expect of `RAM(classes)`, `compile()` and `fit`, for the README."""
    found = {name: accuracy([row for row in rows if row["data"] == name], "own") for name in SETTINGS}
    told = [f"{figure} % from {TITLES[name]}" for name, figure in found.items() if figure]
    if not told:
        return "What the defaults reach is not measured yet."
    return f"All defaults reach (flowers: on validation photos; one seed where no spread stands): {'; '.join(told)}."
