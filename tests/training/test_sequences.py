"""From the command line: sequences for a folder of images, and a run that they teach; the recipes for it."""

import dataclasses

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from tf_glimpse.boed import read_sequences
from tf_glimpse.cli import main
from tf_glimpse.datasets import ImageData, Supervision, array_source, load, sequence_actions, train_batches
from tf_glimpse.ops.coordinates import cell_centres
from tf_glimpse.training import get_recipe
from tf_glimpse.training.run import compiled_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Threes and sevens of 16x16 pixels."""
    place, found = tmp_path_factory.mktemp("digits"), load_digits()
    for number in (3, 7):
        (place / str(number)).mkdir()
        for index, image in enumerate(found.images[found.target == number][:60]):
            Image.fromarray(np.kron(image * 15, np.ones([2, 2])).astype(np.uint8)).save(place / str(number) / f"{index}.png")
    return place


@pytest.fixture(scope="module")
def sequences(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "sequences"
    command = ["sequences", "near_optimal_mnist", "--data", str(folder), "--out", str(out), "--count", "3", "--samples", "2"]
    assert main([*command, "--posterior-epochs", "1"]) == 0
    return out


def test_sequences_teach_a_run(folder, sequences, tmp_path, capsys):
    assert read_sequences(sequences, load(str(folder))).actions.shape == (3, 5, 2)
    command = ["train", "near_optimal_mnist", "--data", str(folder), "--sequences", str(sequences), "--workdir", str(tmp_path / "run")]
    assert main([*command, "--epochs", "1", "--batch-size", "16", "--share", "0.5"]) == 0
    assert "supervision" in (tmp_path / "run" / "log.csv").read_text().splitlines()[0]
    capsys.readouterr()


MISTAKES = {
    "other settings": (["near_optimal_mnist", "--samples", "3"], "samples 2 there, 3 here"),
    "a recipe without a grid": (["ram_mnist"], "places on a grid"),
    "no such class": (["near_optimal_mnist", "--against-rest", "8"], "one of 3, 7"),
    "another bank": (["near_optimal_mnist", "--bank", "nowhere"], "No bank in"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_line(mistake, folder, sequences, capsys):
    arguments, words = MISTAKES[mistake]
    common = ["--data", str(folder), "--out", str(sequences), "--count", "3", "--posterior-epochs", "1"]
    assert main(["sequences", *arguments, *common]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_sequences_for_other_images_do_not_teach(folder, sequences, tmp_path, capsys):
    other = tmp_path / "other"
    other.symlink_to(folder)
    (tmp_path / "copy").mkdir()
    for number in ("3", "7"):
        (tmp_path / "copy" / number).symlink_to(folder / number)
    command = ["train", "near_optimal_mnist", "--data", str(tmp_path / "copy"), "--sequences", str(sequences)]
    assert main([*command, "--workdir", str(tmp_path / "run"), "--epochs", "1"]) == 2
    assert "or other splits of it" in capsys.readouterr().err


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_misspelled_numbers_exit_with_2(count, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["sequences", "near_optimal_mnist", "--out", "nowhere", "--count", count])
    assert exit_.value.code == 2


def test_the_graph_of_the_papers_recipe_runs_on_random_images():
    recipe = dataclasses.replace(get_recipe("near_optimal_celeb_a_hq"), epochs=1, batch_size=2)
    model = compiled_model(recipe, faces())
    assert (model.num_glimpses, model.patch_size, model.cell.location.grid) == (5, 16, (50, 50))
    places = cell_centres((50, 50)).numpy()[np.random.default_rng(0).integers(0, 2500, [2, 5])]
    given = Supervision(sequence_actions([0, 3], places), share=0.5, among=[0, 3])
    logs = model.fit(train_batches(faces(), 2, seed=0, epochs=1, actions=given), epochs=1, verbose=0, shuffle=False).history
    assert all(np.isfinite(values[-1]) for values in logs.values())


def faces():
    random = np.random.default_rng(0)
    source = array_source(random.integers(0, 256, [4, 224, 224, 3]).astype(np.uint8), np.array([0, 1, 0, 1]))
    return ImageData("faces", source, None, None, 2, ["not smiling", "smiling"], (224, 224, 3))
