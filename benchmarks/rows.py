"""Rows of `results/*.json`: one object a result, with all that is wanted to make it again."""

import datetime
import json
import pathlib
import platform
import sys
import tempfile

from tf_glimpse.files import locked
from tf_glimpse.training.code_version import code_version
from tf_glimpse.training.workdirs import trained_by, write_json
from tf_glimpse.types import UserError

VECTORS = {"AVX-512": "avx512f", "AVX2": "avx2"}  # which make the same processor's name up to twice as fast
RESULTS = pathlib.Path(__file__).parent / "results"


def tell(kind, error, traceback):
    """Shows what ended a script: a user's mistake in one line, all else with its traceback."""
    if issubclass(kind, UserError):
        print(f"error: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = tell


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


def provenance(command, run=None):
    """Command, commit, day, device and versions of a result made now; a run's commit is the one that trained it."""
    about = {"command": command, "commit": (run and trained_by(run)) or code_version(), "date": datetime.date.today().isoformat()}
    return {**about, "device": device(), "versions": versions()}


def device():
    """The accelerator's name, or the processor's."""
    import tensorflow as tf

    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in tf.config.list_physical_devices("GPU")]
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    cores = [line.split(":")[1].strip() for line in lines if line.startswith("model name")] or [platform.machine()]
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    vectors = next((f", {name}" for name, flag in VECTORS.items() if flag in flags), "")
    return ", ".join(names) or f"{cores[0]}, {len(cores)} cores{vectors}"


def versions():
    import keras
    import tensorflow as tf

    return {"python": platform.python_version(), "tensorflow": tf.__version__, "keras": keras.__version__}
