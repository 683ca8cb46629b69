"""A folder of sequences, from data to finished shards: resumes after a kill, and several processes may work on it at once."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tf_glimpse.boed.completions import find_kind
from tf_glimpse.boed.expected_entropy import ExpectedEntropy, check_grid
from tf_glimpse.boed.plan import Plan, check_options, claim_folder
from tf_glimpse.boed.posterior import planned_posterior, prepared_posterior, verbosity
from tf_glimpse.boed.sequences import check_samples, first_map, near_optimal_sequences
from tf_glimpse.boed.shards import FIRST_MAP, check_shard, finish, read_first_map, shard_path, write_shard
from tf_glimpse.files import locked, locked_folder, write_whole
from tf_glimpse.types import AnyPath, UserError

if TYPE_CHECKING:
    from tf_glimpse.datasets.sources import ImageData


def generate_sequences(
    data: ImageData,
    folder: AnyPath,
    glimpses: Mapping,
    *,
    completions: Mapping | None = None,
    posterior: Mapping | None = None,
    count: int = 600,
    shard_size: int = 10,
    seed: int = 0,
) -> dict:
    """Fills a folder with near-optimal sequences for images of a training split.

    The folder then holds the posterior network and its calibration, what the completions need, the first glimpse's map, the shards, and
    what TFDS needs to read them. Called again, by this process or by others at the same time, it goes on with the shards that are not
    there yet: a kill loses the shard in hand, and the sequences come out the same. On a terminal it shows its progress.

    Args:
        data: `ImageData` without a canvas.
        folder: made if it is not there.
        glimpses: {"patch_size": P, "num_glimpses": T, "grid": (h, w)}, of the network to be supervised; glimpses at one scale, candidates
            are the centres of the grid's cells.
        completions: a dict with "kind" ("retrieval", "vae", "hmc" or another of `KINDS`; "retrieval" if left out), "samples" (N,
            completions an image and look; 32), "first_samples" (N of the first glimpse, which all images share; 1000), and the kind's
            own options. The plan keeps of a "path" what lies there, not where.
        posterior: a dict with "against_rest" (the number of one class to tell from the rest; all classes if left out), and either "path",
            the file of a posterior network already trained, of these data, or keyword arguments of `train_posterior`.
        count: how many images get a sequence.
        shard_size: sequences a shard.
        seed: int.

    Returns:
        a dict, the cost of what this process made: "sequences", "seconds", "passes_a_sequence", "sequences_a_minute", "finished" (whether
        all shards are there).

    Raises:
        UserError: counts below one, more images than there are, a class that does not exist, a grid finer than the image, data on a
            canvas, an option that a kind does not have, a bank that lacks a class or is of other images, a posterior for something else,
            another plan or other things in the folder, a shard that is damaged.

    Example:
        >>> import tempfile
        >>> from tf_glimpse.datasets import ImageData, array_source
        >>> images = np.random.default_rng(0).integers(0, 256, [20, 8, 8, 1]).astype(np.uint8)
        >>> data = ImageData("noise", array_source(images, np.arange(20) % 2), None, None, 2, ["even", "odd"], (8, 8, 1))
        >>> glimpses = {"patch_size": 4, "num_glimpses": 2, "grid": (2, 2)}
        >>> folder, few = tempfile.mkdtemp(), {"kind": "retrieval", "flips": True, "samples": 2, "first_samples": 4}
        >>> generate_sequences(data, folder, glimpses, completions=few, posterior={"epochs": 1}, count=3)["finished"]
        True

    Reference: Harvey et al. 2019, Algorithm 1 and section 5.
    """
    sampling, options = _parted(completions, kind="retrieval", samples=32, first_samples=1000)
    question, training = _parted(posterior, against_rest=None)
    name = sampling.pop("kind")
    kind = find_kind(name)
    check_options(f"kind {name!r} of completions", options, kind.options)
    plan = _plan(data, glimpses, {**sampling, **question, "count": count, "shard_size": shard_size, "seed": seed})
    kept = {"kind": name, **kind.planned(data, **options)}
    plan = dataclasses.replace(plan, completions=kept, posterior=planned_posterior(data, **training))
    with locked_folder(folder, wait=True) as folder:
        claim_folder(folder, plan)
        network = prepared_posterior(folder, data, plan, **training)
        expected = ExpectedEntropy(network, plan.grid, data.image_shape[:2], plan.patch_size, plan.against_rest)
        completer = kind.prepared(folder, data, plan, **options)
        first = _first_map(folder, plan, completer, expected)

    def make(shard):
        positions = plan.shard_positions(shard, len(data.train))
        images, looks = data.train.fetch(positions).numpy(), (plan.num_glimpses, plan.samples, plan.seed)
        sequences = near_optimal_sequences(images, positions, completer, expected, first, *looks)
        write_shard(folder, plan, shard, positions, data.train.labels[positions], sequences)

    before, started = expected.passes, time.monotonic()
    made = _make_missing(folder, plan, make)
    cost = _cost(made, time.monotonic() - started, expected.passes - before)
    with locked_folder(folder, wait=True):
        return {**cost, "finished": finish(folder, plan)}


def _parted(given, **defaults):
    """The settings that have defaults, and those that have none, of a dict or None."""
    given = {**defaults, **(given or {})}
    return {name: given.pop(name) for name in defaults}, given


def _plan(data, glimpses, numbers):
    """The plan, without what completes images and guesses classes; refuses numbers that fit neither each other nor the data."""
    if set(glimpses) != {"patch_size", "num_glimpses", "grid"}:
        raise UserError(f"glimpses expects patch_size, num_glimpses and grid. Received: {', '.join(glimpses)}")
    about = {"data": data.name, "fingerprint": data.fingerprint, "image_shape": list(data.image_shape)}
    plan = Plan(**about, **{**glimpses, "grid": list(glimpses["grid"])}, **numbers, completions={}, posterior={})
    check_grid(plan.grid, data.image_shape[:2])
    check_samples(min(plan.samples, plan.first_samples))
    if plan.num_glimpses < 1 or not 1 <= plan.patch_size <= min(data.image_shape[:2]):
        received = f"num_glimpses={plan.num_glimpses}, patch_size={plan.patch_size}"
        raise UserError(f"sequences expect at least one glimpse, within images of shape {data.image_shape}. Received: {received}")
    if min(plan.count, plan.shard_size) < 1 or plan.count > len(data.train):
        received = f"count={plan.count}, shard_size={plan.shard_size}"
        raise UserError(f"sequences expect a count from 1 to the {len(data.train)} training images. Received: {received}")
    if plan.against_rest is not None and not 0 <= plan.against_rest < data.num_classes:
        raise UserError(f"against_rest expects a class number from 0 to {data.num_classes - 1}. Received: {plan.against_rest}")
    if data.canvas is not None:
        raise UserError(f"near-optimal sequences expect fixed images; the training images of {data.name} are placed afresh every epoch")
    return plan


def _first_map(folder, plan, completer, expected):
    """The first glimpse's map, computed once and kept in the folder."""
    if not (folder / FIRST_MAP).exists():
        found = first_map(completer, expected, plan.image_shape, plan.first_samples, plan.seed)
        write_whole(folder / FIRST_MAP, lambda part: np.save(part, found))
    return read_first_map(folder, plan)


def _make_missing(folder, plan, make):
    """Calls `make(shard)` for shards that nobody else makes or has made, and checks those that are there; returns how many sequences."""
    from tqdm import tqdm

    made = 0
    with tqdm(total=plan.count, unit="sequence", disable=not verbosity()) as bar:
        for shard, length in enumerate(plan.shard_lengths):
            with locked(folder / f".shard-{shard:05d}.lock", wait=False) as mine:
                if shard_path(folder, plan, shard).exists():
                    check_shard(folder, plan, shard)
                elif mine:
                    make(shard)
                    made += length
            bar.update(length)
    return made


def _cost(made, seconds, passes):
    """What so many sequences cost, as `generate_sequences` tells it."""
    each = passes / made if made else 0.0
    speed = 60 * made / seconds if made else 0.0
    return {"sequences": made, "seconds": round(seconds, 2), "passes_a_sequence": round(each, 1), "sequences_a_minute": round(speed, 1)}
