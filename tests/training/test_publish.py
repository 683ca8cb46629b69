"""What makes a shipped preset of a run, and what refuses to."""

import dataclasses
import json

import pytest

from benchmarks.accuracy.digit_sizes import limit
from benchmarks.common.rows import read_rows
from tf_glimpse.training import get_recipe
from tf_glimpse.training.publish import publish, refuse_changed, refuse_worse
from tf_glimpse.training.recipe import with_policy
from tf_glimpse.types import UserError
from tf_glimpse.weights import PRESETS, preset_names
from tf_glimpse.weights.cards import autoencoder_card, preset_card

JOINT = {"ram_cluttered_60_joint": "of the last epoch, which was kept"}


def plain(recipe):
    return json.loads(json.dumps(dataclasses.asdict(recipe)))


def shipped(name):
    return json.loads((PRESETS / f"{name}.json").read_text())


@pytest.mark.parametrize("name", preset_names())
def test_the_card_is_what_its_note_makes(name):
    sizes = [row for row in read_rows("digit_sizes") if row["preset"] == name]
    told = {"limits": [limit(sizes)] if sizes else [], **({"picked": JOINT[name]} if name in JOINT else {})}
    assert (PRESETS / f"{name}.md").read_text() == preset_card(name, shipped(name), **told)


def test_the_card_of_an_autoencoder_is_what_its_note_makes():
    notes = {file: json.loads(file.read_text()) for file in (PRESETS / "vae").glob("*.json")}
    told = {file: note for file, note in notes.items() if "how" in note}  # older notes do not say how they were trained
    assert told
    for file, note in told.items():
        assert file.with_suffix(".md").read_text() == autoencoder_card(note)


def test_a_run_becomes_a_preset(tmp_path):
    run, folder = tmp_path / "run", tmp_path / "presets"
    run.mkdir()
    folder.mkdir()
    note, recipe = shipped("ram_digits"), plain(get_recipe("ram_digits"))
    (run / "recipe.json").write_text(json.dumps({"recipe": recipe, "seed": 3, "code": ["abc1234"]}))
    (run / "results.json").write_text(json.dumps(note["results"]))
    (run / "model.keras").write_bytes(b"weights")
    publish(run, "mine", ["It is small."], folder)
    made = json.loads((folder / "mine.json").read_text())
    assert (folder / "mine.keras").read_bytes() == b"weights"
    assert made == {
        "recipe": recipe,
        "seed": 3,
        "command": "tf-glimpse train ram_digits --seed 3 --workdir W",
        "commit": "abc1234",
        "licence": "Apache-2.0",
        "results": note["results"],
    }
    assert (folder / "mine.md").read_text() == preset_card("mine", made, limits=["It is small."])
    assert (folder / "mine.md").read_text().endswith("\nIt is small.\n")


def test_a_run_of_other_settings_is_not_published_under_the_recipes_name():
    recipe = plain(with_policy(get_recipe("ram_mnist"), "random"))
    refuse_changed("W", recipe)
    with pytest.raises(UserError, match="W was trained with other settings than recipe ram_mnist: epochs"):
        refuse_changed("W", {**recipe, "epochs": 2})


def test_a_run_of_a_version_that_lacked_a_setting_is_taken_where_the_recipe_leaves_it_at_its_default():
    for name, changed in (("ram_mnist", None), ("ram_cluttered_100", "ema_momentum")):
        older = plain(get_recipe(name))
        del older["ema_momentum"]
        if changed is None:
            refuse_changed("W", older)
        else:
            with pytest.raises(UserError, match=f"other settings than recipe {name}: {changed}"):
                refuse_changed("W", older)


def test_a_preset_gives_way_only_to_a_seed_that_validates_better():
    file, note = PRESETS / "ram_mnist.json", shipped("ram_mnist")
    refuse_worse(file, note["recipe"], 1.0)
    with pytest.raises(UserError, match=f"ram_mnist is of seed {note['seed']}, which validates better"):
        refuse_worse(file, note["recipe"], 0.5)
    refuse_worse(file, {**note["recipe"], "epochs": 1}, 0.5)


def test_a_preset_does_not_give_way_for_being_compiled_otherwise():
    file, note = PRESETS / "saccader_cifar10.json", shipped("saccader_cifar10")
    otherwise = {**note["recipe"], "jit_compile": not note["recipe"]["jit_compile"]}
    with pytest.raises(UserError, match="validates better: nothing was written"):
        refuse_worse(file, otherwise, note["results"]["validation_accuracy"] - 0.001)
