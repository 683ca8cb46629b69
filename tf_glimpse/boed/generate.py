"""A folder of sequences, from data to finished shards: resumes after a kill, and several processes may work on it at once."""

import hashlib
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
from tf_glimpse.files import write_whole
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
        posterior: keyword arguments of `train_posterior`; or {"path": FILE} for one already trained, of this data.
        bank: keyword arguments of `build_bank`; or {"path": FOLDER} for one already there, whose origins are positions in the training
            split, or -1. The plan keeps what such a file or folder holds, not where it lies.
        vae: keyword arguments of `train_image_vae`, for "vae" and "hmc".
        shard_size: sequences a shard.
        seed: int.
        verbose: whether to show progress; None does on a terminal.

    Returns:
        a dict, the cost of what this process made: "sequences", "seconds", "passes_a_sequence", "sequences_a_minute", "finished" (whether
        all shards are there).

    Raises:
        UserError: counts below one, more images than there are, a class that does not exist, a grid finer than the image, data on a
            canvas, a bank that lacks a class or is of other images, a posterior for something else, another plan or other things in the
            folder, a shard that is damaged.

    Reference: Harvey et al. 2019, Algorithm 1 and section 5.
    """
    posterior, bank = dict(posterior or {}), dict(bank or {})
    _check(data, grid, count, samples, first_samples, against_rest, completions, shard_size, patch_size, num_glimpses)
    _check_taken(posterior, bank, completions, data)
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
        _held(posterior, ""),
        _held(bank, "bank.json"),
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
        workshop = _Workshop(folder, plan, data, posterior, bank, verbose)
    return workshop.work()


class _Workshop:
    """What one process needs to make shards of a plan; made under the folder's lock, for it makes what is missing."""

    def __init__(self, folder, plan, data, posterior, bank, verbose):
        self.folder = folder
        self.plan = plan
        self.data = data
        self.verbose = verbose
        model = _posterior(folder, plan, data, posterior, verbose)
        self.expected = ExpectedEntropy(model, plan.grid, data.image_shape[:2], plan.patch_size, plan.against_rest)
        self.completer = _completer(folder, plan, data, bank, verbose)
        if not (folder / store.FIRST_MAP).exists():
            epe = first_map(self.completer, self.expected, data.image_shape, plan.first_samples, plan.seed)
            write_whole(folder / store.FIRST_MAP, lambda part: np.save(part, epe))
        self.first = store.read_first_map(folder, plan)

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


def _posterior(folder, plan, data, options, verbose):
    """The posterior network given, or one trained here once; its calibration on the validation split lies in the folder."""
    file = pathlib.Path(options["path"]) if "path" in options else folder / "posterior.keras"
    if not file.exists():
        model = train_posterior(data, plan.patch_size, plan.num_glimpses, seed=plan.seed, verbose=2 if verbose else 0, **options)
        write_whole(file, model.save)
    model = _open_posterior(file, data)
    if data.validation is not None and not (folder / "calibration.json").exists():
        rows = calibration(model, data.validation, plan.patch_size, plan.num_glimpses, plan.seed)
        write_whole(folder / "calibration.json", lambda part: part.write_text(json.dumps({"rows": rows}, indent=1) + "\n"))
    return model


def _open_posterior(file, data):
    model = load_model(file)
    wanted = (*data.image_shape[:2], data.image_shape[2] + 1)
    if not isinstance(model, GlimpsePosterior) or model.num_classes != data.num_classes or model.network.input_shape[1:] != wanted:
        raise UserError(f"{file} is not a posterior network for {data.num_classes} classes of images of shape {data.image_shape}")
    return model


def _completer(folder, plan, data, options, verbose):
    if plan.completions != "retrieval":
        from tf_glimpse.boed.generative import trained_completer

        return trained_completer(folder, plan, data, 2 if verbose else 0)
    if "path" in options:
        return Retrieval(Bank(options["path"]))
    images = data.train.fetch(np.arange(len(data.train))).numpy()
    return Retrieval(build_bank(folder / "bank", images, data.train.labels, seed=plan.seed, **options))


def _held(options, name):
    """Options as a plan keeps them: of a file or folder that is there already, what it holds."""
    if "path" not in options:
        return options
    return {"digest": hashlib.sha256((pathlib.Path(options["path"]) / name).read_bytes()).hexdigest()[:16]}


def _check_taken(posterior, bank, completions, data):
    """Opens what is there already, before anything is made, and refuses what is of other data."""
    for name, options in (("posterior", posterior), ("bank", bank)):
        if "path" in options and len(options) > 1:
            raise UserError(f"{name} wants a path to one already there, or how to make one. Received: {options}")
    if bank and completions != "retrieval":
        raise UserError(f"a bank is what retrieval completes images from. Received: {completions=} and {bank=}")
    if "path" in posterior:
        _open_posterior(posterior["path"], data)
    if "path" in bank:
        found = Bank(bank["path"])
        found.check(data.image_shape, data.num_classes)
        found.check_origins(data.train)
    missing = sorted(set(range(data.num_classes)) - set(np.unique(data.train.labels).tolist()))
    if missing and completions == "retrieval" and "path" not in bank:
        raise UserError(f"a bank of {data.name}'s training images would lack class {', '.join(map(str, missing))}; add images, or a bank")


def _check(data, grid, count, samples, first_samples, against_rest, completions, shard_size, patch_size, num_glimpses):
    check_grid(grid, data.image_shape[:2])
    check_samples(min(samples, first_samples))
    if num_glimpses < 1 or not 1 <= patch_size <= min(data.image_shape[:2]):
        raise UserError(
            f"sequences want at least one glimpse, within images of shape {data.image_shape}. Received: {num_glimpses=}, {patch_size=}"
        )
    if min(count, shard_size) < 1 or count > len(data.train):
        raise UserError(f"sequences want a count from 1 to the {len(data.train)} training images. Received: {count=}, {shard_size=}")
    if completions not in COMPLETIONS:
        raise UserError(f"completions want one of {', '.join(COMPLETIONS)}. Received: {completions!r}")
    if against_rest is not None and not 0 <= against_rest < data.num_classes:
        raise UserError(f"against_rest wants a class number from 0 to {data.num_classes - 1}. Received: {against_rest}")
    if data.canvas is not None:
        raise UserError(f"near-optimal sequences want fixed images; the training images of {data.name} are placed afresh every epoch")
