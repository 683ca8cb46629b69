"""Speed tables, as text made from `results/speed_*.json`."""

import math

from benchmarks.common.steps import machine

RETINA_GOAL = 0.5  # ms more at 4096 px than at 128


def training_speed(rows):
    """A table a device, for the ranking depends on it."""
    devices = sorted({row["device"] for row in rows}, key=lambda device: max(row["date"] for row in rows if row["device"] == device))
    return "\n\n".join(_training_speed([row for row in rows if row["device"] == device]) for device in devices[::-1])


def _training_speed(rows):
    lines = ["| task | contender | images/s | tf_glimpse is | goal |", "|---|---|---|---|---|"]
    for row in sorted(rows, key=lambda row: (row["task"], -row["images_per_second"])):
        goal = f"{row['goal']:g}x: {'met' if row['met'] else 'missed'}" if row["goal"] else ""
        ratio = f"{row['ours_times_as_fast']:.2f}x as fast"
        lines.append(f"| {row['task']} | {row['contender']} | {row['images_per_second']:,} | {ratio} | {goal} |")
    return "\n".join([*lines, "", machine(rows), *_limits(rows)])


def _limits(rows):
    """How far the machine would let a missed goal be met: by a step of nothing but its matrix products."""
    for row in rows:
        products = [other["images_per_second"] for other in rows if other["task"] == row["task"] and "products" in other["contender"]]
        if row["goal"] and not row["met"] and "products" not in row["contender"]:
            most = f"{max(products) / row['images_per_second']:.2f} times as fast as {row['contender']}"
            yield f"{row['task']}: a step of nothing but its matrix products would be {most} (goal {row['goal']:g})."


def image_size(rows):
    sizes, contenders = sorted({row["image_size"] for row in rows}), sorted({(row["what"], row["batch_size"]) for row in rows})
    lines = ["| what | batch | " + " | ".join(f"{size} px" for size in sizes) + " |", "|---|---|" + "---|" * len(sizes)]
    for what, batch in contenders:
        times = {row["image_size"]: f"{row['median_ms']:.2f}" for row in rows if (row["what"], row["batch_size"]) == (what, batch)}
        lines.append(f"| {what} | {batch} | " + " | ".join(times.get(size, "") for size in sizes) + " |")
    empty = "Empty: the weights and floats would take more memory than `image_size.py` allows."
    left_out = [empty] if len(rows) < len(sizes) * len(contenders) else []
    return "\n".join([*lines, "", machine(rows), _retina_goal(rows), *left_out, *_smaller_is_quicker(rows)]) if rows else "Not run yet."


def _smaller_is_quicker(rows):
    """Up to which size the CNN takes less time than RAM, by batch."""
    for batch in sorted({row["batch_size"] for row in rows if "CNN" in row["what"]}):
        ram, cnn = (
            {row["image_size"]: row["median_ms"] for row in rows if row["what"].startswith(who) and row["batch_size"] == batch}
            for who in ("RAM", "two-layer CNN")
        )
        quicker = [size for size in cnn if cnn[size] < ram[size]]
        if quicker:
            yield f"At batch {batch} the two-layer CNN is quicker than RAM up to {max(quicker)} px."


def _retina_goal(rows):
    """What the largest image costs the retina more than the smallest, in ms."""
    times = {row["image_size"]: row["median_ms"] for row in rows if row["what"].startswith("retina")}
    more, sizes = times[max(times)] - times[min(times)], f"{max(times)} px costs the retina"
    goal = f"goal, at most {RETINA_GOAL:g}: {'met' if more <= RETINA_GOAL else 'missed'}"
    over_all = f"{times[max(times)] - min(times.values()):.2f} ms more than the quickest size"
    return f"{sizes} {more:.2f} ms more than {min(times)} px ({goal}), {over_all}."


def profile(rows):
    kinds = list(dict.fromkeys(row["kind"] for row in sorted(rows, key=lambda row: -row["percent"])))
    lines = ["| task | ms a step | " + " | ".join(kinds) + " |", "|---|---|" + "---|" * len(kinds)]
    for task in sorted({row["task"] for row in rows}):
        found = {row["kind"]: row for row in rows if row["task"] == task}
        shares = " | ".join(f"{found[kind]['percent']:.0f} %" if kind in found else "" for kind in kinds)
        lines.append(f"| {task} | {sum(row['milliseconds'] for row in found.values()):.1f} | {shares} |")
    return "\n".join([*lines, "", machine(rows)]) if rows else "Not run yet."


def pipeline(rows):
    lines = ["| recipe | pipeline alone | step alone | step fed | fed step takes | peak memory |", "|---|---|---|---|---|---|"]
    for row in rows:
        speeds = " | ".join(f"{row[f'{what}_images_per_second']:,}" for what in ("pipeline", "step", "both"))
        lines.append(f"| `{row['recipe']}` | {speeds} | {100 * row['both_by_step']:.0f} % | {row['peak_megabytes']:,} MB |")
    if not rows:
        return "Not run yet."
    times = sorted(row["pipeline_images_per_second"] / row["step_images_per_second"] for row in rows)
    worst = max(rows, key=lambda row: row["both_by_step"])
    shared = f"with both on the same cores a fed step takes up to {100 * worst['both_by_step']:.0f} % of one on a batch in memory"
    told = f"Alone it is {times[0]:.0f} to {times[-1]:.0f} times as fast as the step; {shared} (`{worst['recipe']}`)."
    return "\n".join([*lines, "", machine(rows), told])


def start(rows):
    lines = ["| what | seconds | processor seconds |", "|---|---|---|"]
    for row in sorted(rows, key=lambda row: row["seconds"]):
        lines.append(f"| {row['what']} | {row['seconds']:.2f} | {row['processor_seconds']:.2f} |")
    lazy = "`import tf_glimpse` loads TensorFlow only when something of it is first used."
    return "\n".join([*lines, "", machine(rows), lazy]) if rows else "Not run yet."


def adaptive(rows):
    """Adaptive stopping against the fewest looks, always as many, that answer as well."""
    lines = ["| preset | who | looks | accuracy | MFLOP | images/s |", "|---|---|---|---|---|---|"]
    for row in rows:
        speeds, fixed = row["images_per_second"], row["fixed_glimpses"]
        right = row["fixed_accuracy_percent"][fixed - 1]
        ours = f"{row['mean_glimpses']:.2f} | {row['accuracy_percent']:.2f} | {row['mflops']:.2f} | {speeds['adaptive']:,}"
        lines.append(f"| {row['preset']} | adaptive | {ours} |")
        for who in ("fixed", "fixed, XLA"):
            lines.append(f"| {row['preset']} | {who} | {fixed} | {right:.2f} | {row['fixed_mflops']:.2f} | {speeds[who]:,} |")
    return "\n".join([*lines, *(line for row in rows for line in (_gain(row), *_stopping(row)))]) if rows else "Not run yet."


def _gain(row):
    """What stopping early brings, and the goals."""
    flops, speed, compiled = row["flops_ratio"], row["throughput_ratio"], row["throughput_ratio_to_xla"]
    told = [
        f"{ratio:.2f} times {what} (goal {row['goals'][name]:g}: {'met' if ratio >= row['goals'][name] else 'missed'})"
        for ratio, what, name in ((flops, "fewer operations", "flops_ratio"), (speed, "the throughput", "throughput_ratio"))
    ]
    return (
        f"\n`{row['preset']}`: {', '.join(told)}; {compiled:.2f} times the throughput of as many looks under XLA, which cannot drop rows."
        f" {_nearly(row)}"
    )


def _nearly(row):
    """How much hinges on the number of fixed looks: by how few images one look fewer is not as good, and what it would cost."""
    fewer, images = row["fixed_glimpses"] - 1, sum(row["stops"])
    if not fewer:
        return ""
    right = row["fixed_accuracy_percent"][fewer - 1]
    short = math.ceil(round((row["accuracy_percent"] - 0.1 - right) / 100 * images, 6))
    ratio = row["flops_ratio"] * fewer / row["fixed_glimpses"]
    told = f"Always {fewer} looks answer {right:.2f} %, {short} images of {images:,} too few to count as the same"
    return f"{told}; their ratio would be {ratio:.2f}."


def _stopping(row):
    """What the head foretold on validation, and after which looks test images stopped."""
    yield f"\n`{row['preset']}`, test images that stopped after each look: {', '.join(f'{count:,}' for count in row['stops'])}."
    yield "Gain of one more look in points, validation, eight groups of as many looks by the head's expectation (standard error):\n"
    expected, found, errors = zip(*row["calibration"], strict=True)
    yield "| expected | " + " | ".join(f"{value:.2f}" for value in expected) + " |\n|---" + "|---" * len(expected) + "|"
    yield "| came true | " + " | ".join(f"{value:.2f} ({error:.2f})" for value, error in zip(found, errors, strict=True)) + " |"
