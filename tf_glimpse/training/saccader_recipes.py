"""Set-ups of the Saccader as functions that return a `StagedRecipe`: several stages, one after the other, in one run."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Stage:
    """How one stage is trained; the fields mean what they mean in `Recipe`.

    Args:
        name: "classification" (the BagNet alone), "location" or "reinforce".
        epochs, learning_rate, warmup, weight_decay, clipnorm, ema_momentum, patience: as in `Recipe`.
        loss: keyword arguments of `Saccader.compile`; none in the first stage, whose loss is cross-entropy.
        tempered: whether the classifier's logits are first divided by the temperature that fits the model's answers to the validation
            split best. The policy picks the cells that a BagNet is surest of, whose mean is far too sure: without, the first epochs
            unlearn features to mend that.
    """

    name: str
    epochs: int
    learning_rate: float
    loss: dict = dataclasses.field(default_factory=dict)
    warmup: float = 0.05
    weight_decay: float = 1e-4
    clipnorm: float = 5.0
    ema_momentum: float = 0.0
    patience: int | None = None
    tempered: bool = False


@dataclasses.dataclass(frozen=True)
class StagedRecipe:
    """One run of several stages, but for its seed.

    Args:
        name, description, data, batch_size, image_size, channels, white_level, group_duplicates,
            actions, dtype, jit_compile, start: as in `Recipe`.
        model: keyword arguments of `Saccader`, without the classes.
        stages: of `Stage`, in the order they are trained in; each begins with the best epoch of the one before.
        augment: keyword arguments of `tf_glimpse.datasets.PhotoAugmentation`, without the size; empty for none.
        train_size: side of the training photos that parts are cut from; None for `image_size`.
        hold_out: as for `tf_glimpse.datasets.load_photos`.
    """

    name: str
    description: str
    data: str | None
    model: dict
    stages: tuple
    augment: dict = dataclasses.field(default_factory=dict)
    batch_size: int = 32
    image_size: int | list | None = None
    channels: int | None = None
    white_level: float | None = None
    group_duplicates: bool = False
    train_size: int | None = None
    hold_out: float = 0.0
    actions: str | None = None
    dtype: str = "float32"
    jit_compile: bool = False
    start: dict = dataclasses.field(default_factory=dict)


def changed_stages(recipe, **values):
    """The recipe with these fields of `Stage` in every stage, such as `epochs=1`, or a tuple with one value a stage."""
    fields = {name: each if isinstance(each, tuple) else (each,) * len(recipe.stages) for name, each in values.items()}
    changed = [
        dataclasses.replace(stage, **{name: each[number] for name, each in fields.items()}) for number, stage in enumerate(recipe.stages)
    ]
    return dataclasses.replace(recipe, stages=tuple(changed))


def three_stages(epochs, learning_rates, num_glimpses, num_targets=12, rollouts=1, **last):
    """The stages of Elsayed et al. 2019: the BagNet, then where its logits are high, then both by REINFORCE.

    Args:
        epochs, learning_rates: three each.
        num_glimpses: looks in the last stage, over which the authors' REINFORCE is a mean.
        num_targets: looks in the second stage.
        rollouts: trajectories an image in the last stage.
        **last: other fields of the last `Stage`.
    """
    saccades = {"reinforce": {"weight": 1 / num_glimpses, "baseline": "batch_mean"}, "supervision": {}}
    losses = ({}, {"terms": {"targets": {"num_targets": num_targets}}}, {"terms": saccades, "rollouts": rollouts})
    names = ("classification", "location", "reinforce")
    *before, reinforce = (Stage(*fields) for fields in zip(names, epochs, learning_rates, losses, strict=True))
    return (*before, dataclasses.replace(reinforce, **last))


# REINFORCE alone moves the policy, by noisy steps: their mean is better than the last of them.
GENTLE = {"tempered": True, "ema_momentum": 0.995}


def saccader_flowers():
    """Photos of flowers at 96 px, 6 looks of 21 px: at most 29 % of the image.

    The data are TFDS' `tf_flowers` with the short side brought to 160 px, as files: MANUAL_DIR/tf_flowers_160px/train and val/CLASS/*.jpg.
    `--data tf_flowers` takes TFDS' own instead.
    """
    bagnet = {"receptive_field": 21, "blocks": [2, 1, 2], "filters": [8, 24, 64], "strides": [2, 2, 2], "stem_filters": 12}
    return StagedRecipe(
        "saccader_flowers",
        "photos of flowers at 96 px, 6 looks of 21 px",
        "tf_flowers_160px",
        {"bagnet": bagnet, "num_glimpses": 6, "mixed_channels": 64},
        three_stages((30, 20, 12), (4e-3, 3e-3, 1e-4), num_glimpses=6, **GENTLE),
        augment={"area": [0.35, 1.0], "colours": 0.2},
        image_size=96,
        train_size=135,
        hold_out=0.1,
    )


def saccader_flowers_small():
    """The same photos at 64 px, 6 looks of 15 px: at most 33 % of the image; made for two cores."""
    bagnet = {"receptive_field": 15, "blocks": [1, 1, 2], "filters": [8, 24, 64], "strides": [2, 2, 2], "stem_filters": 12}
    return dataclasses.replace(
        saccader_flowers(),
        name="saccader_flowers_small",
        description="photos of flowers at 64 px, 6 looks of 15 px, smaller",
        model={"bagnet": bagnet, "num_glimpses": 6, "mixed_channels": 64},
        image_size=64,
        train_size=90,
    )


def saccader_cifar10():
    """CIFAR-10, 6 looks of 9 px: at most 45 % of the image.

    At 33 px its 7x7 cells reach every edge; at 32 px 6x6 cells would leave three rows and columns out. What classifies a cell is deep
    after its field is read: such small fields learn slowly, so training sees parts that are nearly the whole image.
    """
    bagnet = {"receptive_field": 9, "blocks": [1, 4], "filters": [24, 64], "strides": [2, 2], "stem_filters": 32}
    return StagedRecipe(
        "saccader_cifar10",
        "CIFAR-10, 6 looks of 9 px, small",
        "cifar10",
        {"bagnet": bagnet, "num_glimpses": 6, "mixed_channels": 64},
        three_stages((25, 6, 6), (4e-3, 3e-3, 1e-4), num_glimpses=6, **GENTLE),
        augment={"area": [0.8, 1.0]},
        batch_size=128,
        image_size=33,
        train_size=32,
    )


def saccader_imagenet():
    """The published network: BagNet-77-lowD at 224 px with the authors' quirks, 6 looks, 12 targets (Elsayed et al. 2019).

    Learning rates, batch size and epochs are not in the authors' code; those here are a start, not the published ones. Photos differ too:
    parts are cut, bilinear, out of the 256 px square in a photo's middle instead of the whole photo, and tests see all of that square, of
    which the authors cut the middle.
    """
    pixels = {"pixel_mean": [0.485, 0.456, 0.406], "pixel_stddev": [0.229, 0.224, 0.225]}
    return StagedRecipe(
        "saccader_imagenet",
        "ImageNet at 224 px, 6 looks of 77 px, the published network",
        "imagenet2012",
        {"bagnet": {"second_norm": "main", **pixels}, "num_glimpses": 6, "mixed_channels": 512, "even_spacing": True},
        three_stages((120, 120, 120), (1e-3, 1e-3, 1e-4), num_glimpses=6, rollouts=2),
        augment={"area": [0.08, 1.0]},
        batch_size=256,
        image_size=224,
        train_size=256,
        hold_out=0.01,
        dtype="mixed_bfloat16",
        jit_compile=True,
    )
