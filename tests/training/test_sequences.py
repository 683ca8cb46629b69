"""From the command line: sequences for a folder of images, and a run that they teach; the recipes for it."""

import dataclasses

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from tf_glimpse.boed import Retrieval, build_bank, read_sequences
from tf_glimpse.boed.expected_entropy import ExpectedEntropy
from tf_glimpse.boed.sequences import first_map
from tf_glimpse.boed.store import check_model
from tf_glimpse.cli import main
from tf_glimpse.datasets import Augmentation, ImageData, Supervision, array_source, load, train_batches
from tf_glimpse.models.glimpse_posterior import GlimpsePosterior
from tf_glimpse.ops.coordinates import cell_centres
from tf_glimpse.policies import Stored
from tf_glimpse.search import search_architectures
from tf_glimpse.search.space import RAM_SPACE
from tf_glimpse.search.trials import train_candidate
from tf_glimpse.training import get_recipe
from tf_glimpse.training.run import build_model, compiled_model
from tf_glimpse.types import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Threes and sevens of 24x24 pixels."""
    place, found = tmp_path_factory.mktemp("digits"), load_digits()
    for number in (3, 7):
        (place / str(number)).mkdir()
        for index, image in enumerate(found.images[found.target == number][:60]):
            Image.fromarray(np.kron(image * 15, np.ones([3, 3])).astype(np.uint8)).save(place / str(number) / f"{index}.png")
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


@pytest.mark.slow
def test_sequences_teach_a_search(folder, sequences, tmp_path, monkeypatch):
    taught, small = [], {name: options[:1] for name, options in RAM_SPACE.items()} | {"num_glimpses": [5]}

    def train(*args):
        taught.append(args[-1])
        return train_candidate(*args)

    monkeypatch.setattr("tf_glimpse.search.tuner.train_candidate", train)
    settings = {"max_trials": 1, "epochs": 1, "epoch_images": 60, "budget_mflops": 5.0, "sequences": str(sequences), "space": small}
    for kind in ("near_optimal", "heuristic"):
        best = search_architectures("ram", str(folder), tmp_path / kind, supervision=kind, **settings)
        assert 0 <= best["accuracy"] <= 1
        assert best["recipe"]["teacher"] == {"sequences": str(sequences), "kind": kind, "until": 0.5}
    assert [teacher.among is None for teacher in taught] == [False, True]
    with pytest.raises(UserError, match="'near_optimal' there, 'random' here"):
        search_architectures("ram", str(folder), tmp_path / "near_optimal", supervision="random", **settings)
    with pytest.raises(UserError, match=r'a `space` that holds {"num_glimpses": \[5\]}'):
        search_architectures("ram", str(folder), tmp_path / "other", **{**settings, "space": {**small, "num_glimpses": [4]}})


def test_taught_images_are_shown_as_their_places_were_found():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, [8, 12, 12, 1]).astype(np.uint8)
    data = ImageData("noise", array_source(images, np.arange(8) % 2), None, None, 2, ["even", "odd"], (12, 12, 1))
    given = Supervision(Stored([1, 4], np.zeros([2, 3, 2])), share=0.5, among=[1, 4])
    batches = train_batches(data, 8, seed=0, epochs=4, actions=given, augment=Augmentation(shift=2))
    shown = [(inputs["images"].numpy(), inputs["has_actions"].numpy()) for inputs, _ in batches.take(4)]
    known = {image.tobytes() for image in images[[1, 4]]}
    taught = [image.astype(np.uint8).tobytes() in known for pixels, rows in shown for image in pixels[rows]]
    others = [image.astype(np.uint8).tobytes() in known for pixels, rows in shown for image in pixels[~rows]]
    assert taught and all(taught) and not all(others)


MISTAKES = {
    "other settings": (["near_optimal_mnist", "--samples", "3"], "samples 2 there, 3 here"),
    "a recipe without a grid": (["ram_mnist"], "places on a grid"),
    "no such class": (["near_optimal_mnist", "--against-rest", "8"], "one of 3, 7"),
    "another bank": (["near_optimal_mnist", "--bank", "nowhere"], "No bank in"),
    "a posterior to take and to train": (["near_optimal_mnist", "--posterior", "file.keras"], "Give one of the two"),
    "mirror images of a bank": (["near_optimal_mnist", "--bank", "nowhere", "--flips"], "Give one of the two"),
    "mirror images to generate": (["near_optimal_mnist", "--completions", "vae", "--flips"], "Leave them out"),
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


def test_sequences_for_other_glimpses_do_not_teach(folder, sequences):
    data, recipe = load(str(folder)), get_recipe("near_optimal_mnist")
    plan = read_sequences(sequences, data).plan
    check_model(sequences, plan, build_model(recipe, data))
    coarse = dataclasses.replace(recipe, model={**recipe.model, "location": ["categorical", {"grid": [4, 4], "hidden_units": 0}]})
    with pytest.raises(UserError, match=r"grid \[15, 15\] there, \[4, 4\] here"):
        check_model(sequences, plan, build_model(coarse, data))
    more = dataclasses.replace(recipe, model={**recipe.model, "num_glimpses": 6})
    with pytest.raises(UserError, match="num_glimpses 5 there, 6 here; class 1 against the rest there, 3 classes here"):
        check_model(
            sequences,
            dataclasses.replace(plan, against_rest=1),
            build_model(more, dataclasses.replace(data, num_classes=3, class_names=list("abc"))),
        )


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_misspelled_numbers_exit_with_2(count, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["sequences", "near_optimal_mnist", "--out", "nowhere", "--count", count])
    assert exit_.value.code == 2


def test_a_mistyped_posterior_does_not_keep_the_folder(folder, sequences, tmp_path, capsys):
    command = ["sequences", "near_optimal_mnist", "--data", str(folder), "--count", "3", "--samples", "2"]
    assert main([*command, "--out", str(tmp_path / "out"), "--posterior", str(tmp_path / "mistyped.keras")]) == 2
    assert "mistyped.keras" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([*command, "--out", str(sequences), "--posterior-epochs", "1"]) == 0
    assert "Nothing left to make; all 3 are there" in capsys.readouterr().out


def test_the_entropies_of_the_papers_grid_are_found(tmp_path):
    posterior = GlimpsePosterior(2, filters=(2,), units=4)
    posterior.build((None, 224, 224, 4))
    data, recipe = faces(), get_recipe("near_optimal_celeb_a_hq")
    images = data.train.fetch(np.arange(4)).numpy()
    expected = ExpectedEntropy(posterior, recipe.model["location"][1]["grid"], (224, 224), recipe.model["patch_size"])
    completer = Retrieval(build_bank(tmp_path / "bank", images, data.train.labels, components=2))
    found = first_map(completer, expected, data.image_shape, 1, seed=0)
    assert found.shape == (2500,)
    assert np.isfinite(found).all() and found.max() <= np.log(2) + 1e-6


def test_the_graph_of_the_papers_recipe_runs_on_random_images():
    recipe = dataclasses.replace(get_recipe("near_optimal_celeb_a_hq"), epochs=1, batch_size=2)
    model = compiled_model(recipe, faces())
    assert (model.num_glimpses, model.patch_size, model.cell.location.grid) == (5, 16, (50, 50))
    places = cell_centres((50, 50)).numpy()[np.random.default_rng(0).integers(0, 2500, [2, 5])]
    given = Supervision(Stored([0, 3], places), share=0.5, among=[0, 3])
    logs = model.fit(train_batches(faces(), 2, seed=0, epochs=1, actions=given), epochs=1, verbose=0, shuffle=False).history
    assert all(np.isfinite(values[-1]) for values in logs.values())


def faces():
    random = np.random.default_rng(0)
    source = array_source(random.integers(0, 256, [4, 224, 224, 3]).astype(np.uint8), np.array([0, 1, 0, 1]))
    return ImageData("faces", source, None, None, 2, ["not smiling", "smiling"], (224, 224, 3))
