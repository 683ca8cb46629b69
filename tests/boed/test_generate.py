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

from tf_glimpse.boed import Completer, Completions, build_bank, generate_sequences, read_plan, read_sequences
from tf_glimpse.boed.completions import KINDS
from tf_glimpse.datasets import Canvas
from tf_glimpse.files import locked
from tf_glimpse.models.glimpse_posterior import GlimpsePosterior
from tf_glimpse.types import UserError

GLIMPSES = {"patch_size": 2, "num_glimpses": 3, "grid": (4, 4)}
SAMPLES = {"samples": 8, "first_samples": 50}


@pytest.fixture
def make(digits, posterior_file, bank, tmp_path):
    """Fills `tmp_path/NAME` with the posterior and the bank that are there already."""

    def generate(name="sequences", data=digits, glimpses=(), completions=(), posterior=(), **options):
        completions = {**SAMPLES, "path": str(bank.folder), **dict(completions)}
        posterior = {"path": str(posterior_file), **dict(posterior)}
        numbers = {"count": 6, "shard_size": 2, **options}
        looks = {**GLIMPSES, **dict(glimpses)}
        return generate_sequences(data, tmp_path / name, looks, completions=completions, posterior=posterior, **numbers)

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
    make("shared")
    for path in (tmp_path / "shared").glob("glimpse_sequences-*-00001-of-*"):
        path.unlink()
    (tmp_path / "shared" / "dataset_info.json").unlink()
    with locked(tmp_path / "shared" / ".shard-00001.lock") as mine:
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


@pytest.mark.slow
def test_two_processes_share_a_set_and_what_is_killed_goes_on_to_the_same_sequences(make, digits, posterior_file, bank, tmp_path):
    options = {"shard_size": 1, "count": 40, "completions": {**SAMPLES, "samples": 100, "path": str(bank.folder)}}
    given = {**options, "glimpses": GLIMPSES, "posterior": {"path": str(posterior_file)}}
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
    options = {"posterior": {"epochs": 1, "against_rest": 3}, "completions": {**SAMPLES, "flips": True, "components": 8}}
    assert generate_sequences(few, tmp_path / "whole", GLIMPSES, count=2, **options)["finished"]
    rows = json.loads((tmp_path / "whole" / "calibration.json").read_text())["rows"]
    assert [row["glimpses"] for row in rows] == [0, 1, 2, 3]
    assert len(np.load(tmp_path / "whole" / "bank" / "images.npy", mmap_mode="r")) == 400
    assert read_sequences(tmp_path / "whole", few).entropies.max() <= np.log(2) + 1e-6


def test_nothing_is_overwritten(make, digits, tmp_path):
    make()
    before = shards(tmp_path / "sequences")
    assert make()["sequences"] == 0
    with pytest.raises(UserError, match="samples 8 there, 9 here.*nothing was overwritten"):
        make(completions={"samples": 9})
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("mine")
    with pytest.raises(UserError, match=r"other things than sequences \(letter.txt\)"):
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
    with pytest.raises(UserError, match="posterior.digest '.*' there, '.*' here.* nothing was overwritten"):
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
    "no samples": ({"completions": {"samples": 0}}, "samples=0"),
    "no sequences": ({"count": 0}, "count=0"),
    "more than there are": ({"count": 5000}, "1400 training images"),
    "no candidates": ({"glimpses": {"grid": (0, 4)}}, "at least one cell"),
    "a grid finer than the image": ({"glimpses": {"grid": (9, 9)}}, "finer than the image"),
    "no such class": ({"posterior": {"against_rest": 10}}, "from 0 to 9"),
    "no glimpses": ({"glimpses": {"num_glimpses": 0}}, "num_glimpses=0"),
    "a glimpse larger than the image": ({"glimpses": {"patch_size": 9}}, "patch_size=9"),
    "a misspelled glimpse": ({"glimpses": {"patches": 9}}, "glimpses expects patch_size, num_glimpses and grid"),
    "a file that is no posterior": ({"posterior": {"path": "nowhere.keras"}}, "nowhere.keras"),
    "a posterior taken and trained": ({"posterior": {"path": "nowhere.keras", "epochs": 1}}, "one already there, or how to make one"),
    "a misspelled option of the posterior": ({"posterior": {"epoch": 1}}, "posterior expects path, epochs,.* Received: epoch"),
    "no bank": ({"completions": {"path": "nowhere"}}, "No bank in nowhere"),
    "a bank taken and built": ({"completions": {"flips": True}}, "kind 'retrieval' of completions expects a path to one already there"),
    "a bank for what is generated": ({"completions": {"kind": "vae"}}, "kind 'vae' of completions expects epochs,.* Received: path"),
    "no such kind": ({"completions": {"kind": "guess"}}, "a kind of retrieval, vae, hmc"),
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
        make(completions={"path": str(tmp_path / "no_sevens")})
    assert not (tmp_path / "sequences").exists()
    few = dataclasses.replace(digits, train=digits.train.subset(kept))
    with pytest.raises(UserError, match="training images would lack class 7"):
        generate_sequences(few, tmp_path / "sequences", GLIMPSES, count=2)
    build_bank(tmp_path / "others", digits.train.fetch(np.arange(200)[::-1]).numpy(), digits.train.labels[:200][::-1])
    with pytest.raises(UserError, match="is of other images than this training split"):
        make(completions={"path": str(tmp_path / "others")})
    assert not (tmp_path / "sequences").exists()
    generated = [*range(200), *[-1] * 50]  # images that nobody asks about may stand among them
    images = np.concatenate([digits.train.fetch(np.arange(200)).numpy(), np.full([50, 8, 8, 1], 99, np.uint8)])
    build_bank(tmp_path / "enlarged", images, [*digits.train.labels[:200], *np.arange(50) % 10], origins=generated, flips=True)
    assert make("of_enlarged", completions={"path": str(tmp_path / "enlarged")})["finished"]
    with pytest.raises(UserError, match="placed afresh every epoch"):
        make("canvas", data=dataclasses.replace(digits, canvas=Canvas(60, 4)))


class Blank(Completer):
    """Images of one brightness, whatever was seen: a kind from outside of the package."""

    options = ("brightness",)

    def __init__(self, brightness):
        self.brightness = brightness

    @classmethod
    def planned(cls, data, brightness):
        if not 0 <= brightness <= 255:
            raise UserError(f"brightness expects a number from 0 to 255. Received: {brightness}")
        return {"brightness": brightness}

    def __call__(self, images, masks, origins, count, seeds):
        drawn = np.full([len(images), *images.shape[1:]], self.brightness, np.uint8)
        return Completions(drawn, np.ones(len(images), np.float32), np.arange(len(images), dtype=np.int32))


def test_a_kind_of_completion_is_added_from_outside(digits, posterior_file, tmp_path, monkeypatch):
    monkeypatch.setitem(KINDS, "blank", Blank)
    asked = {"kind": "blank", "brightness": 9, **SAMPLES}

    def make(**changed):
        options = {"completions": {**asked, **changed}, "posterior": {"path": posterior_file}, "count": 3}
        return generate_sequences(digits, tmp_path / "blank", GLIMPSES, **options)

    with pytest.raises(UserError, match="from 0 to 255"):
        make(brightness=256)
    assert not (tmp_path / "blank").exists()
    assert make()["finished"]
    assert make()["sequences"] == 0
    with pytest.raises(UserError, match="completions.brightness 9 there, 10 here"):
        make(brightness=10)
    found = read_sequences(tmp_path / "blank", digits)
    assert found.plan.completions == {"kind": "blank", "brightness": 9}
    assert found.actions.shape == (3, 3, 2)
    assert not (tmp_path / "blank" / "bank").exists()


OPTIONS = [{"kind": "retrieval", "path": "bank"}, {"kind": "retrieval", "flips": True}, {"kind": "vae", "units": 8}]


@pytest.mark.parametrize("completions", OPTIONS)
def test_a_folder_from_before_completions_were_one_dict_is_read_and_gone_on_with(completions, digits, bank, posterior_file, tmp_path):
    """Such a plan keeps the kind's name, and the options of a bank or of a VAE beside it."""
    kind, options = completions["kind"], {name: value for name, value in completions.items() if name != "kind"}
    given = {"path": str(bank.folder)} if "path" in options else options | ({"epochs": 1} if kind == "vae" else {})
    arguments = {"completions": {"kind": kind, **SAMPLES, **given}, "posterior": {"path": str(posterior_file)}, "count": 4, "shard_size": 2}
    assert generate_sequences(digits, tmp_path / "old", GLIMPSES, **arguments)["finished"]
    file = tmp_path / "old" / "plan.json"
    plan = json.loads(file.read_text())
    own = {name: value for name, value in plan["completions"].items() if name != "kind"}
    beside = {"completions": kind, "bank": {} if kind == "vae" else own, "vae": own if kind == "vae" else {}}
    file.write_text(json.dumps({**plan, **beside}))
    next((tmp_path / "old").glob("glimpse_sequences-*")).unlink()
    assert generate_sequences(digits, tmp_path / "old", GLIMPSES, **arguments)["sequences"] == 2
    assert read_plan(tmp_path / "old").completions == plan["completions"]
    assert len(read_sequences(tmp_path / "old", digits).index) == 4
