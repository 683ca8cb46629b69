"""Runs every ```python block of README.md and docs/*.md, in order, in one namespace a page and a folder of its own."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*ROOT.glob("README.md"), *sorted((ROOT / "docs").glob("*.md"))]


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
    assert "your_own_parts.md" in {page.name for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_page(page) > 0


def test_a_wrong_page_fails_on_its_own_line(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n```python\nwords = 'fine'\n```\n\n```sh\nnot python\n```\n\n```python\nassert words == 'wrong'\n```\n")
    with pytest.raises(AssertionError) as failure:
        run_page(page)
    assert failure.traceback[-1].lineno + 1 == 12
