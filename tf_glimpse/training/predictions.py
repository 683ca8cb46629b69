"""What a finished model says about files: one row of a table each, read and answered a batch at a time."""

import csv
import itertools
import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from tqdm import tqdm

from tf_glimpse.datasets import decode_image, places_of
from tf_glimpse.models.classify import file_shape
from tf_glimpse.policies import get_policy
from tf_glimpse.types import UserError


def predict_files(finished, files, stream, *, total=None, every_class=False, threshold=None, batch_size=64):
    """Writes a CSV table with a row a file: file, label, probability, places, and if asked for the probability of every class.

    Files are read as the model's training read its own: turned upright, resized until they just cover the model's image size, the centre
    cropped. No more than a batch of them is in memory.

    Args:
        finished: from `open_finished`.
        files: an iterable of paths.
        stream: a text file to write to. Places are written as JSON, `[[y, x], ...]` in [-1, 1].
        total: how many files there are, for the progress bar on stderr.
        every_class: whether to add a column for each class.
        threshold: of a model that stops early, as for `AdaptiveModel.predict_adaptive`; None for the one that a search found, if any.
        batch_size: files at once.

    Returns:
        `(answered, unreadable)`: how many files have a row, and for each that has none why, a list of str that name them.

    Raises:
        UserError: a threshold for a model that does not stop; not one file that could be read.
    """
    model, shape, answered, unreadable = finished.model, file_shape(finished.model), 0, []
    if threshold is not None and not model.stops:
        raise UserError(f"a threshold is for a model that stops early; this is a {type(model).__name__}, which takes all its looks.")
    names = model.class_names or [str(label) for label in range(model.num_classes)]
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(["file", "label", "probability", "places", *([f"probability of {name}" for name in names] if every_class else [])])
    with tqdm(total=total, unit=" images", disable=None) as progress, ThreadPoolExecutor(os.cpu_count()) as threads:
        for batch in _batches(files, batch_size):
            paths, pixels, reasons = _read_all(batch, shape, finished.recipe.get("white_level"), threads)
            if paths:
                table.writerows(_rows(paths, _answer(finished, np.stack(pixels), answered, threshold), every_class))
            answered, unreadable = answered + len(paths), unreadable + reasons
            progress.update(len(batch))
    if not answered:
        raise UserError(f"not one of {len(unreadable)} files could be read; the first: {unreadable[0] if unreadable else 'there is none'}")
    return answered, unreadable


def _batches(files, batch_size):
    files = iter(files)
    while batch := list(itertools.islice(files, batch_size)):
        yield batch


def _read_all(batch, shape, white_level, threads):
    """`(paths, pixels, reasons)`: the files that can be read, their pixels, and in words why the others cannot."""

    def read(path):
        try:
            return path, decode_image(path, shape[2], shape[:2], white_level), None
        except UserError as error:
            return path, None, str(error)

    found = list(threads.map(read, batch))
    readable = [(path, pixels) for path, pixels, reason in found if reason is None]
    return [path for path, _ in readable], [pixels for _, pixels in readable], [reason for *_, reason in found if reason is not None]


def _answer(finished, pixels, first, threshold):
    """The `Classified` of a batch whose first file has that number; a control looks where it was trained to."""
    model = finished.model
    threshold = finished.threshold if threshold is None else threshold
    if threshold is not None:
        return model.classify(pixels, threshold=threshold)
    policy = get_policy(finished.recipe["actions"], model)
    if policy is None:
        return model.classify(pixels)
    return model.classify({"images": pixels, "actions": places_of(policy, pixels, np.arange(first, first + len(pixels)), (0, 0))})


def _rows(paths, answer, every_class):
    for path, name, probabilities, places in zip(paths, answer.names, answer.probabilities, answer.places, strict=True):
        looked = [[round(float(row), 4), round(float(column), 4)] for row, column in places if not np.isnan(row)]
        others = [f"{probability:.6f}" for probability in probabilities] if every_class else []
        yield [path, name, f"{probabilities.max():.6f}", json.dumps(looked), *others]
