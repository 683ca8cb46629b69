import http.server
import importlib.util
import os
import shutil
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tf_glimpse.datasets import builders, encoded, eval_batches, load, loading, prepare, stored  # noqa: F401  builders register their sets
from tf_glimpse.datasets.decode import decode_image
from tf_glimpse.datasets.encoded import encoded_sources
from tf_glimpse.datasets.prepare import prepared_builder
from tf_glimpse.datasets.splits import split_positions
from tf_glimpse.datasets.stored import read_split
from tf_glimpse.types import UserError


@pytest.fixture
def no_network(monkeypatch):
    def unreachable(*arguments, **options):
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.delenv(prepare.MANUAL_DIR_VARIABLE, raising=False)


@pytest.mark.parametrize("name", ["mnist", "cluttered_mnist/60", "cifar10", "imagenette", "tf_flowers"])
def test_without_network_and_files_one_line_says_so_at_once(no_network, tmp_path, name):
    start = time.monotonic()
    wanted = r"cannot get '\w+': no network \(.*Name or service not known\), and no `manual_dir=D` \(or TF_GLIMPSE_MANUAL_DIR=D\) with D/"
    with pytest.raises(UserError, match=wanted) as caught:
        load(name, data_dir=tmp_path)
    assert time.monotonic() - start < 10 and "\n" not in str(caught.value)


def test_missing_manual_files_are_named(no_network, tmp_path, monkeypatch):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-labels-idx1-ubyte.gz").write_bytes(b"")
    with pytest.raises(UserError, match=r"mnist' lacks t10k-images-idx3-ubyte.gz, .*train-images-idx3-ubyte.gz$"):
        load("mnist", data_dir=tmp_path / "data", manual_dir=tmp_path)
    monkeypatch.setenv(prepare.MANUAL_DIR_VARIABLE, str(tmp_path))
    with pytest.raises(UserError, match=r"mnist' lacks t10k-images-idx3-ubyte.gz"):
        load("translated_mnist/60", data_dir=tmp_path / "data")


def test_files_to_be_placed_by_hand_are_named(no_network, tmp_path):
    with pytest.raises(UserError, match=r"imagenet2012': TFDS cannot download it by itself, .* holding ILSVRC2012_img_train.tar, ILSVRC"):
        load("imagenet2012", data_dir=tmp_path)
    (tmp_path / "imagenet2012").mkdir()
    with pytest.raises(UserError, match=r"imagenet2012 does not exist or is empty.* contain two files: ILSVRC2012_img_train.tar and"):
        load("imagenet2012", data_dir=tmp_path / "data", manual_dir=tmp_path)


def test_wrong_manual_files_are_told(no_network, tmp_path):
    (tmp_path / "mnist").mkdir()
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / "mnist" / f"{part}-ubyte.gz").write_bytes(b"not the digits")
    with pytest.raises(UserError, match=r"could not prepare 'mnist' in .*wrong checksum") as caught:
        load("mnist", data_dir=tmp_path / "data", manual_dir=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_silent_host_is_given_up_on(monkeypatch):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        start = time.monotonic()
        problem = prepare.network_problem(f"http://127.0.0.1:{silent.getsockname()[1]}/file.gz")
    assert problem and time.monotonic() - start < 4.5


def test_any_answer_is_a_network():
    with http.server.HTTPServer(("127.0.0.1", 0), QuietRefusal) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert prepare.network_problem(f"http://127.0.0.1:{server.server_port}/file.gz") is None
        thread.join()


class QuietRefusal(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(404)

    def log_message(self, *arguments):
        pass


def test_unknown_names_are_told(tmp_path):
    for name in ("no_such_set", "cluttered_mnist/61", "digits_canvas/60"):
        with pytest.raises(UserError, match=f"no folder and no data set called '{name}'; expected mnist, .*digits_canvas, another TFDS"):
            load(name, data_dir=tmp_path)
    with pytest.raises(UserError, match="got ''"):
        load("")


def test_sets_without_images_and_labels_are_told_before_any_download(no_network, tmp_path):
    with pytest.raises(UserError, match="'imdb_reviews' has no feature 'image' with one class 'label'; it has text, label"):
        load("imdb_reviews", data_dir=tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(importlib.util.find_spec("huggingface_hub") is not None, reason="the package is there")
def test_a_missing_package_is_told(tmp_path, capsys):
    with pytest.raises(UserError, match="TFDS cannot open 'huggingface:x': No module named 'huggingface_hub'"):
        load("huggingface:x", data_dir=tmp_path)
    assert capsys.readouterr().out == ""


def test_prepared_data_need_neither_network_nor_files(no_network, digits_data, monkeypatch, tmp_path):
    load("digits_canvas", data_dir=tmp_path)
    files = {path: os.stat(path).st_mtime_ns for path in (tmp_path / "digits_canvas").rglob("*")}
    monkeypatch.setattr(prepare, "_prepare", None)
    again = load("digits_canvas", data_dir=tmp_path)
    np.testing.assert_array_equal(again.test.fetch([0, 399]), digits_data.test.fetch([0, 399]))
    assert files == {path: os.stat(path).st_mtime_ns for path in (tmp_path / "digits_canvas").rglob("*")}


def test_canvases_have_one_size(digits_data, tmp_path):
    with pytest.raises(UserError, match="'digits_canvas' has grey images of 60x60 pixels, got image_size=28, channels=None"):
        load("digits_canvas", image_size=28, data_dir=tmp_path)
    assert load("digits_canvas", image_size=60, data_dir=tmp_path).train.image_shape == (28, 28, 1)


def test_two_may_prepare_one_set_at_the_same_time(tmp_path):
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda name: load(name, data_dir=tmp_path), ["digits_canvas"] * 2))
    assert [len(data.train) for data in both] == [1197, 1197]


def test_a_data_dir_that_is_no_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="could not prepare 'digits_canvas' in '.*file': .*exists"):
        load("digits_canvas", data_dir=tmp_path / "file")


def test_a_data_dir_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / ".digits_canvas.lock").mkdir()  # fails even for root, as a read-only folder does for others
    with pytest.raises(UserError, match="could not prepare 'digits_canvas' in .*lock'") as caught:
        load("digits_canvas", data_dir=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_manual_dir_may_move(tmp_path):
    builder = tfds.builder("cifar10", data_dir=tmp_path)
    for place in ("before", "after"):
        (tmp_path / place / "cifar-10-batches-bin").mkdir(parents=True)
        config = tfds.download.DownloadConfig(manual_dir=tmp_path / place, extract_dir=tmp_path / "extracted")
        prepare._place_unpacked(builder, config, tmp_path / "downloads")
        (link,) = tmp_path.glob("extracted/*/cifar-10-batches-bin")
        assert link.resolve() == (tmp_path / place / link.name).resolve()
        shutil.rmtree(tmp_path / place)


def test_loading_prints_nothing_on_stdout(tmp_path, capsys):
    load("digits_canvas", data_dir=tmp_path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("count", "fraction"), [(1000, 0.1), (7, 0.3), (10, 0.0), (3, 0.1)])
def test_split_positions_part_the_whole_and_keep_shares(count, fraction):
    labels = np.random.default_rng(0).choice(3, count, p=[0.6, 0.3, 0.1])
    train, validation = split_positions(labels, fraction, seed=0)
    assert len(validation) == round(count * fraction)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, validation])), np.arange(count))
    if count == 1000:
        shares = np.bincount(labels[validation]) / np.bincount(labels)
        np.testing.assert_allclose(shares, 0.1, atol=0.012)
        assert (split_positions(labels, fraction, seed=1)[1] != validation).any()
    np.testing.assert_array_equal(split_positions(labels, fraction, seed=0)[1], validation)


def test_what_was_decoded_once_is_read_back(tmp_path):
    """The second reading gives the same and opens no record; a damaged file is made anew, and one that cannot be written is no matter."""
    builder = prepared_builder("digits_canvas", data_dir=tmp_path)
    images, labels = read_split(builder, "validation")
    kept = Path(builder.data_path) / "decoded-validation.npz"
    records = next(Path(builder.data_path).glob("*validation.tfrecord*"))
    bytes_of_records = records.read_bytes()
    records.write_bytes(b"")
    for array, again in zip((images, labels), read_split(builder, "validation"), strict=True):
        np.testing.assert_array_equal(array, again)
    records.write_bytes(bytes_of_records)
    kept.write_bytes(kept.read_bytes()[:1000])
    np.testing.assert_array_equal(read_split(builder, "validation")[0], images)
    with np.load(kept) as stored:
        np.testing.assert_array_equal(stored["images"], images)
    kept.unlink()
    kept.mkdir()
    np.testing.assert_array_equal(read_split(builder, "validation")[0], images)
    assert not list(kept.parent.glob(".part*"))


def test_a_split_too_large_to_hold_is_read_from_its_records(tmp_path, monkeypatch):
    builder = prepared_builder("digits_canvas", data_dir=tmp_path)
    held, labels = read_split(builder, "test", decode=False)
    monkeypatch.setattr(stored, "HELD_BYTES", 0)
    monkeypatch.setattr(encoded, "CACHE_BYTES", 0)
    images, again = read_split(builder, "test", decode=False)
    assert isinstance(images, stored.StoredImages) and list(images) == held
    np.testing.assert_array_equal(again, labels)
    sources, skipped, _ = encoded_sources({"test": (images, again)}, image_size=14)
    few = np.array([5, 0, 399])
    assert (skipped, sources["test"].image_shape) == (0, (14, 14, 1))
    expected = [decode_image(held[index], 1, 14) for index in few]
    np.testing.assert_array_equal(next(iter(eval_batches(sources["test"].subset(few), 3)))[0], expected)
    monkeypatch.setattr(stored.StoredImages, "__getitem__", lambda self, index: held[index] if index != 7 else held[index][:40])
    with pytest.raises(UserError, match="leave out such files"):
        encoded_sources({"test": (images, again)})
    sources, skipped, _ = encoded_sources({"test": (images, again)}, skip_corrupt=True)
    assert (skipped, len(sources["test"])) == (1, len(held) - 1)
    np.testing.assert_array_equal(sources["test"].fetch([7])[0], decode_image(held[8]))


def test_images_of_a_large_set_are_read_when_they_are_wanted(tmp_path, monkeypatch):
    builder = SimpleNamespace(name="large", info=prepared_builder("digits_canvas", data_dir=tmp_path).info)
    monkeypatch.setattr(stored, "HELD_BYTES", 0)
    monkeypatch.setattr(encoded, "CACHE_BYTES", 0)
    read, get = [], stored.StoredImages.__getitem__
    monkeypatch.setattr(stored.StoredImages, "__getitem__", lambda self, index: read.append(index) or get(self, index))
    sources, *_ = loading.read_sources(builder, image_size=14)
    assert set(read) <= {0} and sources["test"].image_shape == (14, 14, 1)  # the first tells files from bytes
    read.clear()
    sources["test"].fetch([3, 5])
    assert sorted(read) == [3, 5]


def test_records_of_another_format_are_refused(tmp_path):
    files = SimpleNamespace(filepaths=[tmp_path / "large-train.array_record-00000-of-00001"])
    builder = SimpleNamespace(name="large", info=SimpleNamespace(splits={"train": files}))
    with pytest.raises(UserError, match="'large' is too large to hold in memory, and is read from TFRecords only. Found: .*array_record"):
        stored.StoredImages(builder, "train")
