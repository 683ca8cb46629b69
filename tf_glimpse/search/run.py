"""A search in a folder: one process, or keras-tuner's chief and workers, and what it found."""

import functools
import math
import pathlib
import shutil
import time
from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner

from tf_glimpse import datasets
from tf_glimpse.boed.store import read_sequences
from tf_glimpse.files import damaged, is_claimed, locked_folder, read_json, write_json, write_whole
from tf_glimpse.search import workers
from tf_glimpse.search.frontier import Point, best_under, draw_frontiers, frontier, write_csv
from tf_glimpse.search.space import SPACES, least_flops, most_flops
from tf_glimpse.search.tuner import FrontierTuner, make_oracle
from tf_glimpse.training import workdirs
from tf_glimpse.types import AnyPath, UserError

_NOTE = "search.json"
CHIEF_WITHIN = 120  # seconds that a worker waits for it


def search_architectures(
    family: str,
    data: AnyPath,
    workdir: AnyPath,
    *,
    budget_mflops: float = 0.5,
    max_trials: int = 20,
    epochs: int = 10,
    oracle: str = "bayesian",
    num_workers: int = 1,
    epoch_images: int = 24_000,
    seed: int = 0,
    space: Mapping | None = None,
    sequences: AnyPath | None = None,
    supervision: str = "near_optimal",
    **data_options: Any,
) -> dict | None:
    """Searches a family's space for the most accurate models under a budget of operations.

    The folder then holds `frontier.csv` (trial, mflops, accuracy, threshold, mean_glimpses), `points.csv` (all of them), `frontier.png`,
    `best.keras` with `best.json` (recipe, seed, threshold), and keras-tuner's `tuner/`. Called again, it goes on after the last whole
    trial. With several workers it starts keras-tuner's chief and workers on this machine; for several machines set keras-tuner's variables
    KERASTUNER_TUNER_ID ("chief" for one), KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT, and call it on each, in one shared folder.

    Args:
        family: "ram", "saccader", "mobilenet_v2" or "shufflenet_v2".
        data: as `tf_glimpse.datasets.load` takes it; its validation split judges the trials, its test split is not touched.
        workdir: the folder.
        budget_mflops: million floating point operations an image, on average over the validation split.
        max_trials: most trials; may be raised on resuming.
        epochs: of a whole trial, each at least one pass through the training split.
        oracle: "bayesian", "hyperband" or "random".
        num_workers: processes on this machine; above 1 wanted only where none of keras-tuner's variables is set.
        epoch_images: a smaller set is gone through as many times an epoch as come nearest to so many images.
        seed: of draws, weights and data order.
        space: a dict of name -> choices (see `space`); what it leaves out is as in the family's own. None for that.
        sequences: folder of `tf-glimpse sequences` of this data, which teach the policy of a "ram" on a share of each batch that falls
            from a half to none by the middle of a trial, so that trials may be shorter; None for none.
        supervision: what of them teaches: "near_optimal", "heuristic" or "random", as for `GlimpseSequences.supervision`.
        **data_options: as for `tf_glimpse.datasets.load`; the folder remembers where the data lie and `skip_corrupt`.

    Returns:
        the best model's `best.json` as a dict, or None in a worker.

    Raises:
        UserError: an unknown family or oracle, a space with an unknown key, a budget below the cheapest candidate's cost, a folder of
            another search, data without a validation split, or no trial that succeeded.
    """
    settings = _settings(family, data, budget_mflops, epochs, epoch_images, oracle, seed, space, sequences, supervision)
    if max_trials < 1 or num_workers < 1 or epochs < 1:
        raise UserError(f"a search expects at least 1 trial, worker and epoch. Received: {max_trials=}, {num_workers=}, {epochs=}")
    folder, role = pathlib.Path(workdir).expanduser(), workers.role()
    if num_workers > 1 and role is None:
        _is_begun(folder, settings)
        return workers.run_all({**settings, "max_trials": max_trials, **data_options, "workdir": str(folder)}, num_workers)
    data_options = workdirs.known_sources(folder, data_options)
    searched = _space(settings, data_options)
    settings |= {"image_shape": list(searched.data.image_shape), "fingerprint": searched.data.fingerprint}
    if role == "worker":
        _await_chief(folder, settings)
        _tuner(searched, settings, max_trials, folder).search()
        return None
    _check_budget(searched, budget_mflops)
    _teacher(settings, searched)  # tells what does not fit before the folder is this search's
    with locked_folder(folder):
        _is_begun(folder, settings)
        write_json(folder / _NOTE, {**settings, "sources": workdirs.noted_sources(**data_options)})
        _tuner(searched, settings, max_trials, folder).search()
        return _write_results(folder, settings)


def _settings(family, data, budget_mflops, epochs, epoch_images, oracle, seed, space, sequences, supervision):
    """What makes a search the same one, checked as far as it can be without the data."""
    if family not in SPACES:
        raise UserError(f"a search expects one of {', '.join(SPACES)}. Received: {family!r}")
    if sequences and family != "ram":
        raise UserError(f"sequences teach the policy of a ram. Received: {sequences=} with {family}")
    data = datasets.whole_name(data)
    sequences = str(pathlib.Path(sequences).expanduser().resolve()) if sequences else None
    space = SPACES[family].checked(space)
    settings = {"family": family, "data": str(data), "budget_mflops": budget_mflops, "epochs": epochs, "oracle": oracle, "seed": seed}
    return {**settings, "epoch_images": epoch_images, "space": space, "sequences": sequences, "supervision": supervision}


def _is_begun(folder, settings):
    """Whether this search was begun in the folder; refuses the folder of another search, or of anything else."""
    return is_claimed(folder, _NOTE, "a search", settings, lambda file: read_json(file, *settings))


def _await_chief(folder, settings):
    """Waits until the chief has made the folder this search's, and makes sure that it is the one this worker was called for."""
    until = time.monotonic() + CHIEF_WITHIN
    while not (folder / _NOTE).exists():
        if time.monotonic() > until:
            raise UserError(
                f"no chief has begun a search in {folder} for {CHIEF_WITHIN} s; a worker expects the chief's folder, shared with it."
            )
        time.sleep(0.1)
    _is_begun(folder, settings)


def _space(settings, data_options):
    data = datasets.load(settings["data"], **data_options)
    if data.validation is None:
        raise UserError(f"a search judges on a validation split; {data.name} has none.")
    keras.utils.set_random_seed(settings["seed"])
    return SPACES[settings["family"]](data, settings["space"], data_options.get("image_size"))


def _check_budget(space, budget_mflops):
    flops, candidate = space.cheapest(enough=budget_mflops * 1e6)
    if math.isinf(flops):
        raise UserError(f"no candidate can look at images of shape {space.data.image_shape}; take larger ones, or another `space`.")
    if flops > budget_mflops * 1e6:
        cheapest = f"the cheapest of this space costs {flops / 1e6:.4f} MFLOP ({candidate})"
        raise UserError(f"no candidate keeps a budget of {budget_mflops} MFLOP: {cheapest}.")


def _tuner(space, settings, max_trials, folder):
    budget, epochs, epoch_images, seed = (settings[name] for name in ("budget_mflops", "epochs", "epoch_images", "seed"))
    oracle = make_oracle(settings["oracle"], _affords(space, budget), max_trials, epochs, seed)
    return FrontierTuner(space, oracle, folder, budget, epochs, epoch_images, seed, *_teacher(settings, space))


def _teacher(settings, space):
    """What teaches the policy of a trial, or None, and how a recipe says so."""
    if not settings["sequences"]:
        return None, {}
    found, choices = read_sequences(settings["sequences"], space.data), space.choices
    if choices["num_glimpses"] != [looks := found.actions.shape[1]]:
        wanted = f'a `space` that holds {{"num_glimpses": [{looks}]}}'
        raise UserError(f"sequences of {looks} looks need {wanted}. Received: {choices['num_glimpses']}")
    options = {"kind": settings["supervision"], "until": 0.5}
    return found.supervision(**options), {"sequences": settings["sequences"], **options}


def _affords(space, budget_mflops):
    """A function of keras-tuner's values: the share of the budget that their candidate uses at its most, 0 if it cannot keep it."""

    def affords(values):
        hyperparameters = keras_tuner.HyperParameters()
        space.declare_hyperparameters(hyperparameters)
        hyperparameters.values |= values
        candidate = space.candidate(hyperparameters)
        costs, budget = space.costs(candidate), budget_mflops * 1e6
        return most_flops(costs, candidate) / budget if least_flops(costs) <= budget else 0

    return affords


def read_points(workdir):
    """The points of every finished trial in a search's folder."""
    files = sorted(pathlib.Path(workdir).glob("tuner/trial_*/points.json"))
    return [point for file in files for point in _points(file)]


def _points(file):
    try:
        return [Point(**point) for point in read_json(file, points=list)["points"]]
    except TypeError as error:
        raise damaged(file, error) from error


def _write_results(folder, settings):
    points = read_points(folder)
    best = best_under(points, settings["budget_mflops"])
    if not points and not any((folder / "tuner").glob("trial_*")):
        raise UserError("no candidate drawn keeps the budget, though the cheapest would: raise `budget_mflops`, or pass a smaller `space`.")
    if best is None:
        raise UserError(f"no trial in {folder} succeeded; what each failed of was printed when it did. Raise `max_trials` to go on.")
    write_csv(folder / "points.csv", points)
    write_csv(folder / "frontier.csv", frontier(points))
    draw_frontiers({settings["family"]: points}, settings["budget_mflops"]).savefig(folder / "frontier.png", dpi=150)
    trial = folder / "tuner" / f"trial_{best.trial}"
    write_whole(folder / "best.keras", functools.partial(shutil.copy, trial / "model.keras"))
    note = {**read_json(trial / "recipe.json", "recipe", "seed"), **vars(best)}
    write_json(folder / "best.json", note)
    return note
