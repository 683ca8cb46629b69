"""What `load` tells of the data that it read; each test reads real files."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tf_glimpse.datasets import load, load_photos
from tf_glimpse.types import DataWarning, UserError

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"


def noise(seed, shape=(12, 14, 3), high=256, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, high, shape).astype(dtype)


@pytest.fixture
def photos(write_image, tmp_path):
    """Two classes of ten different images, about which there is nothing to tell."""
    for number in range(10):
        for label, name in enumerate("ab"):
            write_image(f"photos/{name}/{number}.png", noise(10 * label + number))
    assert load(tmp_path / "photos").notes == ()
    return tmp_path / "photos"


def told(folder, **options):
    """The data, and what was told of them."""
    with pytest.warns(DataWarning) as warned:
        data = load(folder, **options)
    assert tuple(str(warning.message) for warning in warned) == data.notes
    assert all(warning.filename == __file__ for warning in warned), "the user's own line is shown"
    return data, " | ".join(data.notes)


def test_copies_are_counted_and_named(photos, write_image):
    for number in range(4):
        shutil.copy(photos / "a" / f"{number}.png", photos / "a" / f"again{number}.png")  # the same bytes
    write_image("photos/b/resaved.bmp", noise(10))  # the same pixels
    _, notes = told(photos)
    assert "5 of 25 images are copies of another, pixel for pixel (" in notes
    assert "a/again0.png = a/0.png" in notes.replace("train/", "").replace("validation/", "")
    assert "more than one class" not in notes
    grouped = load_noted(photos, group_duplicates=True)
    assert not set(grouped.train.copies) & set(grouped.validation.copies)
    assert len(grouped.train) + len(grouped.validation) == 25
    assert not [note for note in grouped.notes if "are copies of training images" in note]


def load_noted(folder, **options):
    with pytest.warns(DataWarning):
        return load(folder, **options)


def test_copies_of_training_images_among_those_to_judge_by(photos):
    for path in sorted(photos.glob("a/*.png")):
        shutil.copy(path, path.with_name(f"copy-of-{path.name}"))
    data, notes = told(photos, validation_fraction=0.3)
    torn = np.isin(data.validation.copies, data.train.copies).sum()
    assert torn and f"{torn} of 9 validation images are copies of training images" in notes
    assert "group_duplicates=True" in notes
    grouped = load_noted(photos, validation_fraction=0.3, group_duplicates=True)
    assert not np.isin(grouped.validation.copies, grouped.train.copies).any() and len(grouped.validation) > 4


def test_copies_stay_together_for_photos_of_two_sizes_too(photos):
    for path in sorted(photos.glob("a/*.png")):
        shutil.copy(path, path.with_name(f"copy-of-{path.name}"))
    with pytest.warns(DataWarning) as warned:
        data = load_photos(photos, 8, train_size=10, hold_out=0.3, group_duplicates=True)
    assert len({str(warning.message) for warning in warned}) == len(warned), "told once"
    parts = [set(part.copies) for part in (data.train, data.validation, data.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 20
    assert sum(len(part) for part in (data.train, data.validation, data.test)) == 30
    assert data.train.image_shape == (10, 10, 3)


def test_copies_in_split_folders_and_in_two_classes(write_image, tmp_path):
    for split, seeds in (("train", [1, 2, 3, 4]), ("dev", [5, 1]), ("testing", [2, 6])):
        for number, seed in enumerate(seeds):
            write_image(f"set/{split}/{'ab'[number % 2]}/{number}.png", noise(seed))
    _, notes = told(tmp_path / "set")
    assert "1 of 2 validation images are copies of training images" in notes
    assert "1 of 2 test images are copies of training images" in notes
    assert "the same image lies in more than one class, 2 times (validation/b/1.png = train/a/0.png, test/a/0.png = train/b/1.png)" in notes


def test_nothing_held_out_is_told(write_image, tmp_path):
    for name in "ab":
        write_image(f"few/{name}/1.png", noise(ord(name)))
    data, notes = told(tmp_path / "few")
    assert data.validation is None
    assert notes.startswith("nothing is held out to validate on: 2 images of 2 classes are too few for a share of 0.1")
    assert load(tmp_path / "few", validation_fraction=0).notes == ()


def test_files_left_out_are_counted_and_named(photos, write_image):
    (photos / "a" / "notes.txt").write_text("x")
    (photos / "a" / "scan.pdf").write_text("x")
    os.mkfifo(photos / "b" / "pipe.png")
    (photos / "b" / "gone.jpg").symlink_to(photos / "nowhere.jpg")
    write_image("photos/stray.JPG", noise(50), format="JPEG")
    data, notes = told(photos)
    assert "left out 2 files (not an image by its ending): a/notes.txt, a/scan.pdf" in notes
    assert "left out 2 files (not a regular file, or a link to nothing): b/gone.jpg, b/pipe.png" in notes
    assert "left out 1 file (beside the classes): stray.JPG" in notes
    assert len(data.train) + len(data.validation) == 20


def test_what_systems_leave_behind_is_not_told(photos):
    for name in ("a/.DS_Store", "a/._1.png", "b/Thumbs.db", "b/desktop.ini", "__MACOSX/a/1.png", "a/@eaDir/1.png", "README.md"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_text("x")
    data = load(photos)
    assert (data.class_names, data.notes, len(data.train) + len(data.validation)) == (["a", "b"], (), 20)


def test_skipped_files_are_named(photos):
    (photos / "a" / "3.png").write_bytes((photos / "a" / "3.png").read_bytes()[:200])
    (photos / "b" / "text.jpg").write_text("hello")
    data, notes = told(photos, skip_corrupt=True)
    assert data.skipped == 2
    assert "left out 2 images: cannot decode '" in notes
    assert "a/3.png': image file is truncated" in notes
    assert "b/text.jpg': not an image that Pillow knows" in notes


def test_channels_that_were_made_alike_are_told(photos, write_image):
    for number in range(3):
        write_image(f"photos/a/grey{number}.png", noise(90 + number, (12, 14)))
    clear, opaque = noise(70, (12, 14, 4)), noise(71, (12, 14, 4))
    opaque[..., 3] = 255
    write_image("photos/b/clear.png", clear)
    write_image("photos/b/opaque.png", opaque)
    data, notes = told(photos)
    assert data.image_shape == (12, 14, 3)
    assert "3 of 25 images are grey, the others in colour; all are read as 3 channels" in notes
    assert "1 of 25 images have transparent parts, which are read as if opaque; `channels=4` keeps transparency" in notes
    _, notes = told(photos, channels=1)
    assert "grey" not in notes, "that all become grey was asked for"


def save_tiff(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.mark.parametrize("high", [1000, 4096, 16000])
def test_twelve_bits_in_sixteen_are_told_and_scaled_on_request(photos, high):
    for number in range(3):
        save_tiff(photos / "a" / f"deep{number}.png", noise(number + 50, (12, 14), high, np.uint16))
    highest = max(np.asarray(Image.open(path)).max() for path in photos.glob("a/deep*.png"))
    white = {1000: 1023, 4096: 4095, 16000: 16383}[high]
    _, notes = told(photos)
    assert f"3 files of more than 8 bits reach {highest} of 65535 at most, and are read dark" in notes
    assert f"if {white} is their white, pass `white_level={white}`" in notes
    data = load(photos, white_level=white, channels=1, validation_fraction=0)
    assert data.notes == ()
    place = data.train.files.index("a/deep1.png")
    values = np.asarray(Image.open(photos / "a" / "deep1.png")).astype(float)
    np.testing.assert_array_equal(data.train.fetch([place])[0, ..., 0], np.rint(values * 255 / white))
    _, notes = told(photos, white_level=highest - 100)
    assert f"of 3 files of more than 8 bits have values above white_level={highest - 100}, up to {highest}; these became white" in notes


def test_sixteen_bits_used_whole_are_not_told(photos):
    save_tiff(photos / "a" / "deep.png", noise(50, (12, 14), 65536, np.uint16))
    _, notes = told(photos)  # of grey among colours
    assert "8 bits" not in notes


@pytest.mark.parametrize("bands", [3, 4])
def test_dark_colours_of_sixteen_bits_are_told_too(photos, bands):
    import tensorflow as tf

    (photos / "a" / "deep.png").write_bytes(tf.io.encode_png(noise(3, (12, 14, bands), 4096, np.uint16)).numpy())
    _, notes = told(photos)
    assert "1 file of more than 8 bits reach 4095 of 65535 at most" in notes


def test_floats_of_different_scales_are_told(photos):
    save_tiff(photos / "a" / "unit.tif", noise(1, (12, 14)).astype(np.float32) / 255)
    save_tiff(photos / "a" / "bytes.tif", noise(2, (12, 14)).astype(np.float32))
    _, notes = told(photos)
    assert "2 files of more than 8 bits were scaled each by its own highest value (1 with white at 1, 1 with white at 255)" in notes


def test_the_case_of_twelve_bits_in_sixteen(photos):
    case = CASES / "twelve_bit_in_sixteen.png"
    if not case.exists():
        pytest.skip(f"no {case}")
    shutil.copy(case, photos / "a" / "ramp.png")
    _, notes = told(photos)
    assert "pass `white_level=4095`" in notes


def test_values_that_have_no_meaning_are_refused_by_name(photos):
    for name, values in (("negative", [-1.0, 0.5]), ("nan", [np.nan, 0.5]), ("large", [0.0, 70000.0])):
        save_tiff(photos / "a" / f"{name}.tif", np.tile(np.float32(values), [4, 4]))
    with pytest.raises(UserError, match="cannot decode 3 of 23 images") as refused:
        load(photos)
    assert "large.tif': its values reach from 0 to 70000; expected 0 to 1, to 255 or to 65535" in str(refused.value)
    assert "nan.tif': it holds values that are no numbers" in str(refused.value)
    assert "negative.tif': its values reach from -1 to 0.5" in str(refused.value)
