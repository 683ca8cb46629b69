"""Locks, files and folders written whole, and folders claimed for one purpose."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tf_glimpse.files import (
    claim,
    is_claimed,
    locked,
    locked_folder,
    read_json,
    refuse_other_things,
    remove_unfinished,
    write_json,
    write_whole,
)
from tf_glimpse.types import UserError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_cannot_be_written_whole_leaves_what_was_there(tmp_path):
    file = tmp_path / "deep" / "note.txt"
    write_whole(file, lambda part: part.write_text("old"))

    def fail(part):
        part.write_text("half")
        assert (part.parent, part.suffix) == (file.parent, ".txt")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_whole(file, fail)
    assert (file.read_text(), names(file.parent)) == ("old", ["note.txt"])
    write_whole(file, lambda part: part.write_text("new"))
    assert file.read_text() == "new"


def test_a_folder_is_written_whole_and_never_over_another(tmp_path):
    def write(part):
        part.mkdir()
        write_json(part / "note.json", {"whole": True})

    write_whole(tmp_path / "bank", write)
    assert read_json(tmp_path / "bank" / "note.json") == {"whole": True}
    (tmp_path / "bank" / "mine.txt").touch()
    with pytest.raises(OSError):
        write_whole(tmp_path / "bank", write)
    assert (names(tmp_path), names(tmp_path / "bank")) == (["bank"], ["mine.txt", "note.json"])


KILLED = """
import os, pathlib, signal, sys
from tf_glimpse.files import write_whole
def write(part):
    part.mkdir()
    os.kill(os.getpid(), signal.SIGKILL)
write_whole(pathlib.Path(sys.argv[1]) / "checkpoint", write)
"""


def test_what_a_kill_leaves_does_not_count_and_is_removed(tmp_path):
    assert subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)]).returncode == -signal.SIGKILL
    (left,) = names(tmp_path)
    assert left.startswith(".part-") and left.endswith(".checkpoint")
    (tmp_path / ".lock").touch()
    refuse_other_things(tmp_path)
    remove_unfinished(tmp_path)
    assert names(tmp_path) == [".lock"]


HOLDS = """
import sys, time
from tf_glimpse.files import locked_folder
with locked_folder(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_is_one_processes_until_that_ends_however_it_ends(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        with locked(tmp_path / "run" / ".lock", wait=False) as held:
            assert not held
        with pytest.raises(UserError, match="another process is at work in .*run; wait for it"), locked_folder(tmp_path / "run"):
            pass
        process.kill()
    with locked_folder(tmp_path / "run") as folder:
        assert folder == tmp_path / "run"


WAITS = """
import sys
from tf_glimpse.files import locked
with locked(sys.argv[1]) as held:
    print(held, flush=True)
"""


def test_a_lock_is_waited_for(tmp_path):
    with locked(tmp_path / "lock"):
        process = subprocess.Popen([sys.executable, "-c", WAITS, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        assert process.poll() is None
    assert process.communicate(timeout=60) == ("True\n", None)


def test_a_folder_that_cannot_be_written_in_is_told_and_what_fails_inside_is_not(tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match="expected a folder to write in. Received: .*file"), locked_folder(place):
            pass
    with pytest.raises(FileNotFoundError), locked_folder(tmp_path / "run") as folder:
        os.stat(folder / "nowhere")


def test_a_folder_is_claimed_once_and_gone_on_with(tmp_path):
    settings = {"name": "small", "model": {"units": 8, "grid": (4, 4)}, "seed": 0}
    assert not claim(tmp_path / "run", "run.json", "a run", settings)
    assert claim(tmp_path / "run", "run.json", "a run", settings)
    assert is_claimed(tmp_path / "run", "run.json", "a run", {"seed": 0})
    with pytest.raises(UserError, match=r"holds a run with other settings \(model.units 8 there, 16 here; seed 0 there, 1 here\)"):
        claim(tmp_path / "run", "run.json", "a run", {**settings, "model": {"units": 16, "grid": [4, 4]}, "seed": 1})
    with pytest.raises(UserError, match="model.units 8 there, 'not set' here"):
        claim(tmp_path / "run", "run.json", "a run", {**settings, "model": {"grid": [4, 4]}})
    assert read_json(tmp_path / "run" / "run.json")["model"]["units"] == 8


def test_a_folder_of_other_things_is_not_claimed(tmp_path):
    (tmp_path / "thesis.tex").write_text("all my work")
    with pytest.raises(UserError, match=r"holds other things than a run \(thesis.tex\); nothing was overwritten"):
        claim(tmp_path, "run.json", "a run", {})
    with pytest.raises(UserError, match="holds other things"):
        refuse_other_things(tmp_path / "thesis.tex")
    assert names(tmp_path) == ["thesis.tex"]
    assert not is_claimed(tmp_path / "nowhere", "run.json", "a run", {})
