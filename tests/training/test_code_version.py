"""A run says which code trained it."""

import re
import subprocess

import tf_glimpse
from tf_glimpse.training import code_version, get_recipe, workdirs


def test_a_run_notes_every_code_that_trained_it(tmp_path, monkeypatch):
    recipe, now = get_recipe("testing"), workdirs.code_version()
    for code in (now, now, "later"):
        monkeypatch.setattr(workdirs, "code_version", lambda code=code: code)
        workdirs.claim_run(tmp_path, recipe, 0, "the data")
    assert workdirs.trained_by(tmp_path) == f"{now} and later"


def test_the_code_is_known_by_its_commit_or_by_its_version(tmp_path, monkeypatch):
    folder = tmp_path / "site-packages" / "tf_glimpse"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    monkeypatch.setattr(code_version, "_PACKAGE", folder)
    git = ["git", "-C", tmp_path, "-c", "user.name=me", "-c", "user.email=me@home"]
    subprocess.run([*git, "init", "-q"], check=True)
    assert code_version.code_version() == tf_glimpse.__version__, "installed into somebody else's checkout"
    for command in (["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    commit = code_version.code_version()
    assert re.fullmatch("[0-9a-f]{7,}", commit)
    (folder / "__init__.py").write_text("changed = True")
    assert code_version.code_version() == f"{commit}-dirty"
