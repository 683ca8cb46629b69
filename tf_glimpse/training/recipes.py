"""Published set-ups as functions that return a `Recipe`: data, model, loss and schedule of one training run.

A recipe is plain numbers and names, so that listing recipes needs no TensorFlow and a run can write down what it did. Change one with
`dataclasses.replace(ram_mnist(), epochs=20)`.
"""

import dataclasses

from tf_glimpse.types import UserError


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One training run, but for its seed.

    Args:
        name: as `tf-glimpse recipes` lists it.
        description: one line.
        data: what `tf_glimpse.datasets.load` takes: a name or a folder; None where the user must say.
        model: keyword arguments of `RAM`, without the classes.
        loss: keyword arguments of `AttentionModel.compile`: rollouts, weights, reward by name, discount. The weight of the entropy falls
            to zero over the run, as the learning rate does.
        epochs: how many; the learning rate falls to zero over them.
        passes: times that an epoch goes through the training split; above 1 for small sets, so that validation and checkpoints stay cheap.
        batch_size: images a step (each looked at by `rollouts` trajectories).
        learning_rate: of AdamW, at its highest.
        warmup: share of the steps over which the learning rate rises to it.
        weight_decay: of AdamW, on kernels.
        clipnorm: largest norm of each variable's gradient.
        ema_momentum: of a running mean of the weights, which validation, test and the saved model use; 0 for none.
        augment: keyword arguments of `tf_glimpse.datasets.Augmentation`; empty for none.
        actions: None for the model's own policy; "random" or "centre" to train without one.
        patience: epochs without a better validation accuracy after which the run stops; None for never.
        image_size: side that images of mixed sizes are brought to; None keeps one common size.
        dtype: a Keras dtype policy.
        jit_compile: whether XLA compiles the steps.
    """

    name: str
    description: str
    data: str | None
    model: dict
    loss: dict = dataclasses.field(default_factory=dict)
    epochs: int = 100
    passes: int = 1
    batch_size: int = 128
    learning_rate: float = 1e-3
    warmup: float = 0.02
    weight_decay: float = 1e-4
    clipnorm: float = 5.0
    ema_momentum: float = 0.0
    augment: dict = dataclasses.field(default_factory=dict)
    actions: str | None = None
    patience: int | None = None
    image_size: int | None = None
    dtype: str = "float32"
    jit_compile: bool = True


SMOOTH_REWARD = {"reward": "final_probability"}


def ram_mnist():
    """MNIST, 8x8 at one scale, 6 glimpses (Mnih et al. 2014, table 1a: 1.12 %).

    The paper's encoder and core; places come from a grid, which explores the digit where a Gaussian stays about the middle.
    """
    model = {"patch_size": 8, "num_glimpses": 6, "location": ["categorical", {"grid": [9, 9]}]}
    loss = {**SMOOTH_REWARD, "entropy_weight": 0.002}
    return Recipe("ram_mnist", "28x28 MNIST, 6 glimpses of 8x8", "mnist", model, loss, epochs=100, augment={"shift": 1})


def ram_translated_60():
    """60x60 translated MNIST, 12x12 at 3 scales, 8 glimpses (Mnih et al. 2014, table 1b: 1.20 %)."""
    model = {"patch_size": 12, "num_scales": 3, "num_glimpses": 8, "location": ["gaussian", {"stddev": 0.1}]}
    return Recipe(
        "ram_translated_60", "60x60 translated MNIST, 8 glimpses of 12x12 at 3 scales", "translated_mnist/60", model, SMOOTH_REWARD
    )


def ram_cluttered_60():
    """60x60 cluttered MNIST, 12x12 at 3 scales, 8 glimpses (Mnih et al. 2014, table 2a: 4.04 %)."""
    model = {"patch_size": 12, "num_scales": 3, "num_glimpses": 8, "location": ["gaussian", {"stddev": 0.1}]}
    return Recipe("ram_cluttered_60", "60x60 cluttered MNIST, 8 glimpses of 12x12 at 3 scales", "cluttered_mnist/60", model, SMOOTH_REWARD)


def ram_cluttered_100():
    """100x100 cluttered MNIST, 12x12 at 4 scales, 8 glimpses (Mnih et al. 2014, arXiv: 10.83 %)."""
    model = {"patch_size": 12, "num_scales": 4, "num_glimpses": 8, "location": ["gaussian", {"stddev": 0.1}]}
    return Recipe(
        "ram_cluttered_100", "100x100 cluttered MNIST, 8 glimpses of 12x12 at 4 scales", "cluttered_mnist/100", model, SMOOTH_REWARD
    )


def ram_digits():
    """The embedded set: scikit-learn's digits, 28 px, on a cluttered 60x60 canvas; trains in minutes and needs no download."""
    model = {"patch_size": 8, "num_scales": 3, "num_glimpses": 6, "location": ["gaussian", {"stddev": 0.1}]}
    return Recipe(
        "ram_digits",
        "scikit-learn's digits on a cluttered 60x60 canvas (embedded)",
        "digits_canvas",
        model,
        SMOOTH_REWARD,
        epochs=45,
        passes=20,
        augment={"rotation": 10.0, "zoom": 0.1, "shear": 0.1},
    )


def ram_digits_random():
    """The control of `ram_digits`: the same, trained and asked with places drawn at random instead of a policy of its own."""
    recipe = ram_digits()
    control = {"name": "ram_digits_random", "description": f"control: {recipe.description}, random places", "actions": "random"}
    return dataclasses.replace(recipe, **control, loss={**recipe.loss, "supervision_weight": 0.0})


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


def testing():
    """A tiny set-up that runs in seconds; its accuracy means nothing."""
    model = {"patch_size": 8, "num_scales": 2, "num_glimpses": 2, "units": 16, "location": ["gaussian", {"stddev": 0.1, "hidden_units": 0}]}
    return Recipe("testing", "tiny, for tests", "digits_canvas", model, epochs=2, batch_size=64, jit_compile=False)


_MAKERS = (ram_mnist, ram_translated_60, ram_cluttered_60, ram_cluttered_100, ram_digits, ram_digits_random, ram, testing)
RECIPES = {maker.__name__: maker for maker in _MAKERS}


def get_recipe(name):
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
