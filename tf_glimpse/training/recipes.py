"""Published set-ups as functions that return a `Recipe`: data, model, loss and schedule of one training run.

A recipe is plain numbers and names, so that listing recipes needs no TensorFlow and a run can write down what it did. Change one with
`dataclasses.replace(get_recipe("ram_mnist"), epochs=20)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf_glimpse.training import ram_recipes, saccader_recipes
from tf_glimpse.types import UserError

if TYPE_CHECKING:
    from tf_glimpse.training.recipe import Recipe
    from tf_glimpse.training.saccader_recipes import StagedRecipe

_MAKERS = (
    ram_recipes.ram_mnist,
    ram_recipes.ram_mnist_paper,
    ram_recipes.ram_fashion_mnist,
    ram_recipes.ram_translated_60,
    ram_recipes.ram_translated_60_guided,
    ram_recipes.ram_translated_60_paper,
    ram_recipes.ram_cluttered_60,
    ram_recipes.ram_cluttered_60_guided,
    ram_recipes.ram_cluttered_60_paper,
    ram_recipes.ram_cluttered_100,
    ram_recipes.ram_cluttered_100_guided,
    ram_recipes.ram_cluttered_100_paper,
    ram_recipes.ram_cluttered_1024,
    ram_recipes.ram_cifar10,
    ram_recipes.ram_digits,
    ram_recipes.ram_digits_random,
    ram_recipes.ram,
    ram_recipes.near_optimal_fashion_mnist,
    ram_recipes.near_optimal_mnist,
    ram_recipes.near_optimal_celeb_a_hq,
    ram_recipes.testing,
    saccader_recipes.saccader_flowers,
    saccader_recipes.saccader_flowers_small,
    saccader_recipes.saccader_cifar10,
    saccader_recipes.saccader_imagenet,
)
RECIPES = {maker.__name__: maker for maker in _MAKERS}
"""Name -> the function that makes the recipe."""


def get_recipe(name: str) -> Recipe | StagedRecipe:
    """The recipe of that name.

    Raises:
        UserError: no such recipe; the message lists those there are.

    Example:
        >>> get_recipe("ram_mnist").model["patch_size"]
        8
    """
    if name not in RECIPES:
        raise UserError(f"No recipe {name!r}. There are: {', '.join(RECIPES)}.")
    return RECIPES[name]()
