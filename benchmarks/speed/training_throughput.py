"""Training throughput of the paper's RAM: whole steps against a plain PyTorch RAM, and against the bare matrix products of the same step.

python -m benchmarks.speed.training_throughput [--threads 2] [--torch-python PATH] [--manual-dir ../shared/data]

The contenders take turns, each warm; a figure is the median of three blocks. "fastest" compares the fastest single steps, which a busy
machine disturbs least. Rows go into `results/speed_training.json`, beside those of other devices.
"""

import argparse
import os
import pathlib
import sys

from benchmarks.common.timing import Other, block_of, record, start_tensorflow, take_turns

DATA = {"28x28": "mnist", "60x60 cluttered": "cluttered_mnist/60", "100x100 cluttered": "cluttered_mnist/100"}
RETINAS = {"28x28": (8, 1, 6), "60x60 cluttered": (12, 3, 8), "100x100 cluttered": (12, 4, 8)}
# How many times as fast ours is to be as the fastest contender of each kind.
GOALS = {"28x28": {"loop": 12.0, "vectorised": 2.0, "products": 0.7}, "60x60 cluttered": {"loop": 8.0, "vectorised": 2.0}}
KINDS = {
    "loop": ("torch loop",),
    "vectorised": ("torch vectorised", "torch compiled"),
    "products": ("products, TensorFlow", "products, XLA", "torch products"),
}
BATCH_SIZE = 128
MAKE_TORCH = "python3.11 -m venv .venv-torch && .venv-torch/bin/pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"


def main():
    options = parsed_options()
    start_tensorflow(options.threads)
    for task in options.tasks:
        timings, versions = measure(task, options)
        rows = compared(task, timings)
        report(task, rows)
        sizes = {"batch_size": BATCH_SIZE}
        record("speed_training", [{**row, **sizes} for row in rows], ("task", "contender", "device"), options.threads, **versions)


def parsed_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--threads", type=int, default=2, help="of every contender (%(default)s)")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a block (%(default)s)")
    parser.add_argument("--manual-dir", default="../shared/data")
    parser.add_argument("--torch-python", default=os.environ.get("TF_GLIMPSE_TORCH_PYTHON", ".venv-torch/bin/python"))
    parser.add_argument("--without-compile", action="store_true", help="leave out torch.compile, which takes a minute a task")
    options = parser.parse_args()
    if not pathlib.Path(options.torch_python).is_file():
        sys.exit(f"no PyTorch at {options.torch_python}. Make it: {MAKE_TORCH}; or pass --torch-python PATH")
    return options


def measure(task, options):
    """`(timings by contender, versions)`."""
    other = Other([options.torch_python, *torch_arguments(task, options)])
    contenders = {f"torch {name}": other.block(name) for name in other.hello["contenders"]}
    timings = take_turns({**our_contenders(task, options), **contenders}, options.seconds)
    other.close()
    return timings, {"torch": other.hello["torch"]}


def torch_arguments(task, options):
    patch_size, num_scales, num_glimpses = RETINAS[task]
    sizes = {"image-size": int(task.split("x")[0]), "patch-size": patch_size, "num-scales": num_scales, "num-glimpses": num_glimpses}
    sizes |= {"batch-size": BATCH_SIZE, "threads": options.threads}
    numbers = [word for name, size in sizes.items() for word in (f"--{name}", str(size))]
    return ["-m", "benchmarks.speed.torch_ram", *numbers, *(["--without-compile"] if options.without_compile else [])]


def our_contenders(task, options):
    """Our step on a batch in memory and on the pipeline's, and the bare products by TensorFlow's own kernels and by XLA."""
    import tensorflow as tf

    from benchmarks.speed.bare_products import bare_products
    from tf_glimpse import datasets
    from tf_glimpse.training.run import compiled_model

    recipe = paper_recipe(task)
    data = datasets.load(recipe.data, manual_dir=options.manual_dir)
    model = compiled_model(recipe, data)
    augment = datasets.Augmentation(**recipe.augment) if recipe.augment else None
    batches = iter(datasets.train_batches(data, BATCH_SIZE, seed=0, augment=augment))
    model.make_train_function()  # as `fit` does: one call trains on the next batch of an iterator
    step, batch = tf.function(model.train_step, jit_compile=True), next(batches)
    calls = {
        "tf_glimpse": lambda: float(step(batch)["loss"]),
        "tf_glimpse, pipeline": lambda: float(model.train_function(batches)["loss"]),
        "products, TensorFlow": bare_products(model, BATCH_SIZE, jit_compile=False)[0],
        "products, XLA": bare_products(model, BATCH_SIZE, jit_compile=True)[0],
    }
    return {name: block_of(call) for name, call in calls.items()}


def paper_recipe(task):
    """The paper's own layers and one rollout, trained as the recipes train."""
    from tf_glimpse.training import Recipe

    patch_size, num_scales, num_glimpses = RETINAS[task]
    places = {"first_location": "random", "location": ["gaussian", {"stddev": 0.1}]}
    model = {"patch_size": patch_size, "num_scales": num_scales, "num_glimpses": num_glimpses, **places}
    augment = {} if "cluttered" in task else {"shift": 1}
    return Recipe("speed", "the paper's layers", DATA[task], model, {"rollouts": 1}, batch_size=BATCH_SIZE, augment=augment)


def compared(task, timings):
    """A row a contender: its speed, and how many times as fast ours is; a goal stands at the fastest contender of its kind."""
    ours, goals = timings["tf_glimpse"], {}
    for kind, goal in GOALS.get(task, {}).items():
        fastest = min((name for name in timings if name in KINDS[kind]), key=lambda name: timings[name].median)
        goals[fastest] = goal
    return [{"task": task, "contender": name, **figures(timing, ours, goals.get(name))} for name, timing in timings.items()]


def figures(timing, ours, goal):
    ratio = round(timing.median / ours.median, 3)
    return {
        "images_per_second": round(BATCH_SIZE / timing.median * 1e3),
        "median_ms": round(timing.median, 3),
        "fastest_ms": round(timing.fastest, 3),
        "ours_times_as_fast": ratio,
        "by_fastest_steps": round(timing.fastest / ours.fastest, 3),
        "goal": goal,
        "met": None if goal is None else ratio >= goal,
    }


def report(task, rows):
    patch_size, num_scales, num_glimpses = RETINAS[task]
    print(f"\n{task}: {patch_size}x{patch_size}x{num_scales}, {num_glimpses} glimpses, batch {BATCH_SIZE}, float32")
    print(f"{'':22}{'images/s':>10}{'ms/step':>10}{'fastest':>10}{'ours is':>10}{'(fastest)':>10}  goal")
    for row in rows:
        goal = "" if row["goal"] is None else f"{row['goal']:g}x: {'met' if row['met'] else 'MISSED'}"
        times = f"{row['median_ms']:10.2f}{row['fastest_ms']:10.2f}{row['ours_times_as_fast']:9.2f}x{row['by_fastest_steps']:9.2f}x"
        print(f"{row['contender']:22}{row['images_per_second']:10,}{times}  {goal}")


if __name__ == "__main__":
    main()
