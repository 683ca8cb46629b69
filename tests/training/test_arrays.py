import dataclasses

import keras
import numpy as np
import pytest

import tf_glimpse
from tf_glimpse import losses
from tf_glimpse.training import RECIPES, from_recipe, get_recipe
from tf_glimpse.training.recipe import Recipe
from tf_glimpse.types import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, [60, 60, 60, 1], dtype=np.uint8)
LABELS = np.arange(60) % 3


def small(name):
    """The recipe with a small model and without XLA: all else is its own."""
    recipe = get_recipe(name)
    model = {key: value for key, value in recipe.model.items() if key != "encoder"}
    return dataclasses.replace(recipe, model={**model, "units": 8}, jit_compile=False, passes=1)


@pytest.mark.parametrize("name", ["ram_digits", "ram_digits_random", "ram_mnist", "ram_translated_60", "ram", "near_optimal_mnist"])
def test_arrays_train_as_the_recipe_says(name):
    """One by hindsight, a control, one taught by a scan, one of a running mean, one with patience, one on a grid of places."""
    recipe = small(name)
    model, arguments = from_recipe(recipe, IMAGES, LABELS, epochs=2, batch_size=18, class_names=["a", "b", "c"])
    assert (arguments["epochs"], arguments["steps_per_epoch"]) == (2, 3)  # of 54 images: six are kept to validate on
    wanted = recipe.loss.get("terms", losses.PAPER)
    told = [{term.name: term.get_config() for term in terms} for terms in (model.terms, losses.get_terms(wanted))]
    assert told[0] == told[1] and set(told[0]) == set(wanted)
    assert model.sample is recipe.loss.get("sample", True)
    inputs, _ = next(iter(arguments["x"]))
    assert isinstance(inputs, dict) == bool(recipe.actions or recipe.teacher)
    kinds = [type(callback) for callback in arguments["callbacks"]]
    assert (keras.callbacks.SwapEMAWeights in kinds) == (recipe.ema_momentum > 0)
    assert [callback.patience for callback in arguments["callbacks"] if hasattr(callback, "patience")] == [
        patience for patience in [recipe.patience] if patience
    ]
    model.optimizer.iterations.assign(6)
    assert float(model.optimizer.learning_rate) < 0.1 * recipe.learning_rate  # it falls over the epochs asked for


def test_every_recipe_of_one_stage_is_taken_or_says_what_it_lacks():
    """Guidance needs to know where the object lies, and stored sequences which images they are of."""
    for name in RECIPES:
        recipe = get_recipe(name)
        if not isinstance(recipe, Recipe):
            with pytest.raises(UserError, match=f"recipe {name} trains 3 stages"):
                from_recipe(name, IMAGES, LABELS)
        elif "guidance" in recipe.loss.get("terms", {}):
            with pytest.raises(UserError, match="knows the places of its digits"):
                from_recipe(dataclasses.replace(small(name), epochs=1), IMAGES, LABELS)


def test_float_images_are_those_of_256_levels_and_columns_of_labels_are_labels():
    settings = {"epochs": 1, "batch_size": 20, "validation_data": (IMAGES[:6], LABELS[:6]), "seed": 3}
    told = [
        from_recipe("testing", images, labels, **settings)[1] for images, labels in ((IMAGES, LABELS), (IMAGES / 255, LABELS[:, None]))
    ]
    batches = [next(iter(arguments["x"])) for arguments in told]
    for one, other in zip(*batches, strict=True):
        np.testing.assert_array_equal(one, other)
    validated = [np.concatenate([images for images, _ in arguments["validation_data"]]) for arguments in told]
    np.testing.assert_array_equal(validated[0], IMAGES[:6])
    np.testing.assert_array_equal(validated[1], IMAGES[:6])


@pytest.mark.slow
def test_fit_learns_from_them():
    """Dark from light images, with what is heaviest in the recipe: a running mean of the weights, and hindsight."""
    images = (IMAGES[:, :24, :24] // 4 + 128 * (LABELS[:, None, None, None] % 2)).astype(np.uint8)
    recipe = dataclasses.replace(small("ram_translated_60"), ema_momentum=0.5)
    recipe = dataclasses.replace(recipe, model={**recipe.model, "num_glimpses": 2, "num_scales": 1})
    model, arguments = tf_glimpse.from_recipe(recipe, images, LABELS % 2, epochs=8, batch_size=9)
    history = model.fit(**arguments, verbose=0).history
    assert len(history["val_accuracy"]) == 8 and model.optimizer.iterations == 48
    assert np.mean(model.classify(images).labels == LABELS % 2) > 0.9


@pytest.mark.parametrize(
    ("recipe", "images", "labels", "settings", "words"),
    [
        ("ram_minst", IMAGES, LABELS, {}, "No recipe 'ram_minst'"),
        ("testing", IMAGES[..., 0], LABELS, {}, "rank 4"),
        ("testing", IMAGES.astype("float32"), LABELS, {}, "divide by 255"),
        ("testing", IMAGES, LABELS[:-1], {}, "60 whole numbers"),
        ("testing", IMAGES, LABELS, {"class_names": ["a", "b"]}, "0 to 1"),
        ("testing", IMAGES[:4], LABELS[:4], {}, "is none to validate on"),
        ("testing", IMAGES, LABELS, {"validation_data": (IMAGES[:, 2:], LABELS)}, "the shape of the others"),
    ],
)
def test_mistakes_are_told(recipe, images, labels, settings, words):
    with pytest.raises(UserError, match=words):
        from_recipe(recipe, images, labels, **settings)
