"""`tf-glimpse explain`: a preset, a run of one's own with its autoencoder, and mistakes."""

import pathlib

import numpy as np
import pytest
from PIL import Image

from tf_glimpse.cli import main
from tf_glimpse.models.hidden_state_vae import HiddenStateVAE


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explained") / "run"
    assert main(["train", "testing", "--epochs", "1", "--workdir", str(folder)]) == 0
    return folder


@pytest.mark.slow
def test_a_preset_on_its_own_test_images_and_on_files(tmp_path, capsys):
    out = tmp_path / "pages" / "report.html"
    assert main(["explain", "--preset", "ram_digits", "--count", "2", "--out", str(out), "--pictures"]) == 0
    assert capsys.readouterr().out.split() == [str(out.with_suffix(ending)) for ending in (".html", ".png", ".gif")]
    text = out.read_text()
    assert (
        "ram_digits, seed 0: 6 looks" in text
        and "All images" in text
        and "test image 1: " in text
        and "test image 2: " in text
        and ", true " in text
    )
    with Image.open(out.with_suffix(".gif")) as film:
        assert film.n_frames == 6
    files = [str(tmp_path / name) for name in ("$_$.png", "b/mine.png", "c/mine.png")]
    for file in files:
        pathlib.Path(file).parent.mkdir(exist_ok=True)
        Image.fromarray(np.zeros([80, 70, 4], np.uint8)).save(file)
    for count, told in (([], files), (["--count", "2"], ("$_$.png: ", "mine.png: "))):
        assert main(["explain", "--preset", "ram_digits", *files, *count, "--out", str(out)]) == 0
        text = out.read_text()
        assert all(f"<h2>{name}" in text for name in told) and text.count("<h2>") == 2 + len(told) and ", true " not in text
    random = ["explain", "--preset", "ram_digits_random", "--count", "1", "--out", str(out)]
    assert main(random) == 0  # a control is explained at the places it was trained with


def test_a_runs_autoencoder_is_trained_once_and_found_again(run, tmp_path, capsys):
    out = tmp_path / "report.html"
    assert main(["explain", str(run), "--count", "1", "--out", str(out), "--fit-vae", "1"]) == 0
    assert "posterior samples" in out.read_text()
    assert HiddenStateVAE.from_preset(run / "vae.keras").image_shape == (60, 60, 1)
    out.unlink()
    assert main(["explain", str(run), "--count", "1", "--out", str(out)]) == 0
    assert "posterior samples" in out.read_text()
    capsys.readouterr()
    assert main(["explain", str(run), "--out", str(out), "--fit-vae", "1"]) == 2
    assert "not overwritten" in capsys.readouterr().err
    assert main(["explain", "--preset", "ram_digits", "--vae", str(run / "vae.keras"), "--count", "1", "--out", str(out)]) == 2
    assert "states of 16 units; this model has 256" in capsys.readouterr().err


MISTAKES = {
    "no page": (["--preset", "ram_digits", "--out", "report"], "ends in .html"),
    "a folder for a page": (["--preset", "ram_digits", "--count", "1", "--out", "FOLDER"], "path of a file"),
    "no such image": (["--preset", "ram_digits", "nowhere.png"], "no such file: nowhere.png"),
    "no image": (["--preset", "ram_digits", "setup.cfg"], "setup.cfg"),
    "no such autoencoder": (["--preset", "ram_digits", "--count", "1", "--vae", "nowhere.keras"], "No model at nowhere.keras"),
    "a file that is no autoencoder": (["--preset", "ram_digits", "--count", "1", "--vae", "ram_digits"], "No autoencoder for preset"),
    "an autoencoder into a preset": (["--preset", "ram_digits", "--fit-vae", "3"], "expects the folder of a run"),
    "neither run nor preset": ([], "give either"),
    "no such run": (["nowhere"], "No run in nowhere"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_clear_line(mistake, tmp_path, capsys, monkeypatch):
    arguments, words = MISTAKES[mistake]
    folder = tmp_path / "page.html"
    folder.mkdir()
    out = [] if "--out" in arguments else ["--out", str(tmp_path / "report.html")]
    assert main(["explain", *(str(folder) if word == "FOLDER" else word for word in arguments), *out]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tf-glimpse: ") and words in line
