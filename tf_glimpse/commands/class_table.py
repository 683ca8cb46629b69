"""Which classes are taken for which, as text for a terminal."""

import numpy as np

MOST = 20  # classes whose whole matrix fits a terminal
FEW = 10  # lines of each list where it does not


def class_table(results):
    """Lines: a row a class with precision, recall and its row of the confusion matrix; of many classes the worst and the most confused.

    Args:
        results: a dict with "confusion" and "by_class", of `tf_glimpse.training.finished.evaluate_finished`.
    """
    rows, counts = results["by_class"], np.array(results["confusion"])
    return _whole(rows, counts) if len(rows) <= MOST else [*_worst(rows), *_confused(rows, counts)]


def _whole(rows, counts):
    number, cell = len(str(len(rows))), max(len(str(counts.max())), len(str(len(rows))) + 1) + 1
    width = number + 1 + max(len("class"), *(len(row["class"]) for row in rows))
    heads = "".join(f"#{column + 1}".rjust(cell) for column in range(len(rows)))
    yield f"{'class':{width}}  images  precision %  recall %   answered{heads}"
    for place, (row, line) in enumerate(zip(rows, counts, strict=True), start=1):
        yield f"{_numbers(f'{place:{number}} ' + row['class'], width, row)}           {''.join(str(count).rjust(cell) for count in line)}"


def _worst(rows):
    named = sorted((row for row in rows if row["images"]), key=lambda row: row["recall_percent"])[:FEW]
    width = max(len("class"), *(len(row["class"]) for row in named))
    yield f"the {len(named)} of {len(rows)} classes found least (--json has all):"
    yield f"{'class':{width}}  images  precision %  recall %"
    yield from (_numbers(row["class"], width, row) for row in named)


def _confused(rows, counts):
    off = counts * (1 - np.eye(len(counts), dtype=int))
    places = [divmod(int(place), len(counts)) for place in np.argsort(-off, axis=None, kind="stable")[:FEW]]
    yield "confused most:"
    yield from (f"{off[true, said]:6} of {rows[true]['class']} taken for {rows[said]['class']}" for true, said in places if off[true, said])


def _numbers(name, width, row):
    precision, recall = ("-" if row[f"{what}_percent"] is None else f"{row[f'{what}_percent']:.1f}" for what in ("precision", "recall"))
    return f"{name:{width}}  {row['images']:6}  {precision:>11}  {recall:>8}"
