"""The files of a run's folder: whose it is, and whether it is finished."""

import dataclasses
import pathlib

from tf_glimpse.files import damaged, is_claimed, read_json, write_json
from tf_glimpse.training.code_version import code_version
from tf_glimpse.types import UserError
from tf_glimpse.weights import CARD, find_preset, preset_names

_NOTE = "recipe.json"


def is_run_of(workdir, recipe, seed):
    """Whether the folder holds a run of just this recipe and seed; a setting that came after the run began stands at its default there.

    Raises:
        UserError: something else in it, or a run of another recipe, seed or setting.
    """

    def read(file):
        note = read_recipe(file)
        if note["recipe"]["name"] != recipe.name:
            raise UserError(f"{workdir} holds a run of recipe {note['recipe']['name']}, not {recipe.name}; pass another folder.")
        return {**defaults(recipe), **note["recipe"], "seed": note["seed"]}

    return is_claimed(pathlib.Path(workdir).expanduser(), _NOTE, "a run", {**dataclasses.asdict(recipe), "seed": seed}, read)


def claim_run(workdir, recipe, seed, fingerprint, sources=None):
    """Writes down whose run the folder is, its data's fingerprint and the code's version; or compares it with what an unfinished run wrote.

    `sources`, where the data lie and how they are read, are written down too, for `known_sources`.

    Raises:
        UserError: as `is_run_of`, or data that changed since the run began.
    """
    file, note = workdir / _NOTE, {"recipe": dataclasses.asdict(recipe), "seed": seed, "fingerprint": fingerprint}
    if is_run_of(workdir, recipe, seed):
        note = read_json(file, "fingerprint", recipe=dict)
    if note["fingerprint"] != fingerprint:
        raise UserError(f"{recipe.data} holds other images or splits than when the run in {workdir} began; pass another folder.")
    note = {**note, "sources": noted_sources(**sources)} if sources else note
    write_json(file, {**note, "code": list(dict.fromkeys([*note.get("code", []), code_version()]))})


def trained_by(workdir):
    """The versions of the code that a run's training began and went on with, such as "f03c712"; None for a run that did not note them."""
    return " and ".join(read_json(pathlib.Path(workdir) / "recipe.json").get("code", [])) or None


def noted_sources(manual_dir=None, data_dir=None, skip_corrupt=False, **_):
    """Where data lie and how they are read, as a run or a search writes it down: paths whole, so that they mean the same from anywhere."""
    folders = {"manual_dir": manual_dir, "data_dir": data_dir}
    whole = {name: folder and str(pathlib.Path(folder).expanduser().resolve()) for name, folder in folders.items()}
    return {**whole, "skip_corrupt": bool(skip_corrupt)}


def known_sources(workdir, given=None):
    """`given` (manual_dir, data_dir, skip_corrupt, ...), and for what it leaves out what the run or search in the folder was begun with.

    A folder that is no longer there is forgotten: the run may have been moved to another machine.
    """
    files = [pathlib.Path(workdir).expanduser() / name for name in ("recipe.json", "search.json")]
    noted = next((read_json(file).get("sources", {}) for file in files if file.exists()), {})
    noted = {name: value for name, value in noted.items() if value is True or (value and pathlib.Path(value).is_dir())}
    return {**noted, **{name: value for name, value in (given or {}).items() if value or name not in noted}}


def results(workdir):
    """What a finished run found, or None."""
    file = pathlib.Path(workdir).expanduser() / "results.json"
    return read_json(file, error_percent=float) if file.exists() else None


def find_finished(workdir=None, preset=None):
    """`(model path, recipe as a dict, seed)` of a run's folder or of a preset, whose arguments are those of `open_finished`.

    Raises:
        UserError: neither or both, or one that does not exist.
    """
    if bool(preset) == bool(workdir):
        raise UserError(f"give either the folder of a finished run, or `preset=NAME`. Received: {'both' if workdir else 'neither'}")
    if workdir:
        return read_run(workdir)
    path, card = find_preset(preset)
    return path, card["recipe"], card["seed"]


def preset_or_run(source):
    """The arguments of `find_finished` that a name or a path stands for: a preset's name, a preset's folder, or a run's folder.

    Raises:
        UserError: there is nothing of that name.
    """
    folder = pathlib.Path(source).expanduser()
    if source in preset_names() or (folder / CARD).is_file():
        return {"preset": source}
    if not folder.is_dir():
        raise UserError(f"expected a preset ({', '.join(preset_names())}) or the folder of a finished run. Received: {source!r}")
    return {"workdir": source}


def read_run(workdir):
    """`(model path, recipe as a dict, seed)` of a finished run, or of the best trial of a search.

    Raises:
        UserError: no run, or one that is not finished; for a folder of several seeds, says which to take.
    """
    workdir = pathlib.Path(workdir).expanduser()
    if (workdir / "summary.json").exists():
        seeds = ", ".join(sorted(str(folder) for folder in workdir.glob("seed-*")))
        raise UserError(f"{workdir} holds several seeds; take one of {seeds}.")
    if (workdir / "best.json").exists():
        note = read_recipe(workdir / "best.json")
        return workdir / "best.keras", note["recipe"], note["seed"]
    if not (workdir / "recipe.json").exists():
        raise UserError(f"No run in {workdir}. Expected: a folder that `tf-glimpse train` or `train_and_evaluate` made.")
    if not results(workdir):
        raise UserError(f"The run in {workdir} is not finished; `tf-glimpse train` with the same arguments goes on with it.")
    note = read_recipe(workdir / "recipe.json")
    return workdir / "model.keras", note["recipe"], note["seed"]


def read_recipe(file):
    """The object in the JSON file of a run, a search or a preset that says by which recipe and seed a model was trained.

    Raises:
        UserError: the file is damaged.
    """
    note = read_json(file, recipe=dict, seed=int)
    missing = [name for name in ("name", "data") if name not in note["recipe"]]
    if missing:
        raise damaged(file, f"its recipe lacks {', '.join(missing)}")
    return {**note, "recipe": {"image_size": None, "actions": None, **note["recipe"]}}


def read_threshold(workdir):
    """The threshold that a search found its best model at, or None: a run, or a model that does not stop."""
    file = pathlib.Path(workdir).expanduser() / "best.json"
    return read_json(file, "threshold")["threshold"] if file.exists() else None


def defaults(recipe):
    """Defaults of optional recipe fields, for runs saved before a field existed."""
    unset, fields = dataclasses.MISSING, dataclasses.fields(recipe)
    plain = {field.name: field.default for field in fields if field.default is not unset}
    return plain | {field.name: field.default_factory() for field in fields if field.default_factory is not unset}
