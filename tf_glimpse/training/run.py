"""One training run in a folder: resumes after a kill, overwrites nothing, touches the test split once."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tf_glimpse import datasets
from tf_glimpse.boed.store import check_model, read_sequences
from tf_glimpse.files import locked_folder, write_whole
from tf_glimpse.losses import PAPER, Entropy
from tf_glimpse.models import RAM
from tf_glimpse.models.loading import load_weights
from tf_glimpse.models.ram import PAPER_LAYERS
from tf_glimpse.policies import Scan, get_policy
from tf_glimpse.statistics import half_interval, mean, standard_deviation
from tf_glimpse.training import workdirs
from tf_glimpse.training.callbacks import Checkpoint, GlimpsePictures
from tf_glimpse.training.evaluation import evaluate_run
from tf_glimpse.training.fitting import compiles, fit_epochs, make_optimizer
from tf_glimpse.training.progress import ending
from tf_glimpse.training.recipe import READING
from tf_glimpse.training.saccader_recipes import StagedRecipe
from tf_glimpse.training.stages import train_stages
from tf_glimpse.training.starting import start_weights
from tf_glimpse.types import AnyPath, UserError

if TYPE_CHECKING:
    from tf_glimpse.training.recipe import Recipe


def train_and_evaluate(
    recipe: Recipe | StagedRecipe,
    workdir: AnyPath,
    seed: int = 0,
    *,
    manual_dir: AnyPath | None = None,
    data_dir: AnyPath | None = None,
    skip_corrupt: bool = False,
    deterministic: bool = False,
    verbose: int | None = None,
    all_terms: bool = False,
) -> dict:
    """Trains a recipe in a folder, picks the best epoch on validation and evaluates that once on test.

    The folder then holds `model.keras` (the best epoch's weights, no optimiser), `results.json`, `recipe.json`, `log.csv`, `tensorboard/`
    and the last `checkpoint-N/`. Called again on an unfinished folder, it goes on after the last whole epoch and ends with the weights
    that an unbroken run has.

    Args:
        recipe: a `Recipe` or `StagedRecipe` whose `data` says what to train on.
        workdir: the folder; made if it is not there.
        seed: int, of weights, data order, clutter and sampled places.
        manual_dir, data_dir, skip_corrupt: as for `tf_glimpse.datasets.load`; the folder remembers them, so that they need not be given
            again when the run goes on or is evaluated.
        deterministic: byte-equal weights for equal seeds: TensorFlow's op determinism, and no XLA.
        verbose: 0 for silence, 1 for a progress bar and a line an epoch, 2 for the lines alone; None for 1 on a terminal, else 2.
        all_terms: whether the lines show every term of the loss; `log.csv` and `tensorboard/` have them all.

    Returns:
        the results, a dict as in `results.json`.

    Raises:
        UserError: a finished folder, one of another recipe or seed, data that does not fit.

    Example:
        >>> import tempfile
        >>> from tf_glimpse.training import get_recipe
        >>> results = train_and_evaluate(get_recipe("testing"), tempfile.mkdtemp(), verbose=0)
        >>> results["split"], results["examples"], results["rollouts"]
        ('test', 400, 1)
    """
    if not 0 <= seed < 2**31:
        raise UserError(f"seed expects a whole number from 0 to 2**31 - 1. Received: {seed}")
    recipe = _recipe_to_run(recipe, deterministic)
    with locked_folder(workdir) as folder:
        if workdirs.is_run_of(folder, recipe, seed) and workdirs.results(folder):
            raise UserError(f"{folder} holds a finished run; nothing was overwritten. Evaluate it, or train in another folder.")
        if deterministic:
            tf.config.experimental.enable_op_determinism()
        sources = workdirs.known_sources(folder, {"manual_dir": manual_dir, "data_dir": data_dir, "skip_corrupt": skip_corrupt})
        data = load_recipe_data(recipe, **sources)
        keras.utils.set_random_seed(seed)
        model: Any = None if isinstance(recipe, StagedRecipe) else compiled_model(recipe, data, seed)
        workdirs.claim_run(folder, recipe, seed, data.fingerprint, sources)
        if isinstance(recipe, StagedRecipe):
            return train_stages(recipe, data, folder, seed, verbose, all_terms)
        progress = Checkpoint(folder, patience=recipe.patience)
        _fit(model, recipe, data, seed, progress, verbose, all_terms)
        if verbose != 0:
            print(ending(progress, recipe.epochs), flush=True)
        return _evaluate_best_epoch(recipe, data, seed, progress, model.jit_compile)


def train_seeds(recipe: Recipe | StagedRecipe, workdir: AnyPath, seeds: Iterable[int], **kwargs: Any) -> dict:
    """`train_and_evaluate` for several seeds, in `workdir/seed-N`; writes `summary.json` with the mean and a 95 % interval.

    Args:
        recipe: a `Recipe`.
        workdir: a folder.
        seeds: ints, at least two; finished ones are not trained again.
        **kwargs: as for `train_and_evaluate`.

    Returns:
        the summary: "error_percent" (mean), "interval" (half its width, Student's t), "spread" (standard deviation), and each "runs".

    Raises:
        UserError: as `train_and_evaluate`; also a folder of one run, or of seeds that are not among these.
    """
    workdir = pathlib.Path(workdir).expanduser()
    recipe = _recipe_to_run(recipe, kwargs.get("deterministic", False))
    folders = {seed: workdir / f"seed-{seed}" for seed in seeds}
    others = sorted(str(path) for path in workdir.glob("seed-*") if path not in folders.values())
    if others or (workdir / "recipe.json").exists():
        raise UserError(f"{workdir} holds {', '.join(others) or 'a single run'}; pass another folder, or all seeds that are to count.")
    for seed, folder in folders.items():
        workdirs.is_run_of(folder, recipe, seed)
    begun: dict = next((workdirs.known_sources(folder) for folder in folders.values() if (folder / "recipe.json").exists()), {})
    kwargs = {**begun, **{name: value for name, value in kwargs.items() if value or name not in begun}}
    runs = [workdirs.results(folder) or train_and_evaluate(recipe, folder, seed, **kwargs) for seed, folder in folders.items()]
    errors = [run["error_percent"] for run in runs]
    found = {"error_percent": mean(errors), "interval": half_interval(errors), "spread": standard_deviation(errors)}
    summary = {"recipe": recipe.name, **found, "runs": runs}
    workdirs.write_json(workdir / "summary.json", summary)
    return summary


def _recipe_to_run(recipe, deterministic):
    """The recipe as it runs and is written down: XLA does not keep to the order that byte-equal weights need."""
    return dataclasses.replace(recipe, jit_compile=recipe.jit_compile and not deterministic)


def load_recipe_data(recipe, **places):
    """The recipe's data, their classes in the order of the model that training begins with; `places` as for `tf_glimpse.datasets.load`."""
    places |= {name: getattr(recipe, name) for name in READING}
    if isinstance(recipe, StagedRecipe):
        data = datasets.load_photos(recipe.data, recipe.image_size, recipe.train_size, recipe.hold_out, **places)
    else:
        data = datasets.load(recipe.data, image_size=recipe.image_size, **places)
    return data.in_order_of(recipe.start.get("class_names") or data.class_names)


def build_model(recipe, data, seed=0):
    """The recipe's untrained model for that data, built, not compiled."""
    layers = {**PAPER_LAYERS, **recipe.model}
    model = RAM(data.num_classes, class_names=data.class_names, seed=seed, dtype=recipe.dtype, name="ram", **layers)
    model.build((None, *data.image_shape))
    return model


def compiled_model(recipe, data, seed=0):
    """The recipe's model, compiled with its loss and its schedule over `recipe.epochs`."""
    model = build_model(recipe, data, seed)
    steps = recipe.epochs * datasets.steps_per_epoch(data, recipe.batch_size, recipe.passes)
    loss = {"terms": PAPER, **recipe.loss}
    if "entropy" in loss["terms"]:
        falling = keras.optimizers.schedules.CosineDecay(Entropy(**loss["terms"]["entropy"]).weight, steps)
        loss["terms"] = {**loss["terms"], "entropy": {"weight": falling}}
    model.compile(make_optimizer(recipe, steps), jit_compile=compiles(recipe, steps), **loss)
    model.optimizer.build(model.trainable_variables)
    return model


def _fit(model, recipe, data, seed, progress, verbose, all_terms):
    epoch = progress.restore(model)
    if epoch >= recipe.epochs or progress.exhausted:
        return
    if recipe.start and not epoch:
        start_weights(model, recipe.start, verbose)
    batches = training_batches(model, recipe, data, seed, epoch)
    validation = None if data.validation is None else datasets.eval_batches(data.validation, actions=get_policy(recipe.actions, model))
    callbacks = [keras.callbacks.SwapEMAWeights()] if recipe.ema_momentum else []
    callbacks += [progress, keras.callbacks.TensorBoard(progress.workdir / "tensorboard", write_graph=False)]
    callbacks += [GlimpsePictures(progress.workdir / "tensorboard", data.validation or data.train)]
    fit_epochs(model, batches, validation, recipe.epochs, epoch, callbacks, verbose, all_terms)


def training_batches(model, recipe, data, seed=0, epoch=0):
    """All batches that a run still trains on after so many epochs, augmented and taught as the recipe says."""
    augment = datasets.Augmentation(**recipe.augment) if recipe.augment else None
    given = _supervision(data, model, **recipe.teacher) if recipe.teacher else get_policy(recipe.actions, model)
    places = "guidance" in recipe.loss.get("terms", {})
    options = {"augment": augment, "actions": given, "passes": recipe.passes, "places": places}
    return datasets.train_batches(data, recipe.batch_size, seed, epoch, recipe.epochs, **options)


def _supervision(data, model, places=None, sequences=None, **options):
    """The recipe's teacher: a scan, or stored sequences."""
    if sequences is not None:
        found = read_sequences(sequences, data)
        check_model(sequences, found.plan, model)
        return found.supervision(**options)
    return datasets.Supervision(Scan(places), **options)


def _evaluate_best_epoch(recipe, data, seed, progress, jit_compile):
    """The best epoch's model without its optimiser, evaluated once."""
    workdir, model = progress.workdir, build_model(recipe, data, seed)
    load_weights(model, progress.best_weights)
    write_whole(workdir / "model.keras", model.save)
    best = {"best_epoch": progress.best_epoch, "validation_accuracy": progress.best_value, "train_seconds": round(progress.seconds, 1)}
    best["jit_compile"] = jit_compile
    return evaluate_run(model, recipe, data, seed, workdir, best)
