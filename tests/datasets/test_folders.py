import os
import re

import numpy as np
import pytest
from PIL import Image

from tf_glimpse.datasets import decode_image, encoded, eval_batches, load, whole_name
from tf_glimpse.datasets.splits import split_files
from tf_glimpse.types import UserError

# Images of one grey are enough for most of these tests: those of one folder are then copies of each other, which is told (test_notes.py).
pytestmark = pytest.mark.filterwarnings("ignore::tf_glimpse.types.DataWarning")


def filled(level, size=(20, 30), channels=3):
    return np.full([*size, channels][: 2 + (channels > 1)], level, np.uint8)


@pytest.fixture
def classes_folder(write_image, tmp_path):
    """CLASS/*: ten RGB images a class, all 20x30, class b brighter."""
    for number in range(10):
        write_image(f"photos/a/{number}.png", filled(number))
        write_image(f"photos/b/{number}.PNG", filled(100 + number), format="png")
    return tmp_path / "photos"


def levels(source):
    return np.concatenate([images[:, 0, 0, 0] for images, _ in eval_batches(source, 4).as_numpy_iterator()])


def test_class_folders_of_one_size_keep_it_and_give_up_a_fixed_validation_part(classes_folder):
    data = load(classes_folder, validation_fraction=0.2)
    assert (data.class_names, data.num_classes, data.image_shape, data.test, data.canvas) == (["a", "b"], 2, (20, 30, 3), None, None)
    assert len(data.train) == 16 and len(data.validation) == 4
    np.testing.assert_array_equal(np.bincount(data.validation.labels), [2, 2])
    for source in (data.train, data.validation):
        np.testing.assert_array_equal(levels(source) >= 100, source.labels == 1)
    assert sorted([*levels(data.train), *levels(data.validation)]) == [*range(10), *range(100, 110)]
    np.testing.assert_array_equal(levels(load(classes_folder, validation_fraction=0.2).validation), levels(data.validation))
    assert load(classes_folder, validation_fraction=0).validation is None


def test_one_more_file_leaves_the_others_in_their_parts():
    files = [f"{name}/{number}.jpg" for name in "ab" for number in range(100)]
    held_out = {}
    for count in range(20, 101):
        present = [file for file in files if int(file[2:-4]) < count or file[0] == "b"]
        train, validation = split_files(present, [file[0] == "b" for file in present], 0.1, seed=0)
        np.testing.assert_array_equal(np.sort([*train, *validation]), np.arange(len(present)))
        held_out[count] = {present[position] for position in validation}
        assert [sum(file[0] == name for file in held_out[count]) for name in "ab"] == [round(0.1 * count), 10]
    for count in range(20, 100):
        before, after, newest = held_out[count], held_out[count + 1], f"a/{count}.jpg"
        assert len((before ^ after) - {newest}) <= 1
    _, other_seed = split_files(files, [0] * 100 + [1] * 100, 0.1, seed=1)
    assert {files[position] for position in other_seed} != held_out[100]
    assert [len(part) for part in split_files(["a/1", "b/1", "b/2"], [0, 1, 1], 0.9, seed=0)] == [2, 1]


def test_a_folder_is_split_by_its_files_names(classes_folder, write_image):
    def held_out():
        data = load(classes_folder, validation_fraction=0.2)
        assert not set(data.train.files) & set(data.validation.files)
        np.testing.assert_array_equal([file.startswith("b/") for file in data.validation.files], data.validation.labels)
        return set(data.validation.files)

    before = held_out()
    write_image("photos/a/00.png", filled(50))  # comes before all others
    assert len((before ^ held_out()) - {"a/00.png"}) <= 1 and len(before) == 4


def test_fingerprints_tell_data_apart(classes_folder, write_image):
    same, options = load(classes_folder).fingerprint, [{"validation_fraction": 0}, {"validation_fraction": 0.2}, {"seed": 5}]
    assert load(classes_folder).fingerprint == load(classes_folder, image_size=8).fingerprint == same and len(same) == 16
    found = [load(classes_folder, **option).fingerprint for option in options]
    (classes_folder / "a" / "0.png").rename(classes_folder / "a" / "renamed.png")
    found.append(load(classes_folder).fingerprint)
    assert len({same, *found}) == 5


def test_split_folders(write_image, tmp_path):
    for number, split in enumerate(("train", "val", "test")):
        for name in "ab":
            write_image(f"{split}/{name}/image.jpg", filled(number * 50))
    data = load(tmp_path)
    assert [len(source) for source in (data.train, data.validation, data.test)] == [2, 2, 2]
    assert [levels(source)[0] for source in (data.train, data.validation, data.test)] == [0, 50, 100]


def test_mixed_sizes_and_formats_become_one_shape(write_image, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    write_image("a/grey.png", filled(10, (40, 50), channels=1))
    write_image("a/deep.png", np.full([30, 30], 20 * 257, np.uint16))
    write_image("a/alpha.png", filled(30, (8, 9), channels=4))
    write_image("b/palette.png", Image.fromarray(filled(40, (200, 100))).quantize(2))
    write_image("b/turned.jpg", filled(50, (10, 90)), exif=exif)
    data = load(tmp_path, validation_fraction=0)
    assert data.image_shape == (128, 128, 3)
    np.testing.assert_allclose(levels(data.train), [30, 20, 10, 40, 50], atol=2)  # in the order of the file names
    assert load(tmp_path, image_size=16, channels=1).image_shape == (16, 16, 1)
    wide = load(tmp_path, image_size=(10, 16), validation_fraction=0)
    assert wide.image_shape == wide.train.fetch([0]).shape[1:] == (10, 16, 3)


def test_grey_folders_have_one_channel(write_image, tmp_path):
    for name in "ab":
        write_image(f"{name}/image.png", filled(7, channels=1))
    assert load(tmp_path).image_shape == (20, 30, 1)
    assert load(tmp_path, channels=3).image_shape == (20, 30, 3)


def test_turned_images_count_with_their_upright_size(write_image, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 8
    write_image("a/plain.png", filled(1))
    write_image("b/turned.png", filled(2, (30, 20)), exif=exif)
    assert load(tmp_path).image_shape == (20, 30, 3)


def test_large_sets_are_decoded_batch_by_batch(classes_folder, monkeypatch):
    cached = load(classes_folder, image_size=8)
    monkeypatch.setattr(encoded, "CACHE_BYTES", 0)
    streamed = load(classes_folder, image_size=8)
    np.testing.assert_array_equal(streamed.train.labels, cached.train.labels)
    for (ours, _), (theirs, _) in zip(eval_batches(streamed.train, 4), eval_batches(cached.train, 4), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("cache_bytes", [encoded.CACHE_BYTES, 0])
def test_corrupt_files_are_named_or_skipped_and_counted(classes_folder, write_image, monkeypatch, cache_bytes):
    monkeypatch.setattr(encoded, "CACHE_BYTES", cache_bytes)
    noise = write_image("photos/a/torn.jpg", np.random.default_rng(0).integers(0, 256, [20, 30, 3], np.uint8))
    noise.write_bytes(noise.read_bytes()[:-300])
    with pytest.raises(UserError, match=r"cannot decode '.*photos/a/torn.jpg': .*truncated.*`skip_corrupt=True`"):
        load(classes_folder)
    (classes_folder / "b" / "text.jpg").write_text("hello")
    (classes_folder / "a" / "empty.png").touch()
    with pytest.raises(UserError, match="cannot decode 3 of 23 images: .*remove them, or leave out .* with `skip_corrupt=True`") as told:
        load(classes_folder)
    for name in ("a/torn.jpg': .*truncated", "b/text.jpg': not an image", "a/empty.png': not an image"):
        assert re.search(name, str(told.value)), "all are named at once, whether their header or their pixels are broken"
    data = load(classes_folder, skip_corrupt=True)
    assert data.skipped == 3 and len(data.train) + len(data.validation) == 20
    np.testing.assert_array_equal(levels(data.train) >= 100, data.train.labels == 1)


@pytest.mark.parametrize("cache_bytes", [encoded.CACHE_BYTES, 0])
def test_images_left_out_do_not_decide_the_shape(write_image, tmp_path, monkeypatch, cache_bytes):
    monkeypatch.setattr(encoded, "CACHE_BYTES", cache_bytes)
    for name in "ab":
        write_image(f"{name}/image.png", filled(7, channels=1))
    torn = write_image("a/torn.jpg", np.random.default_rng(0).integers(0, 256, [64, 64, 3], np.uint8))
    torn.write_bytes(torn.read_bytes()[:-300])
    data = load(tmp_path, skip_corrupt=True)
    assert (data.image_shape, data.skipped, list(levels(data.train))) == ((20, 30, 1), 1, [7, 7])


def test_other_files_and_hidden_folders_are_left_alone(classes_folder):
    (classes_folder / "a" / ".DS_Store").write_text("x")
    (classes_folder / "a" / "._1.png").write_text("what macOS leaves beside 1.png")
    (classes_folder / "notes.txt").write_text("x")
    (classes_folder / ".cache").mkdir()
    assert load(classes_folder).class_names == ["a", "b"]


def test_folders_that_are_no_data_set_are_told(classes_folder, write_image, tmp_path):
    with pytest.raises(UserError, match="no such folder: '/nowhere/photos'"):
        load("/nowhere/photos")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"at least two classes, .*found no subfolder"):
        load(tmp_path / "empty")
    with pytest.raises(UserError, match=r"at least two classes, .*found one class \('photos'\)"):
        write_image("one/photos/image.png", filled(1))
        load(tmp_path / "one")
    (classes_folder / "c").mkdir()
    with pytest.raises(UserError, match=r"no images in '.*photos/c'; expected files that Pillow reads"):
        load(classes_folder)
    for path in ("split/train/a/1.png", "split/train/b/1.png", "split/test/a/1.png", "split/test/c/1.png"):
        write_image(path, filled(1))
    with pytest.raises(UserError, match="has classes that the training split lacks: c"):
        load(tmp_path / "split")
    for split in ("train", "val", "validation"):
        for name in "ab":
            write_image(f"twice/{split}/{name}/1.png", filled(1))
    with pytest.raises(UserError, match="expected one validation split in '.*twice', found val, validation"):
        load(tmp_path / "twice")


def test_a_folder_with_nothing_readable_is_told(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "image.png").write_text("no image")
    with pytest.raises(UserError, match="the train split has no readable image"):
        load(tmp_path, skip_corrupt=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation_fraction": 1.0}, "validation_fraction must be from 0 to below 1, got 1.0"),
        ({"channels": 2}, r"channels must be 1 \(grey\), 3 \(RGB\), 4 \(RGB and alpha\) or None, got 2"),
        ({"white_level": 0}, "white_level must be a number above 0, such as 4095, or None, got 0"),
        ({"image_size": 0}, r"image_size must be at least 1 pixel, one number or \(height, width\), got 0"),
    ],
)
def test_bad_options_are_told(classes_folder, options, message):
    with pytest.raises(UserError, match=message):
        load(classes_folder, **options)


def test_a_folder_named_as_a_known_set_is_not_meant_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("cifar10", "photos"):
        (tmp_path / name).mkdir()
    assert [whole_name(name) for name in ("cifar10", "tf_flowers", None)] == ["cifar10", "tf_flowers", None]
    assert [whole_name(name) for name in ("photos", "./cifar10")] == [str(tmp_path / "photos"), str(tmp_path / "cifar10")]


def test_images_in_subfolders_of_a_class_are_its_images(classes_folder, write_image):
    write_image("photos/a/2024/may/1.png", filled(40))
    write_image("photos/a/2024/0.png", filled(41))
    (classes_folder / "a" / "2024" / "back").symlink_to(classes_folder)  # a circle of links
    data = load(classes_folder, validation_fraction=0)
    assert [file for file in data.train.files if file.count("/") > 1] == ["a/2024/0.png", "a/2024/may/1.png"]
    assert [levels(data.train)[data.train.files.index(f"a/2024/{name}.png")] for name in ("0", "may/1")] == [41, 40]
    assert len(data.train) == 22 and data.class_names == ["a", "b"]


def test_links_to_files_and_folders_are_followed(classes_folder, tmp_path):
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "a").symlink_to(classes_folder / "a")
    (tmp_path / "linked" / "b").mkdir()
    (tmp_path / "linked" / "b" / "one.png").symlink_to(classes_folder / "b" / "0.PNG")
    data = load(tmp_path / "linked", validation_fraction=0)
    assert len(data.train) == 11 and data.train.files[-1] == "b/one.png"


ENDINGS = [
    ".jpg",
    ".jpe",
    ".jfif",
    ".png",
    ".tif",
    ".tiff",
    ".webp",
    ".bmp",
    ".gif",
    ".ppm",
    ".pbm",
    ".jp2",
    ".tga",
    ".ico",
    ".avif",
    ".JPG",
]


def test_whatever_pillow_reads_is_taken(write_image, tmp_path):
    for number, ending in enumerate(ENDINGS):
        image = Image.fromarray(filled(5 * number, (16, 16), 3))
        write_image(f"{'ab'[number % 2]}/{number:02}{ending}", image.convert("1") if ending == ".pbm" else image)
    data = load(tmp_path, validation_fraction=0)
    assert {file[4:] for file in data.train.files} == set(ENDINGS)
    numbers = [int(file[2:4]) for file in data.train.files]
    wanted = [0 if ENDINGS[number] == ".pbm" else 5 * number for number in numbers]
    np.testing.assert_allclose(levels(data.train), wanted, atol=4)  # some formats lose a little


@pytest.mark.parametrize(
    ("training", "validating", "testing"),
    [
        ("train", "val", "test"),
        ("training", "validation", "testing"),
        ("Train", "VAL", "Test"),
        ("train", "valid", "eval"),
        ("TRAINING", "dev", None),
        ("train", None, None),
    ],
)
def test_names_of_splits(write_image, tmp_path, training, validating, testing):
    counts = {training: 3, validating: 2, testing: 1}
    for split, count in counts.items():
        for name in "ab" if split else "":
            for number in range(count):
                write_image(f"set/{split}/{name}/{number}.png", filled(number))
    data = load(tmp_path / "set", validation_fraction=0)
    found = [0 if source is None else len(source) for source in (data.train, data.validation, data.test)]
    assert found == [6, 4 if validating else 0, 2 if testing else 0]
    assert data.class_names == ["a", "b"]


@pytest.mark.parametrize(
    "names", [["training", "testing"], ["train", "test"], ["train", "val", "cats"], ["dev", "eval"], ["Train"]], ids=str
)
def test_folders_named_as_splits_are_no_classes(write_image, tmp_path, names):
    for name in names:
        write_image(f"flat/{name}/1.png", filled(1))
    with pytest.raises(UserError, match=r"has folders named as splits \(.*\) without a training split that has classes; expected .*CLASS"):
        load(tmp_path / "flat")


@pytest.mark.parametrize("names", [["car", "train"], ["invalid", "valid"], ["control", "test"]], ids=str)
def test_classes_may_be_called_as_a_split_among_others(write_image, tmp_path, names):
    for number, name in enumerate(names):
        for photo in range(2):
            write_image(f"classes/{name}/{photo}.png", filled(50 * number + photo))
    assert load(tmp_path / "classes", validation_fraction=0).class_names == sorted(names)


def test_folders_beside_the_splits_are_told(write_image, tmp_path):
    for path in ("train/a/1.png", "train/b/1.png", "unlabelled/x/1.png", "unlabelled/2.png", "train/loose.png"):
        write_image(f"set/{path}", filled(len(path)))
    notes = " | ".join(load(tmp_path / "set", validation_fraction=0).notes)
    assert "left out 3 files (beside the classes): train/loose.png, unlabelled/2.png, unlabelled/x/1.png" in notes


def test_a_pipe_does_not_hang(classes_folder):
    os.mkfifo(classes_folder / "a" / "pipe.png")
    assert len(load(classes_folder, validation_fraction=0).train) == 20
    with pytest.raises(UserError, match="pipe.png': it is no regular file"):
        decode_image(classes_folder / "a" / "pipe.png")


def test_folders_named_in_latin_1_are_read(write_image, tmp_path):
    for number, name in enumerate(["caf\udce9", "th\u00e9"]):  # the first as Latin-1, the second as UTF-8 writes it
        for photo in range(2):
            write_image(f"set/{name}/{photo}.png", filled(100 * number + photo))
    data = load(tmp_path / "set", validation_fraction=0)
    assert data.class_names == ["caf\u00e9", "th\u00e9"]
    assert "names of classes that are no UTF-8 are read as Latin-1: caf\u00e9" in data.notes
    np.testing.assert_array_equal(levels(data.train) >= 100, data.train.labels == 1)
    write_image("set/caf\u00e9/1.png", filled(3))
    with pytest.raises(UserError, match="has classes whose names read alike"):
        load(tmp_path / "set")


def test_a_class_of_other_files_alone_names_them(classes_folder):
    (classes_folder / "c").mkdir()
    (classes_folder / "c" / "film.mp4").write_text("x")
    with pytest.raises(UserError, match=r"no images in '.*photos/c' \(found film.mp4\); expected files that Pillow reads"):
        load(classes_folder)
