import dataclasses
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tf_glimpse.boed import build_bank, generate_sequences, read_plan, read_sequences
from tf_glimpse.boed.store import Claimed
from tf_glimpse.datasets import Canvas
from tf_glimpse.models.glimpse_posterior import GlimpsePosterior
from tf_glimpse.types import UserError

SMALL = {"patch_size": 2, "num_glimpses": 3, "grid": (4, 4), "samples": 8, "first_samples": 50, "shard_size": 2}


@pytest.fixture
def make(digits, posterior_file, bank, tmp_path):
    """Fills `tmp_path/NAME` with the posterior and the bank that are there already."""

    def generate(name="sequences", data=digits, **options):
        given = {"posterior": {"path": str(posterior_file)}, "bank": {"path": str(bank.folder)}}
        return generate_sequences(data, tmp_path / name, **{**SMALL, "count": 6, **given, **options})

    return generate


def test_tfds_reads_what_was_made(make, digits, tmp_path):
    import tensorflow_datasets as tfds

    cost = make()
    assert cost["finished"]
    assert cost["sequences"] == 6
    assert 0 < cost["passes_a_sequence"] <= 2 * 16 * 8
    examples = list(tfds.builder_from_directory(tmp_path / "sequences").as_dataset(split="train").as_numpy_iterator())
    assert {int(example["label"]) for example in examples} <= set(range(10))
    assert all(digits.train.labels[example["index"]] == example["label"] for example in examples)
    found = read_sequences(tmp_path / "sequences", digits)
    assert found.actions.shape == (6, 3, 2)
    assert np.abs(found.actions).max() <= 1
    assert sorted(example["index"] for example in examples) == found.index.tolist()
    np.testing.assert_allclose(found.maps[:, 0], np.tile(found.first, (6, 1)))


def test_other_processes_shards_are_left_to_them(make, digits, tmp_path):
    make("alone")
    make("shared", count=6, samples=8)
    for path in (tmp_path / "shared").glob("glimpse_sequences-*-00001-of-*"):
        path.unlink()
    (tmp_path / "shared" / "dataset_info.json").unlink()
    with Claimed(tmp_path / "shared" / ".shard-00001.lock") as mine:
        assert mine
        cost = make("shared")
    assert (cost["sequences"], cost["finished"]) == (0, False)
    with pytest.raises(UserError, match="not finished"):
        read_sequences(tmp_path / "shared", digits)
    assert make("shared")["sequences"] == 2
    for alone, shared in zip(*(sorted((tmp_path / name).glob("*.tfrecord-*")) for name in ("alone", "shared")), strict=True):
        assert alone.read_bytes() == shared.read_bytes()


RUN = """
import sys
import tf_glimpse
import numpy as np
from tf_glimpse.boed import generate_sequences
from tf_glimpse.datasets import ImageData, array_source
stored = np.load(sys.argv[1])
parts = [array_source(stored[split], stored[split + "_labels"]) for split in ("train", "validation")]
data = ImageData("digits", *parts, None, 10, [str(number) for number in range(10)], (8, 8, 1))
generate_sequences(data, sys.argv[2], **eval(sys.argv[3]))
"""


def test_two_processes_share_a_set_and_what_is_killed_goes_on_to_the_same_sequences(make, digits, posterior_file, bank, tmp_path):
    options = {**SMALL, "shard_size": 1, "count": 40, "samples": 100}
    given = {**options, "posterior": {"path": str(posterior_file)}, "bank": {"path": str(bank.folder)}}
    splits = {split: getattr(digits, split) for split in ("train", "validation")}
    arrays = {split: source.fetch(range(len(source))).numpy() for split, source in splits.items()}
    np.savez(tmp_path / "digits.npz", **arrays, **{f"{split}_labels": source.labels for split, source in splits.items()})
    command, folder = [sys.executable, "-c", RUN, str(tmp_path / "digits.npz"), str(tmp_path / "killed"), repr(given)], tmp_path / "killed"
    processes = [subprocess.Popen(command) for _ in range(2)]
    while len(shards(folder)) < 4 and all(process.poll() is None for process in processes):
        time.sleep(0.005)
    for process in processes:
        process.send_signal(signal.SIGKILL)
    for process in processes:
        process.wait()
    before = shards(folder)
    assert 4 <= len(before) < 40
    assert make("killed", **options)["sequences"] == 40 - len(before)
    assert before.items() <= shards(folder).items()
    make("unbroken", **options)
    assert shards(folder).keys() == shards(tmp_path / "unbroken").keys()
    killed, unbroken = (read_sequences(tmp_path / name, digits) for name in ("killed", "unbroken"))
    np.testing.assert_array_equal(killed.actions, unbroken.actions)
    np.testing.assert_allclose(killed.maps, unbroken.maps, atol=1e-5)  # another process may add in another order


def shards(folder):
    """When each shard was written, by name."""
    return {path.name: path.stat().st_mtime_ns for path in pathlib.Path(folder).glob("glimpse_sequences-*")}


def test_it_trains_its_own_posterior_and_builds_its_own_bank(digits, tmp_path):
    few = dataclasses.replace(digits, train=digits.train.subset(np.arange(200)))
    options = {**SMALL, "posterior": {"epochs": 1}, "bank": {"flips": True, "components": 8}, "against_rest": 3}
    assert generate_sequences(few, tmp_path / "whole", count=2, **options)["finished"]
    rows = json.loads((tmp_path / "whole" / "calibration.json").read_text())["rows"]
    assert [row["glimpses"] for row in rows] == [0, 1, 2, 3]
    assert len(np.load(tmp_path / "whole" / "bank" / "images.npy", mmap_mode="r")) == 400
    assert read_sequences(tmp_path / "whole", few).entropies.max() <= np.log(2) + 1e-6


def test_nothing_is_overwritten(make, digits, tmp_path):
    make()
    before = shards(tmp_path / "sequences")
    assert make()["sequences"] == 0
    with pytest.raises(UserError, match="samples 8 there, 9 here.*nothing was overwritten"):
        make(samples=9)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("mine")
    with pytest.raises(UserError, match=r"other things \(letter.txt\)"):
        make("letters")
    assert shards(tmp_path / "sequences") == before


def test_a_truncated_shard_is_told(make, digits, tmp_path):
    make()
    shard = sorted((tmp_path / "sequences").glob("*.tfrecord-*"))[1]
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-7])
    with pytest.raises(UserError, match=f"the shard {shard} is damaged"):
        read_sequences(tmp_path / "sequences", digits)
    shard.write_bytes(whole[: len(whole) // 2])  # between two records
    for again in (make, lambda: read_sequences(tmp_path / "sequences", digits)):
        with pytest.raises(UserError, match=f"the shard {shard} is cut short, 1 of 2 sequences; delete it"):
            again()
    assert shard.read_bytes() == whole[: len(whole) // 2]
    shard.unlink()
    with pytest.raises(UserError, match=f"the shard {shard} is damaged"):
        read_sequences(tmp_path / "sequences", digits)
    assert make()["sequences"] == 2
    assert shard.read_bytes() == whole


def test_sequences_for_other_images_are_refused(make, digits, tmp_path):
    make()
    other = dataclasses.replace(digits, train=digits.train.subset(np.arange(1399)))
    with pytest.raises(UserError, match="or other splits of it"):
        read_sequences(tmp_path / "sequences", other)
    with pytest.raises(UserError, match=r"for images of shape \(8, 8, 1\)"):
        read_sequences(tmp_path / "sequences", dataclasses.replace(digits, image_shape=(16, 16, 1)))
    with pytest.raises(UserError, match="No sequences in"):
        read_sequences(tmp_path / "nowhere", digits)
    (tmp_path / "sequences" / "plan.json").write_text("{")
    with pytest.raises(UserError, match="plan.json is damaged"):
        read_plan(tmp_path / "sequences")


def test_what_was_taken_is_known_again_by_what_it_holds(make, posterior, posterior_file, tmp_path):
    make()
    assert [row["glimpses"] for row in json.loads((tmp_path / "sequences" / "calibration.json").read_text())["rows"]] == [0, 1, 2, 3]
    moved = shutil.copy(posterior_file, tmp_path / "moved.keras")
    assert make(posterior={"path": str(moved)})["sequences"] == 0
    changed = GlimpsePosterior.from_config(posterior.get_config())
    changed.build((None, 8, 8, 2))
    changed.save(moved)
    with pytest.raises(UserError, match="posterior {'digest': .* nothing was overwritten"):
        make(posterior={"path": str(moved)})


def test_a_damaged_first_map_is_told(make, digits, tmp_path):
    make()
    file = tmp_path / "sequences" / "first_map.npy"
    file.write_bytes(file.read_bytes()[:100])
    for again in (make, lambda: read_sequences(tmp_path / "sequences", digits)):
        with pytest.raises(UserError, match="first_map.npy is damaged"):
            again()
    np.save(file, np.zeros(9, np.float32))
    with pytest.raises(UserError, match="of another grid"):
        read_sequences(tmp_path / "sequences", digits)
    file.unlink()
    assert make()["sequences"] == 0
    assert len(read_sequences(tmp_path / "sequences", digits).first) == 16


MISTAKES = {
    "no samples": ({"samples": 0}, "samples=0"),
    "no sequences": ({"count": 0}, "count=0"),
    "more than there are": ({"count": 5000}, "1400 training images"),
    "no candidates": ({"grid": (0, 4)}, "at least one cell"),
    "a grid finer than the image": ({"grid": (9, 9)}, "finer than the image"),
    "no such class": ({"against_rest": 10}, "from 0 to 9"),
    "no glimpses": ({"num_glimpses": 0}, "num_glimpses=0"),
    "a glimpse larger than the image": ({"patch_size": 9}, "patch_size=9"),
    "a file that is no posterior": ({"posterior": {"path": "nowhere.keras"}}, "nowhere.keras"),
    "a posterior taken and trained": ({"posterior": {"path": "nowhere.keras", "epochs": 1}}, "one already there, or how to make one"),
    "no bank": ({"bank": {"path": "nowhere"}}, "No bank in nowhere"),
    "a bank for what is generated": ({"completions": "vae"}, "a bank is what retrieval"),
    "no such technique": ({"completions": "guess", "bank": None}, "retrieval, vae, hmc"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_before_anything_is_made(make, mistake, tmp_path):
    options, words = MISTAKES[mistake]
    with pytest.raises(UserError, match=words):
        make(**options)
    assert not (tmp_path / "sequences").exists()


def test_a_bank_without_a_class_and_images_that_move_are_refused(make, digits, tmp_path):
    kept = np.flatnonzero(digits.train.labels != 7)
    build_bank(tmp_path / "no_sevens", digits.train.fetch(kept).numpy(), digits.train.labels[kept])
    with pytest.raises(UserError, match="no image of class 7"):
        make(bank={"path": str(tmp_path / "no_sevens")})
    assert not (tmp_path / "sequences").exists()
    few = dataclasses.replace(digits, train=digits.train.subset(kept))
    with pytest.raises(UserError, match="training images would lack class 7"):
        make(data=few, bank=None)
    build_bank(tmp_path / "others", digits.train.fetch(np.arange(200)[::-1]).numpy(), digits.train.labels[:200][::-1])
    with pytest.raises(UserError, match="is of other images than this training split"):
        make(bank={"path": str(tmp_path / "others")})
    assert not (tmp_path / "sequences").exists()
    generated = [*range(200), *[-1] * 50]  # images that nobody asks about may stand among them
    images = np.concatenate([digits.train.fetch(np.arange(200)).numpy(), np.full([50, 8, 8, 1], 99, np.uint8)])
    build_bank(tmp_path / "enlarged", images, [*digits.train.labels[:200], *np.arange(50) % 10], origins=generated, flips=True)
    assert make("of_enlarged", bank={"path": str(tmp_path / "enlarged")})["finished"]
    with pytest.raises(UserError, match="placed afresh every epoch"):
        make("canvas", data=dataclasses.replace(digits, canvas=Canvas(60, 4)))
