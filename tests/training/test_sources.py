"""What a run was told of its data's place and state need not be told again."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tf_glimpse.cli import main
from tf_glimpse.training import workdirs


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Twelve photos of two classes, and a torn one in each."""
    folder = tmp_path_factory.mktemp("sources") / "photos"
    for name, level in (("dark", 40), ("light", 200)):
        (folder / name).mkdir(parents=True)
        for index in range(6):
            pixels = np.random.default_rng(index).integers(level - 30, level + 30, [32, 32, 3]).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
        (folder / name / "torn.png").write_bytes((folder / name / "0.png").read_bytes()[:300])
    return folder


def train(photos, workdir, *more):
    return main(["train", "testing", "--data", str(photos), "--epochs", "1", "--batch-size", "4", "--workdir", str(workdir), *more])


@pytest.mark.slow
def test_a_run_remembers_to_leave_out_what_cannot_be_decoded(photos, tmp_path, capsys):
    run = tmp_path / "run"
    assert train(photos, run) == 2  # not asked for, torn images end it
    capsys.readouterr()
    assert train(photos, run, "--skip-corrupt") == 0
    for command in (["evaluate", str(run), "--json"], ["draw", str(run), "--count", "1", "--out", str(tmp_path / "drawn")]):
        assert main(command) == 0, capsys.readouterr().err
    assert main(["evaluate", str(run), "--data", str(shutil.copytree(photos, tmp_path / "others"))]) == 2  # other data are another matter
    assert "torn.png" in capsys.readouterr().err
    seeds = tmp_path / "seeds"
    (run / "results.json").unlink()  # a kill at the very end: the run goes on without being told again, and so do others of its kind
    shutil.copytree(run, seeds / "seed-0")
    assert train(photos, seeds, "--seeds", "0,1") == 0, capsys.readouterr().err
    assert [workdirs.known_sources(folder)["skip_corrupt"] for folder in sorted(seeds.glob("seed-*"))] == [True, True]


def test_folders_are_remembered_whole_while_they_are_there(tmp_path, monkeypatch):
    (tmp_path / "sets").mkdir()
    monkeypatch.chdir(tmp_path)
    run, note = tmp_path / "run", workdirs.noted_sources(manual_dir="sets", data_dir="gone", skip_corrupt=True, image_size=32)
    run.mkdir()
    (run / "search.json").write_text(json.dumps({"sources": note}))
    assert note == {"manual_dir": str(tmp_path / "sets"), "data_dir": str(tmp_path / "gone"), "skip_corrupt": True}
    assert workdirs.known_sources(run) == {"manual_dir": str(tmp_path / "sets"), "skip_corrupt": True}
    given = {"manual_dir": "other", "data_dir": None, "skip_corrupt": False, "image_size": 32}
    expected = {"manual_dir": "other", "data_dir": None, "skip_corrupt": True, "image_size": 32}
    assert workdirs.known_sources(run, given) == expected
    assert workdirs.known_sources(tmp_path / "nowhere", given) == given
