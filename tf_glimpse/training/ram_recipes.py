"""Set-ups of RAM: the paper's tasks, near-optimal sequences, sets of one's own."""

import dataclasses
from typing import Any

from tf_glimpse.training.recipe import Recipe, with_policy

# Mnih et al. 2014, with the right class's probability as the reward.
SMOOTH_REWARD = {"terms": {"reinforce": {"reward": "final_probability"}, "baseline": {}, "supervision": {}}}
_TRIED = {"candidates": 4, "share": 0.25}
# Trains on the rollout that will be asked, the deterministic one; the policy learns from places tried beside it.
LOOK_AHEAD: dict[str, Any] = {"terms": {"look_ahead": _TRIED, "anytime": {"weight": 0.5}, "supervision": {}}, "sample": False}
# The best layers found on validation, for digits on a canvas; without them the paper's own, dense encoder and rectified core.
CANVAS_LAYERS = {"encoder": ["conv", {"filters": [32, 64], "pools": [2, 1]}], "core": "gru"}
# Six looks of 8x8 that cover the middle 16x22 of 28x28 pixels.
SCAN = [[0.0, 0.286], [0.0, -0.286], [0.5, 0.286], [0.5, -0.286], [-0.5, 0.286], [-0.5, -0.286]]
# On a canvas it learns too from the place that turned out best, wherever that was; the network finds by itself where the digit lies.
HINDSIGHT = {"terms": {**LOOK_AHEAD["terms"], "hindsight": _TRIED}, "sample": False}
# Instead of that, it is told where the digit lies.
GUIDED = {"terms": {**LOOK_AHEAD["terms"], "guidance": {}}, "sample": False}
# How far handwriting may be turned and stretched.
WARP = {"rotation": 10.0, "zoom": 0.1, "shear": 0.1}


def ram_mnist():
    """MNIST, 8x8 at one scale, 6 glimpses (Mnih et al. 2014, table 1a: 1.12 %).

    A scan of the middle teaches the policy, on fewer and fewer images, while it learns to move by REINFORCE on the others.
    """
    recipe = ram_mnist_paper()
    layers = {"encoder": ["conv", {"filters": [32, 64]}], "core": "gru"}
    return dataclasses.replace(recipe, name="ram_mnist", description="28x28 MNIST, 6 glimpses of 8x8", model={**recipe.model, **layers})


def ram_mnist_paper():
    """As `ram_mnist`, with the paper's layers."""
    model = {"patch_size": 8, "num_glimpses": 6, "first_location": "learned", "location": ["gaussian", {"stddev": 0.05}]}
    return Recipe(
        "ram_mnist_paper",
        "28x28 MNIST, 6 glimpses of 8x8, the paper's layers",
        "mnist",
        model,
        {"terms": {**SMOOTH_REWARD["terms"], "anytime": {"weight": 0.1}}},
        epochs=60,
        augment={"shift": 1, **WARP},
        teacher={"places": SCAN, "until": 1.0},
    )


def ram_fashion_mnist():
    """Fashion-MNIST by the recipe of `ram_mnist`, half as long; clothes are mirrored and not turned."""
    name, description = "ram_fashion_mnist", "28x28 Fashion-MNIST, 6 glimpses of 8x8"
    augment = {"shift": 1, "zoom": 0.1, "flip": True}
    return dataclasses.replace(ram_mnist(), name=name, description=description, data="fashion_mnist", epochs=30, augment=augment)


def ram_translated_60():
    """60x60 translated MNIST, 12x12 at 3 scales, 8 glimpses (Mnih et al. 2014, table 1b: 1.20 %).

    What is asked is a running mean of the weights: with it a harder warp pays within as many epochs.
    """
    return dataclasses.replace(_translated(), augment={**WARP, "elastic": 1.0}, weight_decay=0.05, ema_momentum=0.999)


def ram_translated_60_paper():
    """With the paper's layers, a milder warp, and the weights themselves instead of their running mean."""
    return _with_paper_layers(_translated())


def ram_translated_60_guided():
    """As `ram_translated_60_paper` but for its layers, and told in training where the digit lies; the networks of the papers are not."""
    return _guided(_translated())


def _translated():
    recipe = _on_canvas("ram_translated_60", "60x60 translated MNIST, 8 glimpses of 12x12 at 3 scales", "translated_mnist/60", 3)
    return dataclasses.replace(recipe, augment=WARP)


def ram_cluttered_60():
    """60x60 cluttered MNIST, 12x12 at 3 scales, 8 glimpses (Mnih et al. 2014, table 2a: 4.04 %).

    By look-ahead alone, as its weights were trained; those with the paper's layers learn in hindsight too.
    """
    recipe = _on_canvas("ram_cluttered_60", "60x60 cluttered MNIST, 8 glimpses of 12x12 at 3 scales", "cluttered_mnist/60", 3)
    return dataclasses.replace(recipe, loss=LOOK_AHEAD)


def ram_cluttered_60_paper():
    """As `ram_cluttered_60`, with the paper's layers, and in hindsight."""
    return dataclasses.replace(_with_paper_layers(ram_cluttered_60()), loss=HINDSIGHT)


def ram_cluttered_60_guided():
    """As `ram_cluttered_60`, and told in training where the digit lies; the networks of the papers are not."""
    return _guided(ram_cluttered_60())


def ram_cluttered_100():
    """100x100 cluttered MNIST, 12x12 at 4 scales, 8 glimpses (Mnih et al. 2014, arXiv: 10.83 %).

    What is asked is a running mean of the weights, as of `ram_translated_60`.
    """
    return dataclasses.replace(_cluttered_100(), augment=WARP, weight_decay=0.05, ema_momentum=0.999)


def ram_cluttered_100_guided():
    """As `ram_cluttered_100_paper` but for its layers, and told in training where the digit lies; the networks of the papers are not."""
    return _guided(_cluttered_100())


def ram_cluttered_100_paper():
    """With the paper's layers, no augmentation, and the weights themselves instead of their running mean."""
    return _with_paper_layers(_cluttered_100())


def _cluttered_100():
    return _on_canvas("ram_cluttered_100", "100x100 cluttered MNIST, 8 glimpses of 12x12 at 4 scales", "cluttered_mnist/100", 4)


def ram_cluttered_1024():
    """1024x1024 cluttered MNIST, a 28 px digit among 32 pieces: 16x16 at 7 scales, 6 glimpses.

    Where the digit lies guides the policy in training (`losses.Guidance`): by trial alone a place so small is not found.
    """
    recipe = _on_canvas("ram_cluttered_1024", "1024x1024 cluttered MNIST, 6 glimpses of 16x16 at 7 scales", "cluttered_mnist/1024", 7)
    encoder = ["conv", {"filters": [32, 64], "pools": [2, 1], "normalise": True}]
    model = {**recipe.model, "patch_size": 16, "num_glimpses": 6, "aligned": True, "encoder": encoder}
    return dataclasses.replace(recipe, model=model, loss=GUIDED, epochs=8)


def ram_cifar10():
    """CIFAR-10 by the recipe of the canvases, with 6 glimpses of 8x8 at 3 scales, the widest of which is the whole image."""
    recipe = _on_canvas("ram_cifar10", "32x32 CIFAR-10, 6 glimpses of 8x8 at 3 scales", "cifar10", 3)
    model = {**recipe.model, "patch_size": 8, "num_glimpses": 6, "encoder": ["conv", {"filters": [64, 128], "pools": [1, 2]}]}
    return dataclasses.replace(recipe, model=model, loss=LOOK_AHEAD, augment={"shift": 3, "flip": True})


def _on_canvas(name, description, data, num_scales):
    places = {"first_location": "centre", "location": ["gaussian", {"stddev": 0.1}]}
    model = {"patch_size": 12, "num_scales": num_scales, "num_glimpses": 8, **places, **CANVAS_LAYERS}
    return Recipe(name, description, data, model, HINDSIGHT, epochs=36, batch_size=64)


def _with_paper_layers(recipe):
    model = {key: value for key, value in recipe.model.items() if key not in CANVAS_LAYERS}
    return dataclasses.replace(recipe, name=f"{recipe.name}_paper", description=f"{recipe.description}, the paper's layers", model=model)


def _guided(recipe):
    description = f"{recipe.description}, guided in training by where the digit lies"
    return dataclasses.replace(recipe, name=f"{recipe.name}_guided", description=description, loss=GUIDED)


def ram_digits():
    """The embedded set: scikit-learn's digits, 28 px, on a cluttered 60x60 canvas; trains in minutes and needs no download."""
    model = {"patch_size": 8, "num_scales": 3, "num_glimpses": 6, "location": ["gaussian", {"stddev": 0.1}]}
    return Recipe(
        "ram_digits",
        "scikit-learn's digits on a cluttered 60x60 canvas (embedded)",
        "digits_canvas",
        model,
        HINDSIGHT,
        epochs=45,
        passes=20,
        augment=WARP,
    )


def ram_digits_random():
    """The control of `ram_digits`: the same, trained and asked with places drawn at random instead of a policy of its own."""
    name, description = "ram_digits_random", f"control: {ram_digits().description}, random places"
    return dataclasses.replace(with_policy(ram_digits(), "random"), name=name, description=description)


def ram():
    """Your own images: RGB or grey, any folder or TFDS name, 12x12 at 4 scales, 6 glimpses."""
    model = {"patch_size": 12, "num_scales": 4, "num_glimpses": 6, "encoder": "conv", "location": ["gaussian", {"stddev": 0.1}]}
    augment = {"shift": 8, "rotation": 10.0, "zoom": 0.1, "flip": True}
    return Recipe(
        "ram",
        "your own images: --data DIR or a TFDS name",
        None,
        model,
        SMOOTH_REWARD,
        epochs=60,
        batch_size=64,
        augment=augment,
        patience=15,
    )


def near_optimal_fashion_mnist():
    """Fashion-MNIST, 5 glimpses of 6x6 at cells of a grid: for training with near-optimal sequences (Harvey et al. 2019) and without."""
    return _on_grid("near_optimal_fashion_mnist", "28x28 Fashion-MNIST, 5 glimpses of 6x6 on a 15x15 grid", "fashion_mnist")


def near_optimal_mnist():
    """As `near_optimal_fashion_mnist`, on MNIST."""
    return _on_grid("near_optimal_mnist", "28x28 MNIST, 5 glimpses of 6x6 on a 15x15 grid", "mnist")


def near_optimal_celeb_a_hq():
    """The paper's numbers: 224x224 faces, one attribute against its absence, 5 glimpses of 16x16 at 50x50 places (Harvey et al. 2019).

    TFDS' `celeb_a_hq` holds photos without attributes; those are in CelebA's list by file name. Lay each of the 40 tasks out as a folder,
    DIR/ATTRIBUTE and DIR/rest, and pass it as `--data DIR`.
    """
    recipe = _on_grid("near_optimal_celeb_a_hq", "224x224 faces, 5 glimpses of 16x16 on a 50x50 grid: --data DIR", None)
    location = ["categorical", {"grid": [50, 50], "hidden_units": 64}]
    model = {**recipe.model, "patch_size": 16, "encoder": ["conv", {"filters": [16, 32]}], "location": location}
    return dataclasses.replace(recipe, model=model, image_size=224, epochs=300, learning_rate=3e-4, augment={"flip": True})


def _on_grid(name, description, data):
    location = ["categorical", {"grid": [15, 15], "hidden_units": 64}]  # a quarter of a glimpse apart, as the paper's
    model = {"patch_size": 6, "num_glimpses": 5, "core": "gru", "units": 64, "first_location": "learned", "location": location}
    loss = {"terms": {"reinforce": {"weight": 1.0}, "baseline": {}, "supervision": {}}}
    return Recipe(name, description, data, model, loss, epochs=20, batch_size=64, learning_rate=3e-3, jit_compile=False)


def testing():
    """A tiny set-up that runs in seconds; its accuracy means nothing."""
    model = {"patch_size": 8, "num_scales": 2, "num_glimpses": 2, "units": 16, "location": ["gaussian", {"stddev": 0.1, "hidden_units": 0}]}
    return Recipe("testing", "tiny, for tests", "digits_canvas", model, epochs=2, batch_size=64, jit_compile=False)
