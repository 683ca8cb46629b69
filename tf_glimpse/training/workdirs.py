"""The files of a run's folder: whose it is, whether it is finished, JSON written whole or not at all."""

import dataclasses
import json
import os
import pathlib

from tf_glimpse.types import UserError


def path(workdir):
    """The folder as a `pathlib.Path`, `~` expanded."""
    return pathlib.Path(workdir).expanduser()


def claim(workdir, recipe, seed):
    """The folder, made for this recipe and seed, or found to be an unfinished run of just these.

    Raises:
        UserError: a file, a folder with something else in it, a run of another recipe or seed, a finished run.
    """
    workdir = path(workdir)
    if workdir.exists() and not workdir.is_dir():
        raise UserError(f"--workdir wants a folder. {workdir} is a file.")
    wanted = {"recipe": dataclasses.asdict(recipe), "seed": seed}
    note = workdir / "recipe.json"
    if not note.exists():
        if workdir.exists() and any(workdir.iterdir()):
            raise UserError(f"{workdir} holds other things than a run of tf_glimpse; pass an empty or a new folder.")
        workdir.mkdir(parents=True, exist_ok=True)
        write_json(note, wanted)
        return workdir
    _compare(workdir, json.loads(note.read_text()), json.loads(json.dumps(wanted)))
    if results(workdir):
        raise UserError(f"{workdir} holds a finished run; nothing was overwritten. Evaluate it, or train in another folder.")
    return workdir


def results(workdir):
    """What a finished run found, or None."""
    file = path(workdir) / "results.json"
    return json.loads(file.read_text()) if file.exists() else None


def read_run(workdir):
    """`(model path, recipe as a dict, seed)` of a finished run.

    Raises:
        UserError: no run, or one that is not finished; for a folder of several seeds, says which to take.
    """
    workdir = path(workdir)
    if (workdir / "summary.json").exists():
        seeds = ", ".join(sorted(str(folder) for folder in workdir.glob("seed-*")))
        raise UserError(f"{workdir} holds several seeds; take one of {seeds}.")
    if not (workdir / "recipe.json").exists():
        raise UserError(f"No run in {workdir}. Wanted: a folder that `tf-glimpse train RECIPE --workdir {workdir}` made.")
    if not (workdir / "model.keras").exists():
        raise UserError(f"The run in {workdir} is not finished; `tf-glimpse train` with the same arguments goes on with it.")
    note = json.loads((workdir / "recipe.json").read_text())
    return workdir / "model.keras", note["recipe"], note["seed"]


def write_json(file, content):
    """Writes JSON so that a kill leaves the old file or the new one, never half of one."""
    part = file.with_name(file.name + ".part")
    part.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(part, file)


def _compare(workdir, found, wanted):
    if found == wanted:
        return
    if found["recipe"]["name"] != wanted["recipe"]["name"]:
        raise UserError(f"{workdir} holds a run of recipe {found['recipe']['name']}, not {wanted['recipe']['name']}; pass another folder.")
    flat = [{**note["recipe"], "seed": note["seed"]} for note in (found, wanted)]
    differing = [f"{key} {flat[0].get(key)!r} there, {flat[1][key]!r} here" for key in flat[1] if flat[0].get(key) != flat[1][key]]
    raise UserError(f"{workdir} holds a run with other settings ({'; '.join(differing)}); pass another folder.")
