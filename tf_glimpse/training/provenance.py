"""What made a result: command, code, day, device and versions. Importing this loads no TensorFlow."""

import datetime
import pathlib
import platform

from tf_glimpse.training.code_version import code_version
from tf_glimpse.training.workdirs import trained_by

VECTORS = {"AVX-512": "avx512f", "AVX2": "avx2"}  # which make the same processor's name up to twice as fast


def provenance(command, run=None):
    """Command, commit, day, device and versions of a result made now, a dict; the commit of a run's folder is the one that trained it.

    Example:
        >>> sorted(provenance("tf-glimpse evaluate W"))
        ['command', 'commit', 'date', 'device', 'versions']
    """
    about = {"command": command, "commit": (run and trained_by(run)) or code_version(), "date": datetime.date.today().isoformat()}
    return {**about, "device": device(), "versions": versions()}


def device():
    """The accelerator's name, or the processor's with its number of cores and its vector instructions."""
    import tensorflow as tf

    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in tf.config.list_physical_devices("GPU")]
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    cores = [line.split(":")[1].strip() for line in lines if line.startswith("model name")] or [platform.machine()]
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    vectors = next((f", {name}" for name, flag in VECTORS.items() if flag in flags), "")
    return ", ".join(names) or f"{cores[0]}, {len(cores)} cores{vectors}"


def versions():
    """Of Python, TensorFlow and Keras."""
    import keras
    import tensorflow as tf

    return {"python": platform.python_version(), "tensorflow": tf.__version__, "keras": keras.__version__}
