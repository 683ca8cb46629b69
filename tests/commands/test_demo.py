import os
import pathlib
import shlex
import shutil
import subprocess
import sys

import numpy as np
from PIL import Image

import tf_glimpse
from tf_glimpse import cli
from tf_glimpse.commands.demo import next_steps

SCRIPT = pathlib.Path(sys.executable).with_name("tf-glimpse")


def steps_in(folder):
    return list(next_steps(folder / "run", folder / "digit.png", folder / "export"))


def test_the_next_steps_start_this_program_wherever_the_user_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert [shlex.split(step)[0] for step in steps_in(pathlib.Path("demo"))] == [str(SCRIPT)] * 4
    monkeypatch.chdir(SCRIPT.parent.parent)
    monkeypatch.setenv("PWD", str(SCRIPT.parent.parent))
    words = shlex.split(steps_in(pathlib.Path("my demo"))[0])
    assert words == ["bin/tf-glimpse", "evaluate", "my demo/run", "--rollouts", "10"]
    monkeypatch.setenv("PWD", str(tmp_path))  # make -C: the shell that the user copies to stands elsewhere
    assert shlex.split(steps_in(pathlib.Path("demo"))[0])[::2] == [str(SCRIPT), str(SCRIPT.parent.parent / "demo" / "run"), "10"]
    monkeypatch.setenv("PATH", str(SCRIPT.parent))
    assert shlex.split(steps_in(pathlib.Path("demo"))[0])[0] == "tf-glimpse"


def test_the_next_steps_are_commands_and_one_runs_as_it_is_printed(tmp_path, monkeypatch):
    folder = tmp_path / "my demo"
    model = tf_glimpse.RAM(3, patch_size=6, num_glimpses=2, units=8, num_scales=1)
    model.build((None, 20, 20, 1))
    model.save_to_preset(folder / "run")
    (folder / "run" / "recipe.json").write_bytes((folder / "run" / "preset.json").read_bytes())
    (folder / "run" / "results.json").write_text('{"error_percent": 50.0}')
    Image.fromarray(np.zeros([20, 20], np.uint8)).save(folder / "digit.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    steps = steps_in(pathlib.Path("my demo"))
    assert [cli._parsed(shlex.split(step)[1:]).run.__module__.split(".")[-1] for step in steps] == ["evaluate", "predict", "draw", "serve"]
    environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(tf_glimpse.__file__).parents[1])}
    done = subprocess.run(["bash", "-c", steps[1]], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].startswith("my demo/digit.png,")


def test_without_its_script_python_starts_it(tmp_path, monkeypatch):
    """As after `pip install --target`, which makes none: the interpreter in another folder."""
    (tmp_path / "python").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert shlex.split(steps_in(tmp_path)[0])[:3] == [str(tmp_path / "python"), "-m", "tf_glimpse"]
    assert shutil.which("python", path=str(tmp_path))
