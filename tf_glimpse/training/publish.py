"""Makes a preset that ships with the package of a finished run: the weights, what they were trained by, and a card.

python -m tf_glimpse.training.publish RUN NAME
python -m tf_glimpse.training.publish RUN NAME --limit "It errs 15.33 % on digits of 20 px."
"""

import argparse
import dataclasses
import json
import pathlib
import shutil
import sys

from tf_glimpse.files import write_json
from tf_glimpse.training import workdirs
from tf_glimpse.training.code_version import code_version
from tf_glimpse.training.recipe import with_policy
from tf_glimpse.training.recipes import get_recipe
from tf_glimpse.types import UserError
from tf_glimpse.weights import PRESETS
from tf_glimpse.weights.cards import preset_card

LICENCE = "Apache-2.0"  # of the weights


def main():
    """The command; a user's mistake in one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=pathlib.Path, help="the folder of a finished run of a published recipe")
    parser.add_argument("name", help="of the preset; one of that name gives way if it does not validate better")
    parser.add_argument("--limit", action="append", default=[], help="a sentence for the card about what it cannot do; may be repeated")
    options = parser.parse_args()
    try:
        publish(options.run, options.name, options.limit)
    except UserError as error:
        sys.exit(f"error: {error}")


def publish(run, name, limits=(), folder=PRESETS):
    """Writes `NAME.keras`, `NAME.json` and the card `NAME.md`.

    Args:
        run: the folder of a finished run.
        name: the preset's.
        limits: sentences for the card about what it cannot do.
        folder: where presets lie.

    Raises:
        UserError: no finished run, one whose settings are not those of its recipe, or a preset of that name that should stay.
    """
    path, recipe, seed = workdirs.read_run(run)
    results, folder = workdirs.results(run), pathlib.Path(folder)
    refuse_changed(run, recipe)
    refuse_worse(folder / f"{name}.json", recipe, results["validation_accuracy"])
    shutil.copy(path, folder / f"{name}.keras")
    command = f"tf-glimpse train {recipe['name']} --seed {seed} --workdir W"
    commit = workdirs.trained_by(run) or code_version()
    note = {"recipe": recipe, "seed": seed, "command": command, "commit": commit, "licence": LICENCE, "results": results}
    write_json(folder / f"{name}.json", note)
    (folder / f"{name}.md").write_text(preset_card(name, note, limits=limits))


def refuse_changed(run, recipe):
    """Refuses a run whose recipe (a dict) is not the published one of its name, for its figures would be another's.

    Raises:
        UserError: names the settings that differ.
    """
    published = get_recipe(recipe["name"])
    published = with_policy(published, recipe["actions"]) if recipe["actions"] else published
    settings = json.loads(json.dumps(dataclasses.asdict(published)))
    found = {**workdirs.defaults(published), **recipe}
    changed = [key for key, value in settings.items() if found[key] != value]
    if changed:
        raise UserError(f"{run} was trained with other settings than recipe {recipe['name']}: {', '.join(changed)}")


def refuse_worse(file, recipe, validation_accuracy):
    """Refuses to replace a preset of that very recipe that validates better, for the best seed is shipped; or one with another policy.

    Args:
        file: the preset's JSON file, which need not be there.
        recipe: dict, of the run that is to be published.
        validation_accuracy: of that run.

    Raises:
        UserError: says which preset stays.
    """
    shipped = json.loads(file.read_text()) if file.exists() else None
    if shipped and shipped["recipe"]["actions"] != recipe["actions"]:
        raise UserError(f"{file.stem} chooses its places by {shipped['recipe']['actions'] or 'its own policy'}: nothing was written.")
    alike = shipped and {**shipped["recipe"], "jit_compile": None} == {**recipe, "jit_compile": None}  # which changes nothing but speed
    if alike and shipped["results"]["validation_accuracy"] > validation_accuracy:
        raise UserError(f"{file.stem} is of seed {shipped['seed']}, which validates better: nothing was written.")


if __name__ == "__main__":
    main()
