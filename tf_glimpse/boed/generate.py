"""A folder of sequences, from data to finished shards: resumes after a kill, and several processes may work on it at once."""

import json
import pathlib
import sys
import time

import numpy as np

from tf_glimpse.boed import store
from tf_glimpse.boed.bank import Bank, build_bank
from tf_glimpse.boed.completions import Retrieval
from tf_glimpse.boed.expected_entropy import ExpectedEntropy, check_grid
from tf_glimpse.boed.posterior import calibration, train_posterior
from tf_glimpse.boed.sequences import check_samples, first_map, near_optimal_sequences
from tf_glimpse.datasets.files import write_whole
from tf_glimpse.models.glimpse_posterior import GlimpsePosterior
from tf_glimpse.models.loading import load_model
from tf_glimpse.types import UserError

COMPLETIONS = ("retrieval", "vae", "hmc")


def generate_sequences(
    data,
    folder,
    *,
    patch_size,
    num_glimpses,
    grid,
    count=600,
    samples=32,
    first_samples=1000,
    against_rest=None,
    completions="retrieval",
    posterior=None,
    bank=None,
    vae=None,
    shard_size=10,
    seed=0,
    verbose=None,
):
    """Fills a folder with near-optimal sequences for images of a training split.

    The folder then holds the posterior network and its calibration, the bank, the first glimpse's map, the shards, and what TFDS needs to
    read them. Called again, by this process or by others at the same time, it goes on with the shards that are not there yet: a kill
    loses the shard in hand, and the sequences come out the same.

    Args:
        data: `ImageData` without a canvas.
        folder: made if it is not there.
        patch_size, num_glimpses: of the network to be supervised, glimpses at one scale.
        grid: (h, w); candidates are the centres of its cells.
        count: how many images get a sequence.
        samples: N, completions an image and look.
        first_samples: N of the first glimpse, which all images share.
        against_rest: the number of one class to tell from the rest, or None for all classes.
        completions: "retrieval", "vae" (a conditional VAE) or "hmc" (in a VAE's latent space).
        posterior: keyword arguments of `train_posterior`; or {"path": FILE} for one already trained.
        bank: keyword arguments of `build_bank`; or {"path": FOLDER} for one already there, whose origins are positions in the training
            split, or -1.
        vae: keyword arguments of `train_image_vae`, for "vae" and "hmc".
        shard_size: sequences a shard.
        seed: int.
        verbose: whether to show progress; None does on a terminal.

    Returns:
        a dict, the cost of what this process made: "sequences", "seconds", "passes_a_sequence", "sequences_a_minute", "finished" (whether
        all shards are there).

    Raises:
        UserError: counts below one, more images than there are, a class that does not exist, a grid finer than the image, data on a
            canvas, a bank that lacks a class, a posterior for something else, another plan or other things in the folder, a shard that is
            damaged.

    Reference: Harvey et al. 2019, Algorithm 1 and section 5.
    """
    _check(data, grid, count, samples, first_samples, against_rest, completions, shard_size)
    if bank and "path" in bank:
        Bank(bank["path"]).check(data.image_shape, data.num_classes)
    folder, verbose = pathlib.Path(folder).expanduser(), sys.stderr.isatty() if verbose is None else verbose
    plan = store.Plan(
        data.name,
        data.fingerprint,
        list(data.image_shape),
        against_rest,
        patch_size,
        num_glimpses,
        list(grid),
        count,
        samples,
        first_samples,
        completions,
        dict(posterior or {}),
        dict(bank or {}),
        shard_size,
        seed,
        dict(vae or {}),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"sequences want a folder to write in. {folder}: {error.strerror}") from error
    with store.Claimed(folder / ".lock", wait=True):
        store.claim(folder, plan)
        workshop = _Workshop(folder, plan, data, verbose)
    return workshop.work()


class _Workshop:
    """What one process needs to make shards of a plan; made under the folder's lock, for it makes what is missing."""

    def __init__(self, folder, plan, data, verbose):
        self.folder = folder
        self.plan = plan
        self.data = data
        self.verbose = verbose
        model = _posterior(folder, plan, data, verbose)
        self.expected = ExpectedEntropy(model, plan.grid, data.image_shape[:2], plan.patch_size, plan.against_rest)
        self.completer = _completer(folder, plan, data)
        file = folder / "first_map.npy"
        if not file.exists():
            epe = first_map(self.completer, self.expected, data.image_shape, plan.first_samples, plan.seed)
            write_whole(file, lambda part: np.save(part, epe))
        self.first = np.load(file)

    def work(self):
        """Makes the shards that nobody else makes or has made, and the end of it when all are there."""
        from tqdm import tqdm

        made, started, before = 0, time.monotonic(), self.expected.passes
        with tqdm(total=self.plan.count, unit="sequence", disable=not self.verbose) as bar:
            for shard in range(self.plan.num_shards):
                positions = self.plan.shard_positions(shard, len(self.data.train))
                with store.Claimed(self.folder / f".shard-{shard:05d}.lock") as mine:
                    if store.shard_path(self.folder, self.plan, shard).exists():
                        store.check_shard(self.folder, self.plan, shard)
                    elif mine:
                        self._make(shard, positions)
                        made += len(positions)
                bar.update(len(positions))
        seconds = time.monotonic() - started
        with store.Claimed(self.folder / ".lock", wait=True):
            finished = store.finish(self.folder, self.plan)
        passes = (self.expected.passes - before) / made if made else 0.0
        speed = 60 * made / seconds if made else 0.0
        cost = {"passes_a_sequence": round(passes, 1), "sequences_a_minute": round(speed, 1)}
        return {"sequences": made, "seconds": round(seconds, 2), **cost, "finished": finished}

    def _make(self, shard, positions):
        plan, images = self.plan, self.data.train.fetch(positions).numpy()
        parts = (self.completer, self.expected, self.first, plan.num_glimpses, plan.samples, plan.seed)
        sequences = near_optimal_sequences(images, positions, *parts)
        store.write_shard(self.folder, plan, shard, positions, self.data.train.labels[positions], sequences)


def _posterior(folder, plan, data, verbose):
    """The posterior network given, or one trained here once, with its calibration on the validation split beside it."""
    options = dict(plan.posterior)
    file = pathlib.Path(options.pop("path", folder / "posterior.keras"))
    if not file.exists() and "path" not in plan.posterior:
        model = train_posterior(data, plan.patch_size, plan.num_glimpses, seed=plan.seed, verbose=2 if verbose else 0, **options)
        if data.validation is not None:
            rows = calibration(model, data.validation, plan.patch_size, plan.num_glimpses, plan.seed)
            (folder / "calibration.json").write_text(json.dumps({"rows": rows}, indent=1) + "\n")
        write_whole(file, model.save)
    model = load_model(file)
    wanted = (*data.image_shape[:2], data.image_shape[2] + 1)
    if not isinstance(model, GlimpsePosterior) or model.num_classes != data.num_classes or model.network.input_shape[1:] != wanted:
        raise UserError(f"{file} is not a posterior network for {data.num_classes} classes of images of shape {data.image_shape}")
    return model


def _completer(folder, plan, data):
    if plan.completions != "retrieval":
        from tf_glimpse.boed.generative import trained_completer

        return trained_completer(folder, plan, data)
    options = dict(plan.bank)
    path = options.pop("path", None)
    if path is not None:
        bank = Bank(path)
    else:
        images = data.train.fetch(np.arange(len(data.train))).numpy()
        bank = build_bank(folder / "bank", images, data.train.labels, seed=plan.seed, **options)
    bank.check(data.image_shape, data.num_classes)
    return Retrieval(bank)


def _check(data, grid, count, samples, first_samples, against_rest, completions, shard_size):
    check_grid(grid, data.image_shape[:2])
    check_samples(min(samples, first_samples))
    if min(count, shard_size) < 1 or count > len(data.train):
        raise UserError(f"sequences want a count from 1 to the {len(data.train)} training images. Received: {count=}, {shard_size=}")
    if completions not in COMPLETIONS:
        raise UserError(f"completions want one of {', '.join(COMPLETIONS)}. Received: {completions!r}")
    if against_rest is not None and not 0 <= against_rest < data.num_classes:
        raise UserError(f"against_rest wants a class number from 0 to {data.num_classes - 1}. Received: {against_rest}")
    if data.canvas is not None:
        raise UserError(f"near-optimal sequences want fixed images; the training images of {data.name} are placed afresh every epoch")
