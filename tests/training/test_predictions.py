import csv
import io
import json
import os

import numpy as np
import pytest
from PIL import Image

import tf_glimpse
from tf_glimpse.cli import main
from tf_glimpse.policies import Random
from tf_glimpse.training.finished import open_finished
from tf_glimpse.training.image_files import ImageFiles
from tf_glimpse.training.predictions import predict_files
from tf_glimpse.types import UserError

NAMES = ["a, b", "naïve", "c"]


def ram():
    model = tf_glimpse.RAM(3, patch_size=6, num_glimpses=3, units=8, class_names=NAMES, seed=2, num_scales=1)
    model.build((None, 20, 20, 3))
    return model


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict") / "preset"
    ram().save_to_preset(folder)
    return folder


@pytest.fixture(scope="module")
def control(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict") / "control"
    ram().save_to_preset(folder, recipe={"actions": "random"})
    return folder


@pytest.fixture
def photos(tmp_path):
    """Nine images in nested folders, one of them torn, beside files that are none and a link that leads in a circle."""
    draw, folder = np.random.default_rng(0), tmp_path / "photos"
    (folder / "below" / "deep").mkdir(parents=True)
    for index in range(9):
        place = folder / ("below/deep" if index % 2 else "") / f"{index}.{'jpg' if index < 5 else 'PNG'}"
        pixels = draw.integers(0, 256, (30 + index, 25, 3) if index else (40, 40)).astype(np.uint8)
        Image.fromarray(pixels).save(place)
    torn = folder / "below" / "torn.png"
    torn.write_bytes((folder / "8.PNG").read_bytes()[:200])
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "below" / "circle").symlink_to(folder, target_is_directory=True)
    return folder


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_folder_becomes_a_table_and_what_is_no_image_is_named(preset, photos, tmp_path, capsys):
    out = tmp_path / "tables" / "answers.csv"
    assert main(["predict", "--preset", str(preset), str(photos), "--out", str(out), "--batch-size", "4"]) == 0
    told = capsys.readouterr()
    assert told.out == f"9 answers in {out}\n"
    left_out, count, reason = told.err.splitlines()
    assert (left_out, count) == ("Left out as no images: 1 .txt.", "1 of 10 files could not be read:")
    assert "below/torn.png" in reason
    rows = rows_of(out.read_text(encoding="utf-8"))
    assert [row["file"].removeprefix(f"{photos}/") for row in rows] == [
        "0.jpg", "2.jpg", "4.jpg", "6.PNG", "8.PNG",
        *(f"below/deep/{name}" for name in ("1.jpg", "3.jpg", "5.PNG", "7.PNG")),
    ]  # fmt: skip
    expected = tf_glimpse.RAM.from_preset(preset).classify([row["file"] for row in rows])
    assert [row["label"] for row in rows] == expected.names
    np.testing.assert_allclose([float(row["probability"]) for row in rows], expected.probabilities.max(-1), atol=2e-6)
    np.testing.assert_allclose([json.loads(row["places"]) for row in rows], expected.places, atol=1e-4)


def test_without_a_name_the_table_is_printed_and_nothing_else(preset, photos, capsys):
    files = [str(photos / "0.jpg"), str(photos / "nowhere.png"), str(photos / "0.jpg")]
    for out in ([], ["--out", "-"]):
        assert main(["predict", "--preset", str(preset), *files, *out, "--every-class"]) == 0
        told = capsys.readouterr()
        first, second = rows_of(told.out)
        assert first == second  # named twice, answered twice
        columns = [float(first[f"probability of {name}"]) for name in NAMES]
        assert sum(columns) == pytest.approx(1, abs=1e-5) and max(columns) == float(first["probability"])
        assert NAMES[int(np.argmax(columns))] == first["label"]
        assert told.err.splitlines() == ["1 of 3 files could not be read:", f"  no image at '{files[1]}'"]


@pytest.mark.skipif(os.name != "posix", reason="names of bytes")
def test_a_name_that_is_no_utf8_is_written_as_it_is(preset, photos, tmp_path, capfdbinary):
    name = os.fsencode(photos) + b"/\xff.jpg"
    os.rename(photos / "0.jpg", name)
    assert main(["predict", "--preset", str(preset), os.fsdecode(name), "--out", str(tmp_path / "answers.csv")]) == 0
    assert b"/\xff.jpg," in (tmp_path / "answers.csv").read_bytes()
    assert main(["predict", "--preset", str(preset), os.fsdecode(name)]) == 0
    assert b"/\xff.jpg," in capfdbinary.readouterr().out


def test_what_is_there_is_kept_and_a_failure_leaves_nothing(preset, photos, tmp_path, capsys):
    out = tmp_path / "answers.csv"
    out.write_text("kept")
    command = ["predict", "--preset", str(preset), "--out", str(out)]
    assert main([*command, str(photos)]) == 2
    assert "was not overwritten" in capsys.readouterr().err and out.read_text() == "kept"
    assert main([*command, str(photos / "below" / "torn.png"), "--overwrite"]) == 2
    assert "not one of 1 files could be read; the first: cannot decode" in capsys.readouterr().err
    assert out.read_text() == "kept" and {path.name for path in tmp_path.iterdir()} == {"photos", "answers.csv"}
    assert main([*command, str(photos), "--overwrite"]) == 0
    assert len(out.read_text().splitlines()) == 10
    before = (photos / "0.jpg").read_bytes()
    assert main([*command[:-1], str(photos / "0.jpg"), str(photos), "--overwrite"]) == 2
    assert (photos / "0.jpg").read_bytes() == before


MISTAKES = {
    "no such preset": (["--preset", "ram_digit", "PHOTOS"], "No preset 'ram_digit'"),
    "no model": (["PHOTOS"], "No run in"),
    "no run": (["nowhere", "PHOTOS"], "No run in nowhere"),
    "nothing to look at": (["--preset", "PRESET"], "name files or folders"),
    "a folder without images": (["--preset", "PRESET", "tf_glimpse/commands"], "no images in tf_glimpse/commands; "),
    "a threshold": (["--preset", "PRESET", "PHOTOS", "--threshold", "0.1"], "a model that stops early"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_clear_line(mistake, preset, photos, capsys):
    arguments, words = MISTAKES[mistake]
    places = {"PRESET": str(preset), "PHOTOS": str(photos)}
    assert main(["predict", *(places.get(argument, argument) for argument in arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tf-glimpse: ") and words in line


def test_files_of_more_than_8_bits_are_read_as_the_recipe_says(tmp_path):
    """12 bits in 16: by their own brightness, not a sixteenth of it."""
    Image.fromarray(np.random.default_rng(0).integers(0, 4096, (20, 20)).astype(np.uint16)).save(tmp_path / "deep.png")
    model = ram()
    model.save_to_preset(tmp_path / "deep", recipe={"white_level": 4095})
    model.save_to_preset(tmp_path / "flat")
    found = []
    for name in ("deep", "flat"):
        stream = io.StringIO()
        predict_files(open_finished(preset=str(tmp_path / name)), [tmp_path / "deep.png"], stream)
        found.append(float(rows_of(stream.getvalue())[0]["probability"]))
    expected = [model.classify(tmp_path / "deep.png", white_level=level).probabilities.max() for level in (4095, None)]
    assert found == pytest.approx(expected, abs=2e-6) and found[0] != pytest.approx(found[1], abs=1e-4)


def test_a_control_looks_where_it_was_trained_to(control, photos):
    stream = io.StringIO()
    predict_files(open_finished(preset=str(control)), [photos / "0.jpg", photos / "2.jpg"], stream, batch_size=1)
    expected = Random(3)(None, np.arange(2), (0, 0))
    np.testing.assert_allclose([json.loads(row["places"]) for row in rows_of(stream.getvalue())], expected, atol=1e-4)


def test_a_model_that_stops_lists_only_where_it_looked(photos, tmp_path):
    tf_glimpse.AdaptiveModel(ram(), stopping_units=4).save_to_preset(tmp_path / "stops")
    finished, stream = open_finished(preset=str(tmp_path / "stops")), io.StringIO()
    predict_files(finished, [photos / "0.jpg"], stream, threshold=2.0)
    assert len(json.loads(rows_of(stream.getvalue())[0]["places"])) == 1


def test_files_are_read_no_further_ahead_than_a_batch(preset, photos):
    stream, ahead = io.StringIO(), []

    def files():
        for index in range(40):
            ahead.append(index - max(stream.getvalue().count("\n") - 1, 0))
            yield photos / "0.jpg"

    assert predict_files(open_finished(preset=str(preset)), files(), stream, batch_size=8) == (40, [])
    assert max(ahead) < 8


def test_a_folder_is_gone_through_again_with_the_same_count(photos):
    files = ImageFiles([photos, photos / "notes.txt"])
    assert len(list(files)) == len(list(files)) == 11  # a file that is named is taken as it is
    assert files.other == {".txt": 1}
    with pytest.raises(UserError, match="not one of 1 files"):
        predict_files(open_finished(preset="ram_digits"), [photos / "notes.txt"], io.StringIO())
