"""What one training run is told, but for its seed."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One training run, but for its seed.

    Args:
        name: as `tf-glimpse recipes` lists it.
        description: one line.
        data: what `tf_glimpse.datasets.load` takes: a name or a folder; None where the user must say.
        model: keyword arguments of `RAM`, without the classes; layers that are not given are the paper's (`models.ram.PAPER_LAYERS`).
        loss: keyword arguments of `AttentionModel.compile`: "terms", options by name; "rollouts", "sample". Without terms they are the
            paper's (`losses.PAPER`). The weight of the entropy falls to zero over the run, as the learning rate does.
        epochs: how many; the learning rate falls to zero over them.
        passes: times that an epoch goes through the training split; above 1 for small sets, so that validation and checkpoints stay cheap.
        batch_size: images a step (each looked at by `rollouts` trajectories).
        learning_rate: of AdamW, at its highest.
        warmup: share of the steps over which the learning rate rises to it.
        weight_decay: of AdamW, on all but biases; batch norms' scales and shifts too.
        clipnorm: largest norm of each variable's gradient.
        ema_momentum: of a running mean of the weights, which validation, test and the saved model use; 0 for none.
        augment: keyword arguments of `tf_glimpse.datasets.Augmentation`; empty for none.
        actions: None for the model's own policy; to train without one the name of a policy that needs no trained model, "random" or
            "centre" (`tf_glimpse.policies.UNTRAINED`).
        teacher: what teaches the policy where to look: "places" (T pairs y, x), a scan; or "sequences", a folder as `tf-glimpse sequences`
            makes it, and "kind" as for `tf_glimpse.boed.GlimpseSequences.supervision`; for both, as for `tf_glimpse.datasets.Supervision`,
            "share" and "until"; empty for none.
        patience: epochs without a better validation accuracy after which the run stops; None for never.
        image_size: side, or (height, width), that images are brought to; None keeps one common size.
        channels: 1 (grey), 3 (RGB) or 4 (RGB and alpha) that images are brought to; None keeps what they have.
        white_level: the value that is white in files of more than 8 bits, as for `tf_glimpse.datasets.load`.
        group_duplicates: whether copies of an image stay in one part when a validation split is made.
        dtype: a Keras dtype policy.
        jit_compile: whether XLA compiles the training step, if the run is long enough for that to pay (`fitting.compiles`).
        start: where the weights that training begins with come from, as `training.starting.started_recipe` writes it; empty for none.
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
    teacher: dict = dataclasses.field(default_factory=dict)
    patience: int | None = None
    image_size: int | list | None = None
    channels: int | None = None
    white_level: float | None = None
    group_duplicates: bool = False
    dtype: str = "float32"
    jit_compile: bool = True
    start: dict = dataclasses.field(default_factory=dict)


# The fields of every recipe that say how files become images, by the names that `tf_glimpse.datasets.load` takes.
READING = ("channels", "white_level", "group_duplicates")


def known_fields(kind, note):
    """What a note written by another version says about the fields that a dataclass has in this one."""
    return {field.name: note[field.name] for field in dataclasses.fields(kind) if field.name in note}


def with_policy(recipe, actions):
    """The recipe's control: all the same, but trained and asked with "random" or "centre" places instead of a policy of its own."""
    return dataclasses.replace(without_terms(recipe, "supervision", "look_ahead", "hindsight", "guidance"), actions=actions, teacher={})


def without_terms(recipe, *names):
    """The recipe without the loss terms of these names."""
    if "terms" not in recipe.loss:
        return recipe
    terms = {name: options for name, options in recipe.loss["terms"].items() if name not in names}
    return dataclasses.replace(recipe, loss={**recipe.loss, "terms": terms})
