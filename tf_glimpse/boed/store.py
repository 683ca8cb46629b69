"""Sequences on disk: TFRecord shards that TensorFlow Datasets reads, written whole or not at all, and the plan they were made by."""

import dataclasses
import fcntl
import json
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from tf_glimpse.datasets.supervision import Supervision
from tf_glimpse.files import damaged, read_json, write_whole
from tf_glimpse.ops.coordinates import cell_centres
from tf_glimpse.policies import DrawnCells, Stored
from tf_glimpse.types import UserError

NAME = "glimpse_sequences"
FIRST_MAP = "first_map.npy"


@dataclasses.dataclass(frozen=True)
class Plan:
    """All that sequences depend on; two folders of equal plans hold equal sequences.

    Attributes:
        data: name of the data, and `fingerprint` of its splits and labels.
        image_shape: [H, W, C].
        against_rest: the number of the class to tell from the rest, or None for all classes.
        patch_size: pixels of a glimpse's side.
        num_glimpses: T.
        grid: [h, w] of candidates.
        count: how many images of the training split, drawn at random.
        samples: N, completions an image and look.
        first_samples: N of the first glimpse, which is computed once.
        completions: "retrieval", "vae" or "hmc".
        posterior: keyword arguments of `train_posterior`, or the "digest" of the file that was taken.
        bank: keyword arguments of `build_bank`, or the "digest" of the bank that was taken.
        shard_size: sequences a shard.
        seed: of everything drawn.
        vae: keyword arguments of `train_image_vae`.
    """

    data: str
    fingerprint: str
    image_shape: list
    against_rest: int | None
    patch_size: int
    num_glimpses: int
    grid: list
    count: int
    samples: int
    first_samples: int
    completions: str
    posterior: dict
    bank: dict
    shard_size: int
    seed: int
    vae: dict = dataclasses.field(default_factory=dict)

    @property
    def num_shards(self):
        return -(-self.count // self.shard_size)

    def positions(self, num_images):
        """Positions `[count]` of the images in the training split, ascending; those of a smaller count are among those of a larger."""
        return np.sort(np.random.default_rng(self.seed).permutation(num_images)[: self.count])

    def shard_positions(self, shard, num_images):
        return self.positions(num_images)[shard * self.shard_size : (shard + 1) * self.shard_size]


@dataclasses.dataclass(frozen=True)
class GlimpseSequences:
    """Sequences as `read_sequences` finds them.

    Attributes:
        plan: the `Plan` they were made by.
        index: int64 `[S]`, positions in the training split, ascending.
        actions: float32 `[S, T, 2]`, (y, x) in [-1, 1].
        maps: float32 `[S, T, h * w]`, expected posterior entropies before each look.
        entropies: float32 `[S, T]`, the posterior's entropy after each look at the true image.
        first: float32 `[h * w]`, the expected entropies of the first glimpse.
    """

    plan: Plan
    index: Any
    actions: Any
    maps: Any
    entropies: Any
    first: Any

    def supervision(self, kind="near_optimal", share=0.5, until=0.2, sharpness=None, seed=0):
        """Teaches these sequences on a share of each batch.

        Args:
            kind: "near_optimal"; "heuristic", places drawn with log-probability proportional to minus the first glimpse's expected
                entropy, afresh for each batch and for any image; or "random", as many sequences of random cells.
            share: of each batch's rows.
            until: fraction of the run by which the share has fallen to zero; 0.2 was the best of those tried. None keeps it, which held
                accuracy back.
            sharpness: of the heuristic, per nat; None makes the best place e^5 times as likely as the worst one.
            seed: int, of random sequences.

        Raises:
            UserError: an unknown kind.
        """
        num_glimpses, cells = self.actions.shape[1], self.first.size
        if kind == "near_optimal":
            return Supervision(Stored(self.index, self.actions), share, until, self.index)
        if kind == "random":
            drawn = np.random.default_rng(seed).integers(0, cells, [len(self.index), num_glimpses])
            return Supervision(Stored(self.index, cell_centres(self.plan.grid).numpy()[drawn]), share, until, self.index)
        if kind == "heuristic":
            sharpness = 5 / max(float(np.ptp(self.first)), 1e-6) if sharpness is None else sharpness
            return Supervision(DrawnCells(-sharpness * self.first, self.plan.grid, num_glimpses), share, until)
        raise UserError(f"kind wants near_optimal, heuristic or random. Received: {kind!r}")


def read_sequences(folder, data=None):
    """The sequences in a folder, checked to be whole and, given `data`, to be of these images.

    Any other program reads them with `tensorflow_datasets.builder_from_directory(folder)`.

    Args:
        folder: as `generate_sequences` filled it.
        data: `ImageData` they are wanted for, or None.

    Returns:
        `GlimpseSequences`.

    Raises:
        UserError: no sequences there, unfinished ones, a damaged shard, other data or another image size.
    """
    import tensorflow_datasets as tfds

    folder = pathlib.Path(folder).expanduser()
    plan = read_plan(folder)
    if plan is None:
        raise UserError(f"No sequences in {folder}. Wanted: a folder that `tf-glimpse sequences RECIPE --out {folder}` made.")
    if data is not None:
        check_data(folder, plan, data)
    if not (folder / "dataset_info.json").exists():
        raise UserError(f"the sequences in {folder} are not finished; `tf-glimpse sequences` with the same arguments goes on with them.")
    for shard in range(plan.num_shards):
        check_shard(folder, plan, shard)
    examples = list(tfds.builder_from_directory(folder).as_dataset(split="train", shuffle_files=False).as_numpy_iterator())
    examples.sort(key=lambda example: example["index"])
    fields = {name: np.stack([example[name] for example in examples]) for name in ("index", "actions", "maps", "entropies")}
    return GlimpseSequences(plan, first=read_first_map(folder, plan), **fields)


def read_plan(folder):
    """The `Plan` in a folder, or None.

    Raises:
        UserError: a damaged one.
    """
    file = pathlib.Path(folder) / "plan.json"
    if not file.exists():
        return None
    try:
        return Plan(**read_json(file))
    except TypeError as error:
        raise damaged(file, error) from error


def read_first_map(folder, plan):
    """The expected entropies `[h * w]` of the first glimpse.

    Raises:
        UserError: a damaged file, which stays as it is.
    """
    file = pathlib.Path(folder) / FIRST_MAP
    try:
        found = np.load(file)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{file} is damaged ({error}); delete it, and `tf-glimpse sequences` makes it again") from error
    if found.shape != (plan.grid[0] * plan.grid[1],):
        raise UserError(f"{file} is of another grid than {plan.grid}; delete it, and `tf-glimpse sequences` makes it again")
    return found


def check_data(folder, plan, data):
    """Refuses data that the sequences were not made for.

    Raises:
        UserError: says what was wanted and what came.
    """
    if tuple(plan.image_shape) != tuple(data.image_shape):
        raise UserError(f"the sequences in {folder} are for images of shape {tuple(plan.image_shape)}. Received: {data.image_shape}")
    if plan.fingerprint != data.fingerprint:
        raise UserError(f"the sequences in {folder} are for {plan.data} as it was split then. Received: {data.name}, or other splits of it")


def check_model(folder, plan, model):
    """Refuses to teach a model of other glimpses than the sequences were found for.

    Args:
        folder, plan: as `read_plan` takes and returns them.
        model: a built `RAM`.

    Raises:
        UserError: another number or size of glimpses, places on another grid, or one class told from the rest for a model of all.
    """
    grid = getattr(model.cell.location, "grid", plan.grid)
    here = {"num_glimpses": model.num_glimpses, "patch_size": model.patch_size, "grid": list(grid)}
    differing = [f"{name} {getattr(plan, name)} there, {value} here" for name, value in here.items() if getattr(plan, name) != value]
    if plan.against_rest is not None and model.num_classes != 2:
        differing.append(f"class {plan.against_rest} against the rest there, {model.num_classes} classes here")
    if differing:
        raise UserError(f"the sequences in {folder} were found for other glimpses: {'; '.join(differing)}")


def claim(folder, plan):
    """Writes the plan into an empty folder, or compares it with the one there.

    Raises:
        UserError: another plan or other things in the folder; nothing is overwritten.
    """
    found = read_plan(folder)
    if found is None:
        others = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
        if others:
            raise UserError(
                f"{folder} holds other things ({', '.join(others[:3])}); nothing was overwritten. Pass an empty or a new folder."
            )
        write_whole(folder / "plan.json", lambda part: part.write_text(json.dumps(dataclasses.asdict(plan), indent=1) + "\n"))
        return
    here, there = dataclasses.asdict(plan), dataclasses.asdict(found)
    differing = [f"{name} {there[name]!r} there, {here[name]!r} here" for name in here if here[name] != there[name]]
    if differing:
        raise UserError(f"{folder} holds other sequences ({'; '.join(differing)}); nothing was overwritten. Pass another folder.")


def shard_path(folder, plan, shard):
    """The file of a shard, which is there once it is whole."""
    return folder / f"{NAME}-train.tfrecord-{shard:05d}-of-{plan.num_shards:05d}"


def check_shard(folder, plan, shard):
    """Refuses a shard that is not whole.

    Raises:
        UserError: one that is missing, damaged or cut short; names the file, which stays as it is.
    """
    path = shard_path(folder, plan, shard)
    wanted = min(plan.shard_size, plan.count - shard * plan.shard_size)
    try:
        found = sum(1 for _ in tf.data.TFRecordDataset(str(path)))
    except tf.errors.OpError as error:
        raise UserError(f"the shard {path} is damaged ({str(error).splitlines()[0]}); delete it, and make it again") from error
    if found != wanted:
        raise UserError(f"the shard {path} is cut short, {found} of {wanted} sequences; delete it, and make it again")


def write_shard(folder, plan, shard, positions, labels, sequences):
    """One shard's examples, renamed into place when whole."""
    features, places = _features(plan), cell_centres(plan.grid).numpy()

    def write(part):
        with tf.io.TFRecordWriter(str(part)) as writer:
            for row, position in enumerate(positions):
                example = {"index": position, "label": labels[row], "cells": sequences.cells[row], "actions": places[sequences.cells[row]]}
                example |= {"maps": sequences.maps[row], "entropies": sequences.entropies[row]}
                writer.write(features.serialize_example(features.encode_example(example)))

    write_whole(shard_path(folder, plan, shard), write)


def finish(folder, plan):
    """Writes what TFDS wants to know, once all shards are there; returns whether they are."""
    import tensorflow_datasets as tfds

    shards = [shard_path(folder, plan, shard) for shard in range(plan.num_shards)]
    if not all(path.exists() for path in shards):
        return False
    lengths = [min(plan.shard_size, plan.count - start) for start in range(0, plan.count, plan.shard_size)]
    template = tfds.core.ShardedFileTemplate(data_dir=folder, dataset_name=NAME, split="train", filetype_suffix="tfrecord")
    split = tfds.core.SplitInfo("train", lengths, sum(path.stat().st_size for path in shards), filename_template=template)
    about = f"Near-optimal glimpse sequences for images of {plan.data}, numbered as in its training split."
    tfds.folder_dataset.write_metadata(
        data_dir=folder, features=_features(plan), split_infos=[split], filename_template=template, check_data=False, description=about
    )
    return True


class Claimed:
    """A lock of one file that this process holds, or waits for: the system lets go of it when the process ends, however it ends."""

    def __init__(self, path, wait=False):
        self.path = path
        self.wait = wait

    def __enter__(self):
        self._file = open(self.path, "w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | (0 if self.wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def __exit__(self, *_):
        self._file.close()


def _features(plan):
    import tensorflow_datasets as tfds

    looks, cells = plan.num_glimpses, plan.grid[0] * plan.grid[1]
    tensors = {"cells": ((looks,), np.int32), "actions": ((looks, 2), np.float32), "maps": ((looks, cells), np.float32)}
    tensors |= {"entropies": ((looks,), np.float32), "index": ((), np.int64), "label": ((), np.int64)}
    return tfds.features.FeaturesDict({name: tfds.features.Tensor(shape=shape, dtype=dtype) for name, (shape, dtype) in tensors.items()})
