"""What a run is told about reading files holds wherever the run is used again."""

import dataclasses
import json
import warnings

import numpy as np
import pytest
from PIL import Image

from tf_glimpse import cli
from tf_glimpse.datasets import decode_image
from tf_glimpse.training import get_recipe, train_and_evaluate
from tf_glimpse.training.finished import chosen_images, load_run_data, open_finished
from tf_glimpse.types import DataWarning


@pytest.fixture
def twelve_bits(tmp_path):
    """Two classes of twelve files of 16 bits that use 12, dark and bright, each twice; classes with names that trip programs."""
    draws = np.random.default_rng(0)
    for label, name in enumerate(["$_$", "caf\udce9"]):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(12):
            values = draws.integers(2000 * label, 2000 * label + 2000, [16, 16]).astype(np.uint16)
            for copy in "ab":
                Image.fromarray(values).save(tmp_path / "photos" / name / f"{copy}{number}.png")
    return tmp_path / "photos"


def test_a_run_remembers_how_its_files_are_read(twelve_bits, tmp_path, capfd):
    arguments = ["--data", str(twelve_bits), "--workdir", str(tmp_path / "run"), "--epochs", "1", "--image-size", "24"]
    assert cli.main(["train", "testing", *arguments, "--white-level", "4095", "--group-duplicates", "--channels", "1"]) == 0
    told = capfd.readouterr().err
    assert "note: 24 of 48 images are copies of another, pixel for pixel" in told
    assert "are copies of training images" not in told, "they were kept together"
    assert "note: names of classes that are no UTF-8 are read as Latin-1: caf\u00e9" in told
    assert "Traceback" not in told and "picture" not in told
    note = json.loads((tmp_path / "run" / "recipe.json").read_text())["recipe"]
    assert (note["white_level"], note["group_duplicates"], note["channels"]) == (4095, True, 1)
    finished = open_finished(tmp_path / "run")
    assert finished.model.class_names == ["$_$", "caf\u00e9"]
    data = load_run_data(finished)
    assert not np.isin(data.validation.copies, data.train.copies).any() and len(data.validation)
    file = twelve_bits / "caf\udce9" / "a3.png"
    wanted = decode_image(file, 1, 24, white_level=4095)
    assert wanted.mean() > 120 and decode_image(file, 1, 24).mean() < 20
    np.testing.assert_array_equal(chosen_images(finished, [file])[0][0], wanted)
    everything = {}
    for part in (data.train, data.validation):
        everything |= dict(zip(part.files, part.fetch(range(len(part))).numpy(), strict=True))
    np.testing.assert_array_equal(everything["caf\udce9/a3.png"], wanted)
    assert cli.main(["evaluate", str(tmp_path / "run"), "--split", "validation"]) == 0
    assert cli.main(["export", str(tmp_path / "run"), "--out", str(tmp_path / "served"), "--no-warm-up"]) == 0
    assert "note: servers read JPEG, PNG, GIF (its first frame), BMP" in capfd.readouterr().err


def test_another_white_level_is_another_run(twelve_bits, tmp_path, capfd):
    recipe = dataclasses.replace(get_recipe("testing"), data=str(twelve_bits), epochs=1, image_size=24, white_level=4095)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        train_and_evaluate(recipe, tmp_path / "run", verbose=0)
    arguments = ["--data", str(twelve_bits), "--workdir", str(tmp_path / "run"), "--epochs", "1", "--image-size", "24"]
    assert cli.main(["train", "testing", *arguments]) == 2
    assert "white_level 4095 there, None here" in capfd.readouterr().err
