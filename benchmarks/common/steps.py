"""A training step beside the same step with one choice behind it undone: the rows and their table."""

from benchmarks.common.timing import take_turns

AS_IT_IS = "as it is"


def compared(task, contenders, seconds):
    """A row for each of the contenders, `AS_IT_IS` among them: milliseconds a step, and how many times as long as that one takes."""
    timings = take_turns(contenders, seconds)
    rows = [
        {"task": task, "choice": name, "median_ms": round(found.median, 2), "slower": round(found.median / timings[AS_IT_IS].median, 3)}
        for name, found in timings.items()
    ]
    for row in rows:
        print(f"{task:34}{row['choice']:45}{row['median_ms']:9.2f} ms {row['slower']:6.2f}x", flush=True)
    return rows


def choices(rows):
    """What each choice behind the step gives, a column a task, the step as it is first."""
    tasks, names = sorted({row["task"] for row in rows}), sorted({row["choice"] for row in rows}, key=lambda name: (name != AS_IT_IS, name))
    lines = [f"| the step | {' | '.join(tasks)} |", "|---" * (len(tasks) + 1) + "|"]
    for name in names:
        found = {row["task"]: f"{row['median_ms']:.1f} ms ({row['slower']:.2f})" for row in rows if row["choice"] == name}
        lines.append(f"| {name} | {' | '.join(found.get(task, '') for task in tasks)} |")
    return "\n".join([*lines, "", machine(rows)]) if rows else "Not run yet."


def machine(rows):
    """What the rows were measured on, by which versions, and when; several if they were."""

    def told(row):
        versions = ", ".join(f"{name} {number}" for name, number in row["versions"].items())
        return f"{row['device']}, {row['threads']} thread(s), {versions}, {row['date']}"

    return f"Measured on {'; on '.join(sorted({told(row) for row in rows}))}."
