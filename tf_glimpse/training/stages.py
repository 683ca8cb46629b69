"""A run of several stages in a folder: each is resumed after a kill, and begins with the best epoch of the one before."""

import math

import keras

from tf_glimpse import datasets
from tf_glimpse.explain import collect_logits, fit_temperatures
from tf_glimpse.files import write_whole
from tf_glimpse.models.loading import load_weights
from tf_glimpse.models.saccader import Saccader
from tf_glimpse.training import workdirs
from tf_glimpse.training.callbacks import Checkpoint, GlimpsePictures
from tf_glimpse.training.evaluation import evaluate_run
from tf_glimpse.training.fitting import compiles, fit_epochs, make_optimizer
from tf_glimpse.training.progress import ending, epochs_of
from tf_glimpse.training.starting import start_weights
from tf_glimpse.types import UserError


def train_stages(recipe, data, workdir, seed, verbose=None, all_terms=False):
    """Trains, stage by stage, what is not trained yet, and evaluates the last stage's best epoch once.

    Each stage has a folder `workdir/stage-N-NAME`, with what `train_and_evaluate` keeps of a run, and in the end with `model.keras`, the
    whole Saccader after that stage, and `results.json`, how it was trained. The last stage's model is `workdir/model.keras` too.

    Returns:
        the results, a dict as in `workdir/results.json`.
    """
    _check_looks(recipe, data, seed)
    folders = [workdir / f"stage-{number}-{stage.name}" for number, stage in enumerate(recipe.stages, start=1)]
    for number, (stage, folder) in enumerate(zip(recipe.stages, folders, strict=True)):
        if (folder / "results.json").exists():
            continue
        folder.mkdir(exist_ok=True)
        before = folders[number - 1] / "model.keras" if number else None
        if verbose != 0:
            print(f"Stage {number + 1} of {len(folders)}: {stage.name}, {epochs_of(stage.epochs)}.", flush=True)
        _train(recipe, stage, data, folder, before, (len(folders) * seed + number) % 2**31, verbose, all_terms)
    return _evaluate_last_stage(recipe, data, workdir, folders, seed)


def _check_looks(recipe, data, seed):
    """Refuses more looks than there are cells, before the first stage has been trained for nothing."""
    cells = math.prod(build_saccader(recipe, data, seed).fields(data.image_shape[:2]).grid)
    looks = max(recipe.model["num_glimpses"], *(_targets(stage).get("num_targets", 0) for stage in recipe.stages))
    if looks > cells:
        raise UserError(f"{looks} looks need as many cells; images of {data.image_shape[:2]} px have {cells}. Pass a larger `image_size`.")


def build_saccader(recipe, data, seed=0):
    """The recipe's untrained model for that data, built, not compiled."""
    keras.utils.set_random_seed(seed)
    model = Saccader(data.num_classes, class_names=data.class_names, seed=seed, dtype=recipe.dtype, name="saccader", **recipe.model)
    model.build((None, *data.image_shape))
    return model


def compile_stage(model, recipe, stage, steps):
    """Compiles the model, or its BagNet alone, for a stage of so many steps; returns what is to be fitted."""
    part = model.bagnet if stage.name == "classification" else model
    part.compile(make_optimizer(stage, steps), jit_compile=compiles(recipe, steps), **stage.loss)
    part.optimizer.build(part.trainable_variables)
    return part


def monitor_of(stage):
    """What a stage's best epoch is picked by: the hit rate where the policy learns places that stay what they are, else the accuracy."""
    fixed = stage.name == "location" and _targets(stage).get("stop_gradient", True)
    return "val_hit_rate" if fixed else "val_accuracy"


def _targets(stage):
    """The options of a stage's `losses.Targets`; none of a stage without."""
    return stage.loss.get("terms", {}).get("targets", {})


def calibrate_bagnet(model, source):
    """Divides the logits of a `Saccader`'s BagNet by the temperature that fits its answers to a split's labels best; none changes."""
    temperature = fit_temperatures(collect_logits(model, source)[:, :, -1:], source.labels)[0]
    for weight in model.bagnet.classifier.trainable_variables:
        weight.assign(weight / temperature)


def _train(recipe, stage, data, folder, before, seed, verbose, all_terms):
    model = build_saccader(recipe, data, seed)
    if before:
        load_weights(model, before)
    elif recipe.start and not any(folder.glob("checkpoint-[0-9]*")):
        start_weights(model, recipe.start, verbose)
    if stage.tempered:
        calibrate_bagnet(model, data.validation or data.train)
    part = compile_stage(model, recipe, stage, stage.epochs * datasets.steps_per_epoch(data, recipe.batch_size))
    progress = Checkpoint(folder, monitor_of(stage), stage.patience)
    epoch = progress.restore(part)
    if epoch < stage.epochs and not progress.exhausted:
        augment = datasets.PhotoAugmentation(data.image_shape[0], **recipe.augment) if recipe.augment else None
        batches = datasets.train_batches(data, recipe.batch_size, seed, epoch, stage.epochs, augment)
        validation = None if data.validation is None else datasets.eval_batches(data.validation, 200)
        fit_epochs(part, batches, validation, stage.epochs, epoch, _callbacks(part, data, stage, progress), verbose, all_terms)
    if verbose != 0:
        print(ending(progress, stage.epochs), flush=True)
    load_weights(part, progress.best_weights)
    write_whole(folder / "model.keras", _uncompiled(model).save)
    found = {"best_epoch": progress.best_epoch, progress.monitor: progress.best_value, "train_seconds": round(progress.seconds, 1)}
    workdirs.write_json(folder / "results.json", {"stage": stage.name, "epochs": stage.epochs, "jit_compile": part.jit_compile, **found})


def _callbacks(part, data, stage, progress):
    board = progress.workdir / "tensorboard"
    callbacks = [keras.callbacks.SwapEMAWeights()] if stage.ema_momentum else []
    callbacks += [progress, keras.callbacks.TensorBoard(board, write_graph=False)]
    return callbacks + ([GlimpsePictures(board, data.validation or data.train)] if isinstance(part, Saccader) else [])


def _uncompiled(model):
    """A copy without an optimiser."""
    return model.with_glimpses(model.num_glimpses)


def _evaluate_last_stage(recipe, data, workdir, folders, seed):
    model = build_saccader(recipe, data, seed)
    load_weights(model, folders[-1] / "model.keras")
    write_whole(workdir / "model.keras", model.save)
    stages = [workdirs.read_json(folder / "results.json", "best_epoch", "train_seconds") for folder in folders]
    best = {"best_epoch": stages[-1]["best_epoch"], "validation_accuracy": stages[-1].get("val_accuracy")}
    best["train_seconds"] = round(sum(stage["train_seconds"] for stage in stages), 1)
    return evaluate_run(model, recipe, data, seed, workdir, {**best, "stages": stages})
