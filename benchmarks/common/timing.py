"""Contenders take turns: one timed block each, never two at once, and the medians of the blocks are compared.

Importing this loads the standard library only, so that environments without TensorFlow can time too.
"""

import dataclasses
import datetime
import json
import shlex
import statistics
import subprocess
import sys
import time


@dataclasses.dataclass(frozen=True)
class Timing:
    """Milliseconds a call: `median` of the blocks' means, and the `fastest` call of all, which other jobs on the machine disturb least."""

    median: float
    fastest: float


def take_turns(contenders, seconds=1.5, blocks=3):
    """Times contenders in alternation, each warmed up by a short block first.

    Args:
        contenders: a dict of functions `seconds -> (mean, fastest)`, as `block_of` makes them, by name.
        seconds: length of a block.
        blocks: how many each gets.

    Returns:
        a dict of `Timing` by name.
    """
    for block in contenders.values():
        block(0)
    rounds = [{name: block(seconds) for name, block in contenders.items()} for _ in range(blocks)]
    return {
        name: Timing(1e3 * statistics.median(timed[name][0] for timed in rounds), 1e3 * min(timed[name][1] for timed in rounds))
        for name in contenders
    }


def block_of(call, at_least=3):
    """A contender: calls `call`, which waits for its result, for so many seconds, and so many times at least."""

    def block(seconds):
        times, end = [], time.perf_counter() + seconds
        while len(times) < at_least or time.perf_counter() < end:
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return sum(times) / len(times), min(times)

    return block


def serve(contenders, **hello):
    """The other side of `Other`: says hello, then answers each line "NAME SECONDS" with a block, until its input ends."""
    print(json.dumps({"contenders": list(contenders), **hello}), flush=True)
    for line in sys.stdin:
        name, seconds = line.split()
        print(json.dumps(contenders[name](float(seconds))), flush=True)


class Other:
    """Contenders in a warm process of their own, which runs `serve`.

    Args:
        command: list of str.
        environment: dict of its variables; None for those of this process.
    """

    def __init__(self, command, environment=None):
        self.command = command
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.hello = self._answer()

    def block(self, name):
        """The contender of that name."""

        def ask(seconds):
            self.process.stdin.write(f"{name} {seconds}\n")
            self.process.stdin.flush()
            return self._answer()

        return ask

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"this process ended before it answered: {' '.join(self.command)}")
        return json.loads(line)


def start_tensorflow(threads):
    """Sets TensorFlow's threads, before its first operation, and keeps it from telling how often it traces what is timed."""
    import tf_glimpse  # noqa: F401, I001  first: it keeps TensorFlow's log quiet
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.get_logger().setLevel("ERROR")


def random_batch(batch_size, image_shape, num_classes):
    """`(images uint8 [B, H, W, C], labels [B])`, drawn at random."""
    import tensorflow as tf

    random = tf.random.Generator.from_seed(0)
    images = tf.cast(random.uniform([batch_size, *image_shape], 0, 256, tf.int32), tf.uint8)
    return images, random.uniform([batch_size], 0, num_classes, tf.int32)


def record(name, rows, key, threads, **versions):
    """Writes rows into `results/NAME.json`, with all that is wanted to make them again."""
    from benchmarks.common.rows import add_rows
    from tf_glimpse.training.provenance import provenance

    command = shlex.join(["python", "-m", sys.modules["__main__"].__spec__.name, *sys.argv[1:]])
    facts = {"threads": threads, "date": datetime.date.today().isoformat(), **provenance(command)}
    facts["versions"] |= versions
    add_rows(name, [{**row, **facts} for row in rows], key)
