"""Where the time of a training step goes, by kind of operation, as `tf.profiler` sees it.

python -m benchmarks.speed.profile_step [--tasks 28x28 ...] [--threads 2] [--steps 20]

The steps are those of `training_throughput.py`. XLA runs fused operations; one that holds a matrix product counts as product, else one that
holds a gather as retina, and so on. Rows go into `results/speed_profile.json`.
"""

import argparse
import collections
import pathlib
import re
import tempfile

from benchmarks.common.timing import record, start_tensorflow
from benchmarks.speed.training_throughput import BATCH_SIZE, DATA, paper_recipe

# The first that fits names an operation, by what it holds.
KINDS = (
    ("matrix products", {"dot", "custom-call"}),
    ("draws", {"xor"}),
    ("retina: gather", {"gather"}),
    ("retina: pooling, padding", {"pad", "reduce-window"}),
    ("optimiser", {"sqrt", "rsqrt"}),
)
REST = "other elementwise"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--manual-dir", default="../shared/data")
    options = parser.parse_args()
    start_tensorflow(options.threads)
    for task in options.tasks:
        rows = profiled(task, options)
        print(f"\n{task}, batch {BATCH_SIZE}")
        for row in rows:
            print(f"{row['kind']:28}{row['milliseconds']:8.2f} ms{row['percent']:6.1f} %{row['operations']:7.0f} operations")
        record("speed_profile", rows, ("task", "kind"), options.threads)


def profiled(task, options):
    """Rows: milliseconds, share and number of operations of one step, by kind."""
    step, batch = step_and_batch(task, options.manual_dir)
    kinds = kinds_of_operations(step.experimental_get_compiler_ir(batch)(stage="optimized_hlo"))
    times, counts = collections.Counter(), collections.Counter()
    for name, milliseconds in events(step, batch, options.steps):
        if name in kinds:
            times[kinds[name]] += milliseconds / options.steps
            counts[kinds[name]] += 1 / options.steps
    total = sum(times.values())
    return [
        {"task": task, "kind": kind, "milliseconds": round(time, 3), "percent": round(100 * time / total, 1), "operations": counts[kind]}
        for kind, time in times.most_common()
    ]


def step_and_batch(task, manual_dir):
    import tensorflow as tf

    from tf_glimpse import datasets
    from tf_glimpse.training.run import compiled_model

    recipe = paper_recipe(task)
    data = datasets.load(recipe.data, manual_dir=manual_dir)
    model = compiled_model(recipe, data)
    return tf.function(model.train_step, jit_compile=True), next(iter(datasets.train_batches(data, BATCH_SIZE, seed=0)))


def kinds_of_operations(hlo):
    """A dict of every operation's name to its kind, from the compiled program's text."""
    inside, calls, computation = collections.defaultdict(set), {}, None
    for line in hlo.splitlines():
        if found := re.match(r"^(?:ENTRY )?%?([\w.\-]+) .*\{$", line):
            computation = found[1]
        elif found := re.match(r"^\s+(?:ROOT )?%?([\w.\-]+) = (?:\([^=]*\)|\S+) ([\w\-]+)\(", line):
            inner = re.search(r"(?:calls|to_apply)=%?([\w.\-]+)", line)
            calls[found[1]] = (found[2], inner[1] if inner else None)
            inside[computation].add(found[1])

    def held(name):
        operation, inner = calls[name]
        return {operation}.union(*(held(part) for part in inside.get(inner, ())))

    return {name: next((kind for kind, marks in KINDS if held(name) & marks), REST) for name in calls}


def events(step, batch, steps):
    """`(operation, milliseconds)` of every operation that ran in so many warm steps."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    for _ in range(10):
        float(step(batch)["loss"])
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder, tf.profiler.experimental.ProfilerOptions(host_tracer_level=3)):
            for _ in range(steps):
                float(step(batch)["loss"])
        (file,) = pathlib.Path(folder).glob("plugins/profile/*/*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                yield plane.event_metadata[event.metadata_id].name.removesuffix(".clone"), event.duration_ps / 1e9


if __name__ == "__main__":
    main()
