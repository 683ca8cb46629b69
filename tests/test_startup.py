"""Starting: the command line answers help and mistakes at once, and what a command imports before it works is what it uses."""

import ast
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from requirements import import_names, needed, requirements_of

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = {"module": [sys.executable, "-m", "tf_glimpse"], "script": [str(Path(sys.executable).parent / "tf-glimpse")]}
SLOW_TO_LOAD = {"tensorflow", "keras", "tensorflow_datasets", "tensorflow_probability", "matplotlib", "official", "starlette"}


def run(command, **environment):
    """The finished command, and the processor seconds it took (a busy machine does not count)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("start", COMMANDS)
@pytest.mark.parametrize("argument", ["--help", "recipes"])
def test_command_line_answers_within_a_second(start, argument):
    done, seconds = run([*COMMANDS[start], argument])
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "ram_digits" in done.stdout if argument == "recipes" else "train" in done.stdout
    assert seconds < 1.0


@pytest.mark.parametrize("argument", ["--help", "--version", "recipes", "presets", "--print-completion=bash"])
def test_command_line_answers_without_tensorflow(argument):
    done, _ = run([*COMMANDS["script"], argument], PYTHONPROFILEIMPORTTIME="1")
    loaded = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "tf_glimpse" in loaded
    assert not loaded & {"tensorflow", "keras", "matplotlib", "official", "starlette", "numpy"}
    assert ("shtab" in loaded) == argument.startswith("--print")


# One a command that takes something which may not be there, and a folder that is there but holds none of it.
NOT_THERE = [
    "train ram --data ./nowhere --workdir W",
    "train ram --data nowhere/ --workdir W",
    "train ram --data docs --workdir W",
    "train ram_minst --workdir W",
    "sequences near_optimal_fashion_mnist --data ./nowhere --out W",
    "search ram --data ./nowhere --workdir W",
    "search ram --data docs --workdir W",
    "evaluate",
    "evaluate nowhere",
    "evaluate docs",
    "evaluate --preset ram_minst",
    "evaluate --preset ram_digits --data ./nowhere",
    "draw nowhere --out W/look",
    "draw --preset ram_digits nowhere.png --out W/look",
    "predict nowhere docs/glimpses.png --out W/answers.csv",
    "predict --preset ram_minst docs --out W/answers.csv",
    "explain nowhere --out W/report.html",
    "explain --preset ram_digits --data ./nowhere --out W/report.html",
    "export nowhere --out W",
    "serve nowhere",
    "serve docs",
]


@pytest.mark.parametrize("words", NOT_THERE)
def test_what_is_not_there_is_refused_before_tensorflow_loads(words, tmp_path):
    arguments = [word.replace("W", str(tmp_path), 1) if word.startswith("W") else word for word in words.split()]
    asked = f"import sys; from tf_glimpse.cli import main; print(main({arguments}), *sys.modules)"
    done, seconds = run([sys.executable, "-c", asked])
    code, *loaded = done.stdout.split()
    assert code == "2"
    (line,) = done.stderr.splitlines()
    assert line.startswith("tf-glimpse: ")
    assert not set(loaded) & SLOW_TO_LOAD
    assert seconds < 2.0
    assert not list(tmp_path.iterdir())


def test_importing_the_package_prints_nothing_and_loads_no_tensorflow():
    done, _ = run([sys.executable, "-c", "import sys, tf_glimpse; print({'tensorflow', 'keras'} & set(sys.modules))"])
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_importing_the_package_turns_onednn_on_unless_that_was_decided():
    told = [sys.executable, "-c", "import os, tf_glimpse; print(os.environ['TF_ENABLE_ONEDNN_OPTS'])"]
    assert [run(told)[0].stdout, run(told, TF_ENABLE_ONEDNN_OPTS="0")[0].stdout] == ["1\n", "0\n"]


def imported_when_run(command):
    """`module.name` of this package that a command imports inside its functions: what it loads when it runs."""
    tree = ast.parse((ROOT / "tf_glimpse" / "commands" / f"{command}.py").read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    imports = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.ImportFrom)]
    return [(node.module, alias.name) for node in imports for alias in node.names]


MEASURE = """
import importlib, json, sys
import tf_glimpse, tensorflow, keras, tensorflow_probability, PIL.Image
loaded = [set(sys.modules)]
for module, name in json.loads(sys.argv[1]):
    getattr(importlib.import_module(module), name)
    loaded.append(set(sys.modules))
print(json.dumps([sorted({name.split(".")[0] for name in new - old}) for old, new in zip(loaded, loaded[1:])]))
"""
USED_AT_ONCE = {"tf_glimpse.search": {"keras_tuner"}}  # what a room is made of


def test_no_command_loads_what_it_may_not_need():
    """TensorFlow, Keras and tensorflow-probability import what they find, pandas and OpenCV for example: nothing of ours adds to it."""
    commands = sorted(file.stem for file in (ROOT / "tf_glimpse" / "commands").glob("[!_]*.py"))
    asked = sorted({place for command in commands for place in imported_when_run(command)})
    assert {"tf_glimpse.training.finished", "tf_glimpse.demo"} <= {module for module, _ in asked}
    done, _ = run([sys.executable, "-c", MEASURE, json.dumps(asked)])
    assert done.returncode == 0, done.stderr
    everything, without = requirements_of("serve"), requirements_of("serve", leave_out="tf-models-official")
    dragged_along = import_names(needed(everything) - needed(without))
    assert {"kaggle", "cv2", "googleapiclient", "sacrebleu", "official", "pandas"} <= dragged_along
    late = dragged_along | {"tensorflow_datasets", "keras_tuner", "starlette", "uvicorn", "tensorflow_serving"}
    for (module, name), tops in zip(asked, json.loads(done.stdout), strict=True):
        assert not set(tops) & (late - USED_AT_ONCE.get(module, set())), f"{module}.{name}"
