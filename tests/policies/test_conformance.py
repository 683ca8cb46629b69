"""What every policy that has a name owes its callers, for each kind of model; a new row of the registry is tested here by itself."""

import functools

import numpy as np
import pytest
from policy_models import DATA, IMAGES, SOURCE, ram, saccader

from tf_glimpse.datasets import eval_batches, train_batches
from tf_glimpse.policies import POLICIES, get_policy
from tf_glimpse.training import evaluate_model

MODELS = {"ram": functools.cache(ram), "saccader": functools.cache(saccader)}
NAMES = [*POLICIES, *(f"{name}:3" for name, row in POLICIES.items() if row.looks)]
INDICES = np.arange(len(IMAGES))
CASES = [(kind, name) for kind in MODELS for name in NAMES if kind == "saccader" or not POLICIES[name.partition(":")[0]].cells]


@pytest.fixture(params=CASES, ids="-".join)
def case(request):
    kind, name = request.param
    return MODELS[kind](), get_policy(name, MODELS[kind](), DATA)


def test_places_are_places(case):
    model, policy = case
    places = policy(IMAGES, INDICES, (1, 0))
    assert (places.dtype, places.shape) == ("float32", (7, model.num_glimpses, 2))
    assert np.abs(places).max() <= 1
    assert model({"images": IMAGES, "actions": places}).logits.shape == (7, model.num_glimpses, 3)


def test_the_same_seed_gives_the_same_places(case):
    _, policy = case
    places = policy(IMAGES, INDICES, (1, 0))
    np.testing.assert_array_equal(policy(IMAGES, INDICES, np.array([1, 0], np.int64)), places)


def test_batch_mates_do_not_matter(case):
    _, policy = case
    places = policy(IMAGES, INDICES, (1, 0)).numpy()
    some = [5, 0, 3]
    np.testing.assert_allclose(policy(IMAGES[some], INDICES[some], (1, 0)), places[some], atol=1e-6)


def test_they_run_inside_tf_data_and_in_evaluation(case):
    model, policy = case
    places = policy(IMAGES, INDICES, (2, 0))
    batches = list(eval_batches(SOURCE, 3, actions=policy, seed=2))
    np.testing.assert_allclose(np.concatenate([inputs["actions"] for inputs, _ in batches]), places, atol=1e-6)
    inputs, _ = next(iter(train_batches(DATA, 7, seed=0, actions=policy)))
    assert inputs["actions"].shape == places.shape
    given = model({"images": IMAGES, "actions": places}).logits[:, -1]
    wrong = 100 * np.mean(np.argmax(given, -1) != SOURCE.labels)
    assert evaluate_model(model, SOURCE, policy=policy, seed=2, batch_size=4)["error_percent"] == pytest.approx(wrong, abs=1e-3)
