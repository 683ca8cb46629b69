"""A recipe's settings for one's own arrays: its model, compiled, and what to call `fit` with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from tf_glimpse import datasets
from tf_glimpse.datasets.splits import split_positions
from tf_glimpse.policies import get_policy
from tf_glimpse.training.recipes import get_recipe
from tf_glimpse.training.run import compiled_model, training_batches
from tf_glimpse.training.saccader_recipes import StagedRecipe
from tf_glimpse.types import Array, UserError

if TYPE_CHECKING:
    from tf_glimpse.models.attention_model import AttentionModel
    from tf_glimpse.training.recipe import Recipe


def from_recipe(
    recipe: str | Recipe | StagedRecipe,
    images: Array,
    labels: Array,
    validation_data: tuple | None = None,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    class_names: Sequence[str] | None = None,
    seed: int = 0,
) -> tuple[AttentionModel, dict]:
    """A recipe's model, compiled with its loss and schedule, and the arguments of `fit` that train it on arrays as the recipe trains.

    The batches are augmented, and their policy is taught, as the recipe says. What is yours to choose is in the dict: change or add
    callbacks, leave out the validation. To train in a folder that survives a kill, take `train_and_evaluate` instead.

    Args:
        recipe: the name of one, such as "ram_digits" (`tf-glimpse recipes` lists them), or a `Recipe`.
        images: `[N, H, W, C]`, uint8 0-255, or float 0-1, which are rounded to 256 levels.
        labels: whole numbers `[N]` or `[N, 1]`, 0 to K - 1.
        validation_data: `(images, labels)`; None keeps a tenth of the images for it, the classes' shares kept, chosen by `seed`.
        epochs: instead of the recipe's; the learning rate falls to zero over them. One may be several passes through the images, as the
            recipe's `passes` says.
        batch_size: instead of the recipe's.
        class_names: K names; numbers if None.
        seed: of weights, data order, augmentation, and of draws in training.

    Returns:
        `(model, arguments)`: the compiled model, and a dict of "x", "epochs", "steps_per_epoch", "validation_data", "callbacks", "shuffle".

    Raises:
        UserError: no such recipe, one of several stages, one that needs to know where the objects lie, images or labels that no model can
            take.

    Example:
        >>> import numpy as np
        >>> images, labels = np.random.default_rng(0).random([200, 28, 28, 1]), np.arange(200) % 10
        >>> model, arguments = from_recipe("testing", images, labels, epochs=1)
        >>> history = model.fit(**arguments, verbose=0)
        >>> sorted(history.history)[:2], model.classify(images[:3]).probabilities.shape
        (['accuracy', 'baseline'], (3, 10))
    """
    recipe = get_recipe(recipe) if isinstance(recipe, str) else recipe
    if isinstance(recipe, StagedRecipe):
        reason = f"recipe {recipe.name} trains {len(recipe.stages)} stages, one after the other, which is more than one fit"
        raise UserError(f"{reason}: lay the images out as a folder CLASS/*.png, and call train_and_evaluate.")
    changed: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size}
    recipe = dataclasses.replace(recipe, **{name: value for name, value in changed.items() if value is not None})
    data = _data(images, labels, validation_data, class_names, seed)
    keras.utils.set_random_seed(seed)
    model = compiled_model(recipe, data, seed)
    arguments = {
        "x": training_batches(model, recipe, data, seed).repeat(),  # fit asks for a batch more than it trains on
        "epochs": recipe.epochs,
        "steps_per_epoch": datasets.steps_per_epoch(data, recipe.batch_size, recipe.passes),
        "validation_data": datasets.eval_batches(data.validation, actions=get_policy(recipe.actions, model)),
        "callbacks": list(_callbacks(recipe)),
        "shuffle": False,
    }
    return model, arguments


def _data(images, labels, validation_data, class_names, seed):
    """`ImageData` of arrays."""
    train = _source(images, labels)
    if validation_data is None:
        chosen, kept = split_positions(train.labels, 0.1, seed)
        if not len(kept):
            raise UserError(f"a tenth of {len(train)} images is none to validate on; pass validation_data=(images, labels).")
        train, validation = train.subset(chosen), train.subset(kept)
    else:
        validation = _source(*validation_data)
    if validation.image_shape != train.image_shape:
        raise UserError(f"validation images must have the shape of the others, {train.image_shape}, got {validation.image_shape}")
    num_classes = len(class_names) if class_names else 1 + max(int(source.labels.max()) for source in (train, validation))
    names = list(class_names or map(str, range(num_classes)))
    return datasets.ImageData("arrays", train, validation, None, num_classes, names, train.image_shape)


def _source(images, labels):
    images, labels = np.asarray(images), np.asarray(labels)
    labels = labels.reshape(-1) if labels.shape[1:] == (1,) else labels
    datasets.check_images(images, labels)
    return datasets.array_source(images if images.dtype == np.uint8 else np.round(255 * images).astype(np.uint8), labels)


def _callbacks(recipe):
    if recipe.ema_momentum:
        yield keras.callbacks.SwapEMAWeights(swap_on_epoch=False)
    if recipe.patience is not None:
        yield keras.callbacks.EarlyStopping("val_accuracy", patience=recipe.patience, mode="max", restore_best_weights=True)
