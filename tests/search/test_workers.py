"""Two workers share one search by keras-tuner's chief, and one that is killed starts again on its trial."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tf_glimpse.search import run, search_architectures, workers
from tf_glimpse.search.space import RAM_SPACE
from tf_glimpse.types import UserError

SPACE = {name: options[:1] for name, options in RAM_SPACE.items()} | {"num_glimpses": [2], "units": [8, 16, 24, 32, 48]}
SETTINGS = {"budget_mflops": 0.2, "max_trials": 3, "epochs": 1, "epoch_images": 1200, "oracle": "random", "num_workers": 2}
RUN = "import sys, json; from tf_glimpse.search import search_architectures; search_architectures(**json.loads(sys.argv[1]))"


@pytest.mark.slow
def test_two_workers_share_a_search_and_one_that_dies_takes_its_trial_up_again(tmp_path):
    settings = {"family": "ram", "data": "digits_canvas", "workdir": str(tmp_path / "search"), "space": SPACE, **SETTINGS}
    command = [sys.executable, "-c", RUN, json.dumps(settings)]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            lines.append(line)
            if sum("begins trial" in other for other in lines) == 1 and "begins trial" in line:
                os.kill(int(line.split("process ")[1].rstrip(")\n")), signal.SIGKILL)
    assert process.returncode == 0, "".join(lines)
    assert any("died with exit code -9; starting it again" in line for line in lines)
    assert "dense\n" not in lines, "keras-tuner's own prints"
    notes = [json.loads(file.read_text()) for file in sorted((tmp_path / "search" / "tuner").glob("trial_*/trial.json"))]
    assert [note["status"] for note in notes] == ["COMPLETED"] * 3
    begun = [line.split(" begins trial ") for line in lines if "begins trial" in line]
    assert len({worker for worker, _ in begun}) == 2, "both workers had trials"
    assert len(begun) == 4, "three trials, one of them begun twice"
    assert (tmp_path / "search" / "frontier.csv").exists()


@pytest.mark.slow
def test_a_process_of_a_search_ends_with_the_one_that_started_it(tmp_path):
    settings = {"family": "ram", "data": "digits_canvas", "workdir": str(tmp_path / "search"), "space": SPACE, **SETTINGS, "num_workers": 1}
    command, pipe = [sys.executable, "-m", "tf_glimpse.search", json.dumps(settings)], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
        assert any("begins trial" in line for line in process.stdout)
        process.stdin.close()  # as the system does for whoever held it, however that ended
        process.stdout.read()
    assert process.returncode == 1
    assert not (tmp_path / "search" / "frontier.csv").exists()


ENDS = {
    "a worker that always dies": (
        {"chief": "import time; time.sleep(60)", "worker-0": "import sys; sys.exit(7)"},
        "worker-0 of the search died 4 times; the last time with exit code 7",
        3,
    ),
    "a chief that fails, of an impossible budget": (
        {"chief": "import sys; sys.exit('no candidate')", "worker-0": "import time; time.sleep(60)"},
        "the search failed, see above",
        0,
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_search_that_cannot_go_on_ends_its_processes(end, tmp_path, monkeypatch, capsys):
    scripts, words, restarts = ENDS[end]
    started = []

    def start(options, address, name):
        started.append(subprocess.Popen([sys.executable, "-c", scripts[name]]))
        return started[-1]

    monkeypatch.setattr(workers, "_start", start)
    with pytest.raises(UserError, match=words):
        workers.run_all({"workdir": str(tmp_path)}, 1)
    assert capsys.readouterr().out.count("starting it again") == restarts
    assert all(process.poll() is not None for process in started)


def test_a_worker_of_another_search_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker-0")
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setattr(run, "CHIEF_WITHIN", 0.2)
    settings = {"family": "ram", "data": "digits_canvas", "workdir": tmp_path, "space": SPACE, **SETTINGS, "num_workers": 1}
    with pytest.raises(UserError, match="no chief has begun a search"):
        search_architectures(**settings)
    wanted = run._settings("ram", "digits_canvas", 0.2, 2, 1200, "random", 0, SPACE, None, "near_optimal")
    data = run._space(wanted, {}).data
    (tmp_path / "search.json").write_text(json.dumps({**wanted, "image_shape": list(data.image_shape), "fingerprint": data.fingerprint}))
    with pytest.raises(UserError, match="epochs 2 there, 1 here"):
        search_architectures(**settings)
