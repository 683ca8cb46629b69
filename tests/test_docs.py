"""Runs every ```python block of README.md and docs/, in order, in one namespace a page and a folder of its own; builds the site."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tf_glimpse

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
RUN = [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")]
ROOMS = sorted(page.stem for page in (DOCS / "api").glob("*.md") if page.stem != "index")
SLOW = ("serving", "encoder_and_core", "where_it_looks", "runs", "tasks_and_terms")  # guides of more than twenty seconds
PAGES_RUN = [pytest.param(page, marks=[pytest.mark.slow] if page.stem in SLOW else []) for page in RUN]
by_name = {"ids": lambda page: str(page.relative_to(ROOT))}


def python_blocks(text):
    """Each fenced block's code, on the lines it has on the page, so that a traceback points there."""
    for block in re.finditer(r"^```python\n(.*?)^```$", text, flags=re.M | re.S):
        yield "\n" * text.count("\n", 0, block.start(1)) + block.group(1)


def run_page(path):
    """Runs the page's blocks; returns how many there were."""
    namespace, blocks = {"__name__": f"docs.{path.stem}"}, list(python_blocks(path.read_text(encoding="utf-8")))
    for block in blocks:
        exec(compile(block, str(path), "exec"), namespace)
    return len(blocks)


def test_there_are_pages():
    assert {page.parent.name for page in RUN} == {ROOT.name, "docs", "guides", "how_to"}
    assert len([page for page in RUN if page.parent.name == "how_to"]) == 6


@pytest.mark.parametrize("page", PAGES_RUN, **by_name)
def test_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_page(page) > 0


@pytest.mark.parametrize("page", sorted(DOCS.glob("how_to/*.md")), **by_name)
def test_how_to_begins_with_the_files_that_a_real_addition_touches(page):
    title, touches = page.read_text(encoding="utf-8").split("\n\n")[:2]
    assert title.startswith("# How to add a")
    assert touches.startswith("Touches:")
    for path in re.findall(r"`((?:tf_glimpse|tests)/[\w/]+(?:\.py|/))`", touches):
        assert (ROOT / path).exists(), path


def test_a_wrong_page_fails_on_its_own_line(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n```python\nwords = 'fine'\n```\n\n```sh\nnot python\n```\n\n```python\nassert words == 'wrong'\n```\n")
    with pytest.raises(AssertionError) as failure:
        run_page(page)
    assert failure.traceback[-1].lineno + 1 == 12


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_lead_to_files(name):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / name).read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target


def build(site, config=ROOT / "mkdocs.yml"):
    """Builds the site as `make docs` does; returns the exit code and the lines that it said of what is wrong.

    Not with --quiet: then mkdocs does not count its warnings, and strict is not strict.
    """
    command = [sys.executable, "-m", "mkdocs", "build", "--config-file", str(config), "--site-dir", str(site)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    return done.returncode, [line for line in (done.stdout + done.stderr).splitlines() if line and not line.startswith("INFO")]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    assert build(folder) == (0, [])
    return folder


@pytest.mark.parametrize("room", ROOMS)
def test_reference_holds_every_public_name(site, room):
    page, public = (site / "api" / f"{room}.html").read_text(), getattr(importlib.import_module(f"tf_glimpse.{room}"), "__all__", ())
    missing = [name for name in public if not re.search(rf'<h2 id="tf_glimpse\.{room}\.(\w+\.)*{name}"', page)]
    assert not missing


def test_reference_has_a_page_for_every_room_with_public_names():
    rooms = {source.parent.name for source in (ROOT / "tf_glimpse").glob("*/__init__.py") if "__all__" in source.read_text()}
    assert rooms == set(ROOMS) - {"types", "weights"}


def test_reference_lists_what_the_package_itself_gives(site):
    assert re.findall(r"^\| \[`(\w+)`\]", (DOCS / "api" / "index.md").read_text(), flags=re.M) == tf_glimpse.__all__
    assert 'href="models.html#tf_glimpse.models.RAM"' in (site / "api" / "index.html").read_text()


def test_our_sections_of_a_docstring_are_told_apart(site):
    page = (site / "api" / "layers.html").read_text()
    retina = page[page.index('id="tf_glimpse.layers.Retina"') : page.index('id="tf_glimpse.layers.SaccaderCell"')]
    for section in ("Parameters:", "Call arguments:", "<strong>Output shape:</strong>", "Raises:", "Example:", "Reference:"):
        assert section in retina, section
    assert "&gt;&gt;&gt;" in retina[retina.index("Example:") :].partition("</pre>")[0]


def test_readers_download_nothing_from_elsewhere(site):
    for page in site.rglob("*.html"):
        assert not re.search(r'<(script|link|img|iframe)[^>]* (src|href)="(https?:)?//', page.read_text()), page


@pytest.mark.parametrize("wrong", ["[a](gone.md)", "[a](#gone)", "[a][tf_glimpse.gone]", "::: tf_glimpse.gone"])
def test_a_wrong_link_fails_the_build(tmp_path, wrong):
    (tmp_path / "docs").mkdir()
    (tmp_path / "tf_glimpse").symlink_to(ROOT / "tf_glimpse")
    (tmp_path / "docs" / "docstrings.py").symlink_to(DOCS / "docstrings.py")
    (tmp_path / "docs" / "index.md").write_text(f"# Page\n\n{wrong}\n")
    config = tmp_path / "mkdocs.yml"
    config.write_text(f"INHERIT: {ROOT / 'mkdocs.yml'}\ndocs_dir: docs\nextra_css: []\nwatch: []\nnav: [index.md]\n")
    code, lines = build(tmp_path / "site", config)
    assert code == 1
    assert any("gone" in line for line in lines)
