"""The Python versions that are supported, what is pinned for them, and the environment that `make` sets up."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from requirements import files_of, needed, requirements_of, setup

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER = next(version for version in PYTHONS if version != HERE)


@pytest.fixture(scope="module")
def pins():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


@pytest.fixture(scope="module")
def asked_for():
    """What `make` installs."""
    return requirements_of("serve", "test")


def test_every_package_that_is_needed_is_pinned(asked_for, pins):
    for python in PYTHONS:
        assert not needed(asked_for, python) - set(pins), python


def test_nothing_is_pinned_that_no_dependency_needs(asked_for, pins):
    assert not set(pins) - set.union(*(needed(asked_for, python) for python in PYTHONS))


def test_pins_lie_in_the_tested_ranges(asked_for, pins):
    for requirement in [*asked_for, *requirements_of("gpu")]:
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


def test_everything_names_the_same_python_versions():
    config = setup()
    classifiers = re.findall(r"Python :: (3\.\d+)", config["metadata"]["classifiers"])
    (made,) = re.findall(r"^PYTHONS := (.*)$", (ROOT / "Makefile").read_text(), flags=re.M)
    assert tuple(classifiers) == tuple(made.split()) == PYTHONS
    allowed = SpecifierSet(config["options"]["python_requires"])
    assert [f"3.{minor}" for minor in range(20) if f"3.{minor}" in allowed] == list(PYTHONS)
    for page in ("README.md", "CONTRIBUTING.md", ".ci/run"):
        assert "Python 3.11, 3.12 or 3.13" in (ROOT / page).read_text(), page


def test_readme_says_how_much_disk_it_takes(asked_for):
    (told,) = re.findall(r"The environment takes ([\d.]+) GB of disk", (ROOT / "README.md").read_text())
    assert f"{told} GB" in (ROOT / "Makefile").read_text()
    files = [file for name in needed(asked_for) for file in files_of(name)]
    gigabytes = sum(path.stat().st_size for path in files if path.is_file()) / 1e9
    assert 0.85 < gigabytes / float(told) < 1.15


@pytest.fixture
def make(tmp_path):
    """Runs make in a copy of the tree's top, with an environment of this Python (and nothing in it) as .venv."""
    for name in ("Makefile", "setup.cfg", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True)

    def run(*words):
        clean = {"PATH": os.environ["PATH"]}  # without the words of a `make test PYTHON=…` that runs this
        done = subprocess.run(["make", *words], cwd=tmp_path, capture_output=True, text=True, env=clean)
        return done.returncode, [line for line in done.stderr.splitlines() if "***" not in line]

    return run


@pytest.fixture
def python_of(tmp_path):
    """Writes a program that answers as a Python of that version would."""

    def write(version):
        path = tmp_path / f"python{version}"
        path.write_text(f"#!/bin/sh\necho {version}\n")
        path.chmod(0o755)
        return f"PYTHON={path}"

    return write


def test_make_takes_the_environment_that_is_there(make):
    assert make("chosen-python") == (0, [])
    assert make("chosen-python", f"PYTHON={sys.executable}") == (0, [])


def test_make_says_that_the_environment_has_another_python(make, python_of):
    code, (line,) = make("lint", python_of(OTHER))
    assert code == 2
    assert line.startswith(f".venv has Python {HERE}, not {OTHER}.")
    assert f"VENV=.venv-{OTHER}" in line
    assert make("chosen-python", python_of(OTHER), f"VENV=.venv-{OTHER}") == (0, [])


@pytest.mark.parametrize("version", ["3.10", "3.14", "2.7"])
def test_make_refuses_a_python_that_is_not_supported(make, python_of, version):
    code, (line,) = make("lint", python_of(version))
    assert code == 2
    assert line.endswith(f"should be a Python 3.11, 3.12 or 3.13; it is {version}")


def test_make_refuses_a_python_that_does_not_run(make):
    code, lines = make("lint", "PYTHON=./nowhere")
    assert code == 2
    assert lines[-1] == "PYTHON=./nowhere should be a Python 3.11, 3.12 or 3.13; it does not run here"
