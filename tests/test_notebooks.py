"""The notebooks run from end to end with tiny parameters, without warnings; what is kept of their outputs is of their code."""

import ast
import base64
import importlib
import io
import re
import tempfile
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
TINY_RUN = {"num_glimpses": 2, "epochs": 1, "steps": 2, "jit_compile": False}
TINY = {
    "00_attention_from_scratch": {"estimates": 20, "rollouts": 100, "baseline_steps": 60, **TINY_RUN},
    "01_quickstart": {"batch_size": 16, "own_epochs": 1, "tuning_epochs": 1, **TINY_RUN},
    "03_saccader": {"num_glimpses": 2, "images_each": 16, "epochs": (1, 1, 1)},
    "04_near_optimal_glimpses": {"posterior_epochs": 2, "count": 2, "samples": 4, "epochs": 1, "validations": 2},
    "05_search": {"head_steps": 3, "max_trials": 1, "epochs": 1, "epoch_images": 1200},
    "06_explanations": {"count": 20, "vae_epochs": 1, "vae_images": 64, "vae_passes": 1, **TINY_RUN},
}
# Warnings are errors in the kernel as they are in pytest, with the same exceptions.
STRICT = "from _pytest.config import apply_warning_filters\napply_warning_filters({filters!r}, [])"
LENIENT = "import warnings\nwarnings.simplefilter('ignore')"  # what ipykernel says when it shuts down is its own affair
by_notebook = pytest.mark.parametrize("name", TINY)


def read(name):
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def parameters_cell(notebook):
    (cell,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    return cell


def assigned(source):
    """The names that a cell assigns, tuples included."""
    targets = [target for node in ast.parse(source).body for target in node.targets]
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def test_every_notebook_is_run():
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(TINY)


@pytest.mark.slow  # half a minute to four each
@by_notebook
def test_notebook_runs_with_tiny_parameters(name, tmp_path, pytestconfig, monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)  # tests/conftest.py has set it; the notebooks must keep quiet by themselves
    notebook = read(name)
    cell = parameters_cell(notebook)
    cell.source = "\n".join([cell.source, *(f"{parameter} = {value!r}" for parameter, value in TINY[name].items())])
    notebook.cells.insert(0, nbformat.v4.new_code_cell(STRICT.format(filters=pytestconfig.getini("filterwarnings"))))
    notebook.cells.append(nbformat.v4.new_code_cell(LENIENT))
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    assert [output for output in outputs if "image/png" in output.get("data", {})], "no picture was drawn"


@by_notebook
def test_parameters_are_those_of_the_parameters_cell(name):
    assert set(TINY[name]) <= assigned(parameters_cell(read(name)).source)


def test_what_is_kept_of_outputs(monkeypatch):
    """Texts in one, without stderr and temporary folders; a picture of 2,000 px and many colours becomes small, once and for all."""
    monkeypatch.syspath_prepend(NOTEBOOKS)
    script, stream = importlib.import_module("run"), io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, [100, 2000, 3]).astype("uint8")
    pixels[:, :500], pixels[:, 500:1000] = 255, 148
    Image.fromarray(pixels).save(stream, "PNG")
    encoded = base64.b64encode(stream.getvalue()).decode()
    outputs = [
        nbformat.v4.new_output("stream", name="stdout", text=f"in {tempfile.gettempdir()}/tmpab_c1/report.html\n"),
        nbformat.v4.new_output("stream", name="stderr", text="I0000 XLA"),
        nbformat.v4.new_output("stream", name="stdout", text="done\n"),
        nbformat.v4.new_output("execute_result", {"image/png": encoded, "text/plain": "<Figure>"}, execution_count=3),
    ]
    words, picture = script.kept(outputs)
    assert words.text == "in /tmp/folder/report.html\ndone\n"
    assert script.kept([words, picture]) == [words, picture]
    with Image.open(io.BytesIO(base64.b64decode(picture.data.pop("image/png")))) as image:
        assert image.size == (900, 45) and len(image.getcolors()) <= 256
        assert image.convert("RGB").getpixel((100, 20)) == (255,) * 3 and image.convert("RGB").getpixel((300, 20)) == (148,) * 3
    assert picture == nbformat.v4.new_output("display_data")


@by_notebook
def test_outputs_are_those_of_its_code(name, monkeypatch):
    monkeypatch.syspath_prepend(NOTEBOOKS)
    script, notebook = importlib.import_module("run"), read(name)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count is None for cell in cells)
    assert notebook.metadata.get("outputs_of") == script.fingerprint(notebook), "outputs older than the code: make notebooks"
    assert any("image/png" in output.get("data", {}) for cell in cells for output in cell.outputs)
    assert (NOTEBOOKS / f"{name}.ipynb").stat().st_size < 1_500_000


@by_notebook
def test_sections_are_numbered(name):
    text = "\n".join(cell.source for cell in read(name).cells if cell.cell_type == "markdown")
    numbers = [int(number) for number in re.findall(r"^## (\d+)\. ", text, flags=re.M)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) == len(re.findall(r"^## ", text, flags=re.M)) > 3
