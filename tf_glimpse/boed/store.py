"""Sequences that lie in a folder, read to teach by: checked to be whole, and for these images and this model."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_glimpse.boed.plan import Plan, read_plan
from tf_glimpse.boed.shards import check_shard, read_first_map
from tf_glimpse.datasets.supervision import Supervision
from tf_glimpse.ops.coordinates import cell_centres
from tf_glimpse.policies import DrawnCells, Stored
from tf_glimpse.types import AnyPath, UserError

if TYPE_CHECKING:
    from tf_glimpse.datasets.sources import ImageData


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

    def supervision(
        self, kind: str = "near_optimal", share: float = 0.5, until: float | None = 0.2, sharpness: float | None = None, seed: int = 0
    ) -> Supervision:
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
        raise UserError(f"kind expects near_optimal, heuristic or random. Received: {kind!r}")


def read_sequences(folder: AnyPath, data: ImageData | None = None) -> GlimpseSequences:
    """The sequences in a folder, checked to be whole and, given `data`, to be of these images.

    Any other program reads them with `tensorflow_datasets.builder_from_directory(folder)`.

    Args:
        folder: as `generate_sequences` filled it.
        data: `ImageData` that they are to be of, or None.

    Returns:
        `GlimpseSequences`.

    Raises:
        UserError: no sequences there, unfinished ones, a damaged shard, other data or another image size.
    """
    import tensorflow_datasets as tfds

    folder = pathlib.Path(folder).expanduser()
    plan = read_plan(folder)
    if plan is None:
        raise UserError(f"No sequences in {folder}. Expected a folder that `tf-glimpse sequences` or `generate_sequences` filled.")
    if data is not None:
        check_data(folder, plan, data)
    if not (folder / "dataset_info.json").exists():
        raise UserError(f"the sequences in {folder} are not finished; `tf-glimpse sequences` with the same arguments goes on with them.")
    for shard in range(len(plan.shard_lengths)):
        check_shard(folder, plan, shard)
    examples = list(tfds.builder_from_directory(folder).as_dataset(split="train", shuffle_files=False).as_numpy_iterator())
    examples.sort(key=lambda example: example["index"])
    fields = {name: np.stack([example[name] for example in examples]) for name in ("index", "actions", "maps", "entropies")}
    return GlimpseSequences(plan, first=read_first_map(folder, plan), **fields)


def check_data(folder, plan, data):
    """Refuses data that the sequences were not made for.

    Raises:
        UserError: says what was expected and what came.
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
