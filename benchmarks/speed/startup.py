"""How long commands take to start: to their answer, or, of those that then work for long, until all that they need is loaded.

python -m benchmarks.speed.startup [--rounds 5]

The commands take turns; the first round only warms the disk's cache. Medians, and the processor seconds of all cores, which other jobs on
the machine disturb less, go into `results/startup.json`.
"""

import argparse
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.common.timing import record

PROGRAM = str(pathlib.Path(sys.executable).with_name("tf-glimpse"))
FIRST_ANSWER = "import tf_glimpse, numpy; tf_glimpse.RAM.from_preset('ram_digits').predict(numpy.zeros([1, 60, 60, 1], 'uint8'), verbose=0)"
LIBRARIES = "import tensorflow, keras, tensorflow_probability"
# What TensorFlow and Keras import because they find it, there only for tf-models-official; and what they would find anyway.
DRAGGED = ("pandas", "cv2", "googleapiclient", "oauth2client")
FOUND = (*DRAGGED, "sklearn", "matplotlib", "IPython")
HIDE = f"import sys; sys.modules.update(dict.fromkeys({{}})); {LIBRARIES}"
PYTHON = {
    "import tf_glimpse": "import tf_glimpse",
    LIBRARIES: LIBRARIES,
    f"{LIBRARIES}, as if pandas, OpenCV and Google's API client were not there": HIDE.format(DRAGGED),
    f"{LIBRARIES}, as if scikit-learn, matplotlib and IPython were not there either": HIDE.format(FOUND),
    "preset and first prediction": FIRST_ANSWER,
    "tf-glimpse train, loaded": "from tf_glimpse.training import train_and_evaluate",
    "tf-glimpse sequences, loaded": "from tf_glimpse.training.sequences import sequences_for",
    "tf-glimpse search, loaded": "from tf_glimpse.search import search_architectures",
    "tf-glimpse demo, loaded": "from tf_glimpse.demo import run_demo",
}
MISTAKE = "nowhere"
COMMANDS = (
    "--help",
    "recipes",
    "presets",
    f"evaluate {MISTAKE}",  # refused
    "predict --preset ram_digits digit.png",
    "draw --preset ram_digits digit.png --out look",
    "explain --preset ram_digits digit.png --out report.html",
    "evaluate --preset ram_digits",
    "export --preset ram_digits --out served --no-warm-up",
    "serve served --port 0",
)
READY = "Ready"  # what a server prints when it can be asked


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="times each is started (%(default)s)")
    options = parser.parse_args()
    starts = {what: [sys.executable, "-c", words] for what, words in PYTHON.items()}
    starts |= {f"tf-glimpse {words}": [PROGRAM, *words.split()] for words in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        make_digit(pathlib.Path(folder) / "digit.png")
        rounds = [{what: timed(command, folder) for what, command in starts.items()} for _ in range(options.rounds + 1)][1:]
    rows = [row(what, [each[what] for each in rounds]) for what in starts]
    for each in rows:
        print(f"{each['what']:110}{each['seconds']:8.2f} s{each['processor_seconds']:8.2f} s of processor")
    record("startup", rows, ("what",), os.cpu_count())


def make_digit(path):
    from PIL import Image

    Image.new("L", (60, 60)).save(path)


def timed(command, folder):
    """(seconds, processor seconds) from a command's start to its end; of a server, until it is ready."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        served = any(line.startswith(READY) for line in process.stdout)
        seconds = time.perf_counter() - start
        if served:
            process.terminate()
    expected = 2 if MISTAKE in command else 0
    if process.returncode != expected and not served:
        sys.exit(f"this ended with exit code {process.returncode}, expected {expected}: {' '.join(command)}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def row(what, times):
    seconds, processor_seconds = (round(statistics.median(column), 3) for column in zip(*times, strict=True))
    return {"what": what, "seconds": seconds, "processor_seconds": processor_seconds, "rounds": len(times)}


if __name__ == "__main__":
    main()
