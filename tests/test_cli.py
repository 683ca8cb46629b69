import json

import numpy as np
import pytest
from PIL import Image

from tf_glimpse import cli
from tf_glimpse.cli import main
from tf_glimpse.commands.arguments import images_of


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert main(["train", "testing", "--epochs", "1", "--workdir", str(folder)]) == 0
    return folder


def make_photos(folder, count=6, size=40):
    for name, level in (("dark", 40), ("light", 200)):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = np.random.default_rng(index).integers(level - 30, level + 30, [size + index, size + 2 * index, 3]).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    return folder


def test_evaluate_prints_one_line_of_json(run, capsys):
    assert main(["evaluate", str(run), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    results = json.loads(line)
    assert {"error_percent", "num_glimpses", "rollouts", "examples", "patch_size", "num_scales", "parameters", "seed", "preset"} <= set(
        results
    )
    assert (results["rollouts"], results["examples"], results["preset"]) == (1, 400, None)


def test_draw_writes_both_pictures(run, tmp_path, capsys):
    assert main(["draw", str(run), "--count", "2", "--out", str(tmp_path / "pictures" / "look")]) == 0
    png, gif = capsys.readouterr().out.split()
    with Image.open(png) as picture, Image.open(gif) as film:
        assert picture.size[0] > 300
        assert film.n_frames == 2
    Image.fromarray(np.zeros([80, 70, 4], np.uint8)).save(tmp_path / "mine.png")
    assert main(["draw", str(run), str(tmp_path / "mine.png"), "--out", str(tmp_path / "mine_drawn")]) == 0
    assert (tmp_path / "mine_drawn.gif").exists()


@pytest.mark.slow
def test_export_writes_the_next_version_and_never_over_one(run, tmp_path, capsys):
    for version in "12":
        assert main(["export", str(run), "--out", str(tmp_path)]) == 0
        assert capsys.readouterr().out.strip().endswith(f"/{version}")
    assert main(["export", str(run), "--out", str(tmp_path), "--no-warm-up"]) == 0
    assert not (tmp_path / "3" / "assets.extra").exists()
    assert (tmp_path / "2" / "assets.extra").exists()
    assert main(["export", str(run), "--out", str(tmp_path), "--version", "2"]) == 2
    assert "not overwritten" in capsys.readouterr().err


def test_own_photos_train_and_evaluate(tmp_path, capsys):
    data = make_photos(tmp_path / "photos")
    command = ["train", "testing", "--data", str(data), "--image-size", "32", "--batch-size", "4", "--epochs", "1", "--workdir"]
    assert main([*command, str(tmp_path / "run")]) == 0
    assert main(["evaluate", str(tmp_path / "run"), "--split", "validation", "--json"]) == 0
    capsys.readouterr()
    for other in ([], ["--data", str(data)]):  # its own data, named or not: only what it was not trained on
        assert main(["evaluate", str(tmp_path / "run"), *other, "--json"]) == 0
        told = capsys.readouterr()
        results = json.loads(told.out)
        assert (results["split"], results["examples"]) == ("validation", 2)
        assert "photos has no test split: the error is of the 2 images kept apart for validation; the best epoch" in told.err
    assert main(["evaluate", str(tmp_path / "run"), "--split", "test"]) == 2
    assert "has no test split to evaluate on; it has train, validation." in capsys.readouterr().err
    held_out = make_photos(tmp_path / "held_out", count=4)
    assert main(["evaluate", str(tmp_path / "run"), "--data", str(held_out), "--json"]) == 0
    told = capsys.readouterr()
    results = json.loads(told.out)
    assert (results["split"], results["examples"]) == ("all", 8)
    assert "has no test split: the error is of all its 8 images" in told.err
    few = make_photos(tmp_path / "few", count=2)  # a tenth of four is none
    assert main(["evaluate", str(tmp_path / "run"), "--data", str(few), "--split", "validation"]) == 2
    assert "no validation split" in capsys.readouterr().err
    split = tmp_path / "split"
    make_photos(split / "train")
    make_photos(split / "val", count=3)
    assert main(["evaluate", str(tmp_path / "run"), "--data", str(split), "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert (results["split"], results["examples"]) == ("validation", 6)
    photo = next(held_out.glob("dark/*"))
    before = photo.read_bytes()
    assert main(["draw", str(tmp_path / "run"), str(photo), "--out", str(photo.with_suffix(""))]) == 2
    assert "was not overwritten" in capsys.readouterr().err and photo.read_bytes() == before
    (held_out / "dark").rename(held_out / "twilight")
    assert main(["evaluate", str(tmp_path / "run"), "--data", str(held_out)]) == 2
    assert "['dark', 'light']" in capsys.readouterr().err


MISTAKES = {
    "an unknown recipe": (["train", "ram_minst", "--workdir", "W"], "No recipe 'ram_minst'. There are: ram_mnist"),
    "no data": (["train", "ram", "--workdir", "W"], "expects --data"),
    "no such set": (["train", "ram", "--data", "no_such_set", "--workdir", "W"], "no_such_set"),
    "no such folder": (["train", "ram", "--data", "./nowhere", "--workdir", "W"], "nowhere"),
    "no such preset": (["evaluate", "--preset", "ram_minst"], "No preset 'ram_minst'"),
    "neither run nor preset": (["evaluate"], "give either the folder of a finished run, or --preset NAME."),
    "run and preset": (["evaluate", "RUN", "--preset", "ram_digits"], "give either the folder"),
    "a path for a preset": (["evaluate", "--preset", "mine/model.keras"], "No preset 'mine/model.keras'"),
    "a file for a folder": (["train", "testing", "--workdir", "setup.cfg/run"], "expected a folder to write in"),
    "a finished run": (["train", "testing", "--epochs", "1", "--workdir", "RUN"], "nothing was overwritten"),
    "other classes": (["evaluate", "--preset", "ram_digits", "--data", "PHOTOS"], "the model knows 10 classes"),
    "sampling random places": (["evaluate", "RUN", "--policy", "random", "--rollouts", "2"], "model's own policy"),
    "no name to draw to": (["draw", "RUN", "--out", ""], "--out expects a path"),
    "a file to draw under": (["draw", "RUN", "--out", "setup.cfg/look"], "setup.cfg"),
    "no such run": (["evaluate", "nowhere"], "No run in nowhere"),
    "looks of another model": (["evaluate", "RUN", "--num-glimpses", "3"], "tf-glimpse: --num-glimpses is for a Saccader"),
    "no space": (["search", "ram", "--data", "digits_canvas", "--workdir", "W", "--space", "nowhere"], "--space expects a JSON file"),
    "a policy of another kind of model": (["evaluate", "RUN", "--policy", "sobel_mean"], "for RAM, one of random, centre, constant"),
    "more looks than there are": (["evaluate", "RUN", "--policy", "frozen:99"], "for this model. Received: 99"),
    "a control that is taught": (
        ["train", "testing", "--policy", "random", "--sequences", "S", "--workdir", "W"],
        "--policy random has none",
    ),
    "a teacher without sequences": (["train", "testing", "--share", "0.5", "--workdir", "W"], "give their folder too"),
    "nothing to serve": (["serve", "nowhere", "--port", "0"], "nowhere"),
    "an image that is none": (["draw", "RUN", "setup.cfg"], "setup.cfg"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_one_clear_line_and_exit_code_2(mistake, run, tmp_path, capsys):
    arguments, words = MISTAKES[mistake]
    places = {"W": str(tmp_path / "W"), "RUN": str(run)}
    if "PHOTOS" in arguments:
        places["PHOTOS"] = str(make_photos(tmp_path / "photos"))
    assert main([places.get(argument, argument) for argument in arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tf-glimpse: ")
    assert words in line


MISSPELLED = [
    "--epochs 0",
    "--epochs ten",
    "--seeds 1",
    "--seeds 1,1",
    "--seed -1",
    "--seed 5000000000",
    "--learning-rate nan",
    "--rollouts 0.5",
]


@pytest.mark.parametrize("words", ["", *MISSPELLED])
def test_misspelled_commands_exit_with_2(words, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["train", *(["testing", "--workdir", "W", *words.split()] if words else [])])
    assert exit_.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_a_policy_that_there_is_not_is_told_with_those_there_are(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["evaluate", "--preset", "ram_digits", "--policy", "randm"])
    assert exit_.value.code == 2
    assert "one of random, centre, constant, frozen or frozen:K, ordered_logits" in capsys.readouterr().err


@pytest.mark.parametrize("policy", ["random", "centre", "constant", "frozen", "frozen:2"])
def test_any_policy_chooses_the_places_of_an_evaluation(policy, run, capsys):
    asked = ["evaluate", str(run), "--split", "validation", "--json"]
    assert main([*asked, "--policy", policy]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["policy"] == policy
    assert main([*asked, "--policy", policy, "--seed", "7"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["error_percent_by_glimpse"] == found["error_percent_by_glimpse"]) == (policy != "random")
    if policy.startswith("frozen"):
        assert main(asked) == 0
        own = json.loads(capsys.readouterr().out)["error_percent_by_glimpse"]
        looks = 2 if policy.endswith("2") else 1
        assert found["error_percent_by_glimpse"][:looks] == own[:looks]


@pytest.mark.parametrize("before", [[], ["a.png"]])
def test_images_may_stand_after_options(before):
    options = cli._parsed(["draw", "--preset", "ram_digits", *before, "--out", "x", "b.png", "c.png"])
    assert images_of(options) == [*before, "b.png", "c.png"]
    assert options.workdir is None
    with pytest.raises(SystemExit):
        cli._parsed(["evaluate", "--preset", "ram_digits", "--json", "run", "b.png"])
