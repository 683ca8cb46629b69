"""keras-tuner's chief and workers on one machine: starts them, and starts a worker that died again, which takes up its trial."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import time

from tf_glimpse.files import read_json
from tf_glimpse.types import UserError

RESTARTS = 3


def role():
    """ "chief", "worker", or None where keras-tuner's variables are not set."""
    name = os.environ.get("KERASTUNER_TUNER_ID") if "KERASTUNER_ORACLE_IP" in os.environ else None
    return name and ("chief" if "chief" in name else "worker")


def run_all(options, num_workers):
    """Runs a search by a chief and so many workers, each a process of its own.

    Args:
        options: keyword arguments of `search_architectures`, as JSON can hold them.
        num_workers: at least 2.

    Returns:
        what the search found, as `search_architectures` returns it.

    Raises:
        UserError: the chief failed, told in its own words, or a worker died more often than it is started again.
    """
    address = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(_free_port())}
    processes = {name: _start(options, address, name) for name in ("chief", *(f"worker-{number}" for number in range(num_workers)))}
    restarts = dict.fromkeys(processes, 0)
    try:
        while processes["chief"].poll() is None:
            time.sleep(0.5)
            for name, process in processes.items():
                if name != "chief" and process.poll() not in (None, 0):
                    if restarts[name] == RESTARTS:
                        raise UserError(
                            f"{name} of the search died {RESTARTS + 1} times; the last time with exit code {process.returncode}."
                        )
                    restarts[name] += 1
                    _end(process)
                    print(f"{name} died with exit code {process.returncode}; starting it again", flush=True)
                    processes[name] = _start(options, address, name)
        if processes["chief"].returncode:
            raise UserError("the search failed, see above.")
        return _found(options["workdir"])
    finally:
        for process in processes.values():
            _end(process)


def _start(options, address, name):
    """A process that ends when this one does, however it does: its standard input then ends."""
    environment = {**os.environ, **address, "KERASTUNER_TUNER_ID": name}
    command = [sys.executable, "-m", "tf_glimpse.search", json.dumps(options)]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, start_new_session=True)  # Ctrl-C is for the parent alone


def _end(process):
    process.kill()
    with process:  # waits for it, and closes its standard input
        pass


def _found(workdir):
    return read_json(pathlib.Path(workdir).expanduser() / "best.json", "recipe", "trial")


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
