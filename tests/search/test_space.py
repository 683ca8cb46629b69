import dataclasses
import itertools
import json
import math

import keras_tuner
import numpy as np
import pytest

from tf_glimpse.datasets import ImageData, array_source
from tf_glimpse.search.space import RAM_SPACE, SACCADER_SPACE, SPACES, RAMSpace, SaccaderSpace, least_flops, most_flops, read_space
from tf_glimpse.search.tuner import OBJECTIVE, make_oracle
from tf_glimpse.types import UserError


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    source = array_source(random.integers(0, 256, [60, 20, 20, 1], np.uint8), np.arange(60) % 3)
    return ImageData("noise", source, source, None, 3, ["a", "b", "c"], (20, 20, 1))


def drawn(space, seed):
    """A random candidate, by keras-tuner's own random oracle."""
    oracle = keras_tuner.oracles.RandomSearchOracle(keras_tuner.Objective("accuracy", "max"), max_trials=10, seed=seed)
    hyperparameters = oracle.get_space()
    space.declare_hyperparameters(hyperparameters)
    oracle.update_space(hyperparameters)
    hyperparameters.values = oracle.populate_space("0")["values"]
    return space.candidate(hyperparameters)


@pytest.mark.parametrize("family", SPACES)
def test_any_candidate_is_a_model(family, data):
    """It costs one look at least, or the whole of a CNN, and no less than the cheapest of its space."""
    choices = {**SPACES[family].default, "core": ["gru"], "encoder": ["conv"], "location": ["categorical"]} if family == "ram" else None
    space = SPACES[family](data, choices)
    candidate = next(found for found in (drawn(space, seed) for seed in range(1, 99)) if space.costs(found) != math.inf)
    assert set(candidate) <= set(space.choices)
    assert all(value in space.choices[name] for name, value in candidate.items())
    assert space.model(candidate)(np.zeros([2, 20, 20, 1], "float32")) is not None
    costs = space.costs(candidate)
    assert least_flops(costs) == (costs.adaptive(1) if family in ("ram", "saccader") else costs)
    assert 0 < space.cheapest()[0] <= least_flops(costs)


@pytest.mark.parametrize(
    ("sizes", "cheapest"),
    [
        ({"patch_size": [6, 8], "encoder": ["conv"], "filters": [8], "units": [64]}, {"patch_size": 8}),  # it pools
        ({"location_units": [0, 2], "location": ["categorical"], "grid": [9], "units": [64]}, {"location_units": 2}),
        ({"location_units": [0, 32], "location": ["gaussian"], "grid": [9], "units": [64]}, {"location_units": 0}),
    ],
)
def test_the_cheapest_is_found_where_a_larger_size_costs_less(sizes, cheapest, data):
    space = RAMSpace(data, {name: options[:1] for name, options in RAM_SPACE.items()} | sizes)
    ways = [dict(zip(sizes, values, strict=True)) for values in itertools.product(*sizes.values())]
    costs = [least_flops(space.costs({**{name: options[0] for name, options in space.choices.items()}, **way})) for way in ways]
    flops, candidate = space.cheapest()
    assert flops == min(costs) < max(costs)
    assert cheapest.items() <= candidate.items()


def test_choices_that_do_not_count_are_left_out(data):
    space = RAMSpace(data, {**RAM_SPACE, "encoder": ["conv"], "location": ["categorical"]})
    candidate = drawn(space, 1)
    assert not {"what_units", "stddev"} & set(candidate)
    assert {"filters", "grid"} <= set(candidate)


def test_the_recipe_of_a_candidate_is_plain_and_trains_it(data):
    space = RAMSpace(data)
    candidate = {**{name: options[0] for name, options in RAM_SPACE.items()}, "core": "lstm", "look_ahead_weight": 0.1}
    recipe = space.recipe(candidate, epochs=3, passes=2)
    assert json.loads(json.dumps(recipe.model)) == recipe.model
    assert (recipe.epochs, recipe.passes, recipe.loss["sample"]) == (3, 2, False)
    assert recipe.loss["terms"]["look_ahead"]["weight"] == 0.1 and "reinforce" not in recipe.loss["terms"]
    drawing = space.recipe({**candidate, "look_ahead_weight": 0.0}).loss
    assert {"reinforce", "baseline", "anytime"} <= set(drawing["terms"]) and "look_ahead" not in drawing["terms"]
    assert "sample" not in drawing


@pytest.mark.slow
def test_a_saccader_that_does_not_fit_its_images_costs_too_much(data):
    first = {name: options[:1] for name, options in SACCADER_SPACE.items()}
    choices = {
        **first,
        "first_stride": SACCADER_SPACE["first_stride"],
        "wide_groups": [0, 3],
        "num_glimpses": [first["num_glimpses"][0], 6],
    }

    def space(side):
        return SaccaderSpace(dataclasses.replace(data, image_shape=(side, side, 1)), choices)

    candidate = {**{name: options[0] for name, options in SACCADER_SPACE.items()}, "wide_groups": 3}
    assert space(28).costs({**candidate, "first_stride": 4}) == math.inf  # a cell would see 29 px
    assert space(60).costs({**candidate, "first_stride": 4, "num_glimpses": 6}) == math.inf  # of four cells
    assert space(8).cheapest()[0] == math.inf
    flops, cheapest = space(60).cheapest()
    assert cheapest["first_stride"] == 4 and flops < least_flops(space(60).costs(candidate))


MISTAKES = {
    "unknown": ({**RAM_SPACE, "glimpses": [3]}, "unknown: glimpses"),
    "a name for a number": ({"units": [8, "many"]}, "choices for units such as 16, .* Received: 8, many"),
    "a number for a name": ({"core": [3]}, "choices for core such as rectified"),
    "an unknown name": ({"encoder": ["cnn"]}, "choices for encoder such as dense, conv. Received: cnn"),
    "no size": ({"units": [0]}, "Received: 0"),
    "empty": ({**RAM_SPACE, "core": []}, "none for core"),
    "no list": ({**RAM_SPACE, "core": "gru"}, "none for core"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_space_is_checked(mistake, data):
    choices, words = MISTAKES[mistake]
    with pytest.raises(UserError, match=words):
        RAMSpace(data, choices)


def test_a_space_may_say_what_differs_alone_and_in_any_order(data):
    given = {"grid": [5], "look_ahead_weight": [0, 0.1], "location": ["categorical"]}
    space = RAMSpace(data, given)
    assert list(space.choices) == list(RAM_SPACE)
    assert space.choices == {**RAM_SPACE, **given}
    assert {type(choice) for choice in space.choices["look_ahead_weight"]} == {float}
    space.declare_hyperparameters(keras_tuner.HyperParameters())
    small = RAMSpace(dataclasses.replace(data, image_shape=(8, 8, 1)))
    candidate = {name: options[0] for name, options in RAM_SPACE.items()}
    assert small.costs({**candidate, "patch_size": 10}) == math.inf


def test_a_space_in_a_file(tmp_path):
    (tmp_path / "space.json").write_text(json.dumps(RAM_SPACE))
    assert read_space(tmp_path / "space.json") == RAM_SPACE
    (tmp_path / "bad.json").write_text("[1]")
    for name, words in (("bad.json", "JSON object"), ("none.json", "JSON file")):
        with pytest.raises(UserError, match=words):
            read_space(tmp_path / name)


@pytest.mark.parametrize("name", ["bayesian", "hyperband", "random"])
def test_oracles_propose_only_what_the_budget_affords(name, data, tmp_path):
    space, seen = RAMSpace(data), []

    def affords(values):
        seen.append(values["units"])
        return values["units"] <= 32

    proposed = [values["units"] for values in proposals(make_oracle(name, affords, max_trials=8, epochs=4, seed=0), space, tmp_path)]
    assert len(proposed) == 5 and max(proposed) <= 32 < max(seen)


def test_oracles_prefer_what_uses_the_budget(data, tmp_path):
    """Units of 96 are over it, 48 and 64 use more than half, less is taken only where nothing else is drawn."""

    def share(values):
        return values["units"] / 80 if values["units"] <= 80 else 0

    for units, wanted in (([16, 32, 48, 64, 96], {48, 64}), ([16, 32, 96], {32})):
        space = RAMSpace(data, {**RAM_SPACE, "units": units})
        oracle = make_oracle("random", share, max_trials=8, epochs=4, seed=0)
        assert {values["units"] for values in proposals(oracle, space, tmp_path / str(len(units)))} <= wanted


def proposals(oracle, space, folder):
    """The first five that an oracle makes, told each time that more units are better: Bayesian ones are random for three."""
    oracle._set_project_dir(str(folder), "tuner")
    oracle.verbose = 0
    hyperparameters = oracle.get_space()
    space.declare_hyperparameters(hyperparameters)
    oracle.update_space(hyperparameters)
    found = []
    for number in range(5):
        trial = oracle.create_trial(f"tuner{number}")
        found.append(trial.hyperparameters.values)
        oracle.update_trial(trial.trial_id, {OBJECTIVE: float(found[-1]["units"])})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    return found


def test_what_a_budget_s_share_is(data):
    space = RAMSpace(data)
    candidate = drawn(space, 1)
    costs = space.costs(candidate)
    assert most_flops(costs, candidate) == costs.adaptive(candidate["num_glimpses"]) > least_flops(costs)
    counted = dict(space._counted)
    assert space.costs({**candidate, "learning_rate": 0.5}) == costs
    assert space._counted == counted  # the rate makes it no other network


def test_an_unknown_oracle_is_told():
    with pytest.raises(UserError, match="bayesian, hyperband, random"):
        make_oracle("genetic", lambda values: True, 4, 4, 0)


def test_recipes_know_the_size_that_images_were_brought_to(data):
    candidate = {name: options[0] for name, options in RAM_SPACE.items()}
    assert RAMSpace(data, None, 20).recipe(candidate).image_size == 20
    assert RAMSpace(data).recipe(candidate).image_size is None
