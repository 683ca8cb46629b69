"""What users get: the wheel with its data."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


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
    assert "tf_glimpse/py.typed" in wheel  # so that type checkers read the package's types


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


def test_constraints_name_exact_versions_and_no_paths():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert len(lines) > 50
    assert not [line for line in lines if line.count("==") != 1 or "/" in line or "@" in line]
