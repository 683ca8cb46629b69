"""What users get: the wheel with its data, and a command line that answers at once."""

import resource
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = {"module": [sys.executable, "-m", "tf_glimpse"], "script": [str(Path(sys.executable).parent / "tf-glimpse")]}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from a copy, so that nothing is left in the tree and nothing stale is packed."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "tf_glimpse", source / "tf_glimpse", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = out.glob("tf_glimpse-*.whl")
    with zipfile.ZipFile(path) as archive:
        yield {name: archive.read(name) for name in archive.namelist()}


def test_wheel_holds_every_module_and_all_data(wheel):
    package = ROOT / "tf_glimpse"
    wanted = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {str(path.relative_to(ROOT)) for path in wanted} == {name for name in wheel if name.startswith("tf_glimpse/")}


def test_wheel_holds_presets_with_their_cards(wheel):
    presets = {name.removesuffix(".keras") for name in wheel if name.endswith(".keras")}
    assert "tf_glimpse/weights/ram_digits" in presets
    assert presets == {name.removesuffix(".md") for name in wheel if name.startswith("tf_glimpse/weights/") and name.endswith(".md")}


def test_wheel_names_its_version_licence_and_script(wheel):
    (metadata,) = (text.decode() for name, text in wheel.items() if name.endswith("dist-info/METADATA"))
    (scripts,) = (text.decode() for name, text in wheel.items() if name.endswith("entry_points.txt"))
    version = subprocess.run([sys.executable, "-c", "import tf_glimpse; print(tf_glimpse.__version__)"], capture_output=True, text=True)
    assert f"\nVersion: {version.stdout.strip()}\n" in metadata
    assert "\nLicense: Apache-2.0\n" in metadata or "\nLicense-Expression: Apache-2.0\n" in metadata
    assert any(name.endswith("LICENSE") for name in wheel)
    assert "tf-glimpse = tf_glimpse.cli:main" in scripts


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


def test_importing_the_package_prints_nothing_and_loads_no_tensorflow():
    done, _ = run([sys.executable, "-c", "import sys, tf_glimpse; print({'tensorflow', 'keras'} & set(sys.modules))"])
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_importing_the_package_turns_onednn_on_unless_that_was_decided():
    told = [sys.executable, "-c", "import os, tf_glimpse; print(os.environ['TF_ENABLE_ONEDNN_OPTS'])"]
    assert [run(told)[0].stdout, run(told, TF_ENABLE_ONEDNN_OPTS="0")[0].stdout] == ["1\n", "0\n"]


def test_constraints_name_exact_versions_and_no_paths():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert len(lines) > 50
    assert not [line for line in lines if line.count("==") != 1 or "/" in line or "@" in line]
