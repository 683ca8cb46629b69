"""The public surface: every layer, model, term and task of `catalogue.py` through the check of its kind, and none is missing there.

Policies have theirs in `policies/test_conformance.py`.
"""

import inspect
from pathlib import Path

import catalogue
import keras
import numpy as np
import pytest
from checks import run_layer_check, run_model_check, run_network_check, run_task_check, run_term_check

import tf_glimpse
from tf_glimpse import layers, losses, models, tasks


def variants(table):
    """A pytest parameter a variant: `(class, case)`."""
    named = [(made, cases if isinstance(cases, dict) else dict(enumerate(cases))) for made, cases in table.items()]
    return [
        pytest.param(made, case, id=f"{made.__name__}-{name}", marks=[pytest.mark.slow] if getattr(case, "slow", False) else [])
        for made, cases in named
        for name, case in cases.items()
    ]


def public(room, kind):
    return {each for name in room.__all__ if inspect.isclass(each := getattr(room, name)) and issubclass(each, kind)}


@pytest.mark.parametrize(("layer", "case"), variants(catalogue.LAYERS))
def test_layer(layer, case, tmp_path):
    extra = {"expected_weights": case.weights, "to_tensor": case.to_tensor, "output_dtype": case.output_dtype}
    run_layer_check(layer, case.settings, case.inputs, case.shape, folder=tmp_path, **extra)


@pytest.mark.parametrize(("model", "case"), variants(catalogue.MODELS))
def test_model(model, case, tmp_path):
    if issubclass(model, models.AttentionModel):
        run_model_check(case.make(), case.inputs, case.labels, folder=tmp_path, compile_kwargs=case.compile)
    else:
        run_network_check(case, tmp_path)


@pytest.mark.parametrize("name", catalogue.TERMS)
def test_term(name):
    case = catalogue.TERMS[name]
    make, images = case.make or catalogue.ram(), catalogue.PHOTOS if name == "targets" else catalogue.GREY
    model = catalogue.built(make, images)
    model.compile("sgd", terms=[case.term, *case.beside])
    run_term_check(case.term, name, model, {"images": images, **case.inputs} if case.inputs else images, catalogue.LABELS)


@pytest.mark.parametrize(("task", "case"), variants(catalogue.TASKS))
def test_task(task, case):
    labels = np.arange(6) % case.num_classes
    run_task_check(case, labels, [labels + 1, labels - 1, np.zeros([6, case.num_classes + 1]), np.zeros([6, 2, 2])])


def test_nothing_public_is_missing():
    of_layers = {each for each in catalogue.ELSEWHERE if each.__module__.startswith(layers.__name__)}
    assert public(layers, keras.layers.Layer) == {*catalogue.LAYERS, *of_layers}
    assert public(models, keras.layers.Layer) == {*catalogue.MODELS, *(set(catalogue.ELSEWHERE) - of_layers)}
    assert set(catalogue.TERMS) == set(losses.TERMS)
    assert public(losses, losses.Term) == {losses.Term, *losses.TERMS.values()}
    assert public(tasks, object) == set(catalogue.TASKS)
    for each, file in catalogue.ELSEWHERE.items():
        text = (Path(__file__).parent / file).read_text()
        assert any(kind.__name__ in text for kind in (each, *each.__subclasses__()))


def test_every_public_name_is_there_and_explained():
    for room in (tf_glimpse, layers, losses, models, tasks):
        for name in room.__all__:
            each = getattr(room, name)
            assert not callable(each) or inspect.getdoc(each), f"{room.__name__}.{name} has no docstring"
