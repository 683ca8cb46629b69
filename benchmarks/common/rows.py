"""Rows of `results/*.json`: one object a result, with all that is wanted to make it again."""

import json
import pathlib
import tempfile

import benchmarks.common.mistakes  # noqa: F401  tells them in one line
from benchmarks.common.folders import RESULTS
from tf_glimpse.files import locked, write_json


def read_rows(name):
    """The rows of `results/NAME.json`; none if there is no such file."""
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text())["rows"] if file.exists() else []


def add_rows(name, rows, key):
    """Writes rows into `results/NAME.json`, in place of those that agree with one in all fields of `key`."""
    new = {tuple(row[field] for field in key) for row in rows}
    with locked(pathlib.Path(tempfile.gettempdir()) / f"rows-{name}.lock"):
        kept = [row for row in read_rows(name) if tuple(row[field] for field in key) not in new]
        write_json(RESULTS / f"{name}.json", {"rows": sorted(kept + rows, key=lambda row: [str(row[field]) for field in key])})
