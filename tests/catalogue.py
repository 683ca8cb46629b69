"""Every public layer, model, term and task, made small, beside what it is called with: `test_conformance.py` checks each by its kind."""

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from policy_models import BAGNET, with_opinion

from tf_glimpse import layers, losses, models, tasks

RANDOM = np.random.default_rng(0)
LABELS = np.arange(8) % 3
GREY, COLOUR = RANDOM.random([8, 12, 12, 1]).astype("float32"), RANDOM.integers(0, 256, [8, 12, 16, 3]).astype("uint8")
FILMS = RANDOM.random([8, 2, 12, 12, 1]).astype("float32")


def normal(*shape):
    return tf.constant(RANDOM.normal(size=shape).astype("float32"))


class LayerCase(NamedTuple):
    """One variant of a layer, as `checks.run_layer_check` takes it."""

    settings: dict
    inputs: tuple
    shape: tuple
    weights: int
    to_tensor: Any = lambda output: output
    output_dtype: str | None = None


class ModelCase(NamedTuple):
    """One variant of a model: `make()`; what it is called with; what `fit` takes besides; arguments of `compile`; whether
    it is slow; whether it has a `fit`."""

    make: Any
    inputs: Any
    labels: Any = None
    compile: dict = {}  # noqa: RUF012
    slow: bool = False
    fit: bool = True


class TermCase(NamedTuple):
    """A term; those that it needs beside it; what comes beside the images; what learns by it."""

    term: Any
    beside: tuple = ()
    inputs: dict = {}  # noqa: RUF012
    make: Any = None


MODE = {"to_tensor": lambda policy: policy.mode(), "output_dtype": "float32"}
SCORES = {"to_tensor": lambda policy: policy.logits, "output_dtype": "float32"}
LOOK = (normal(5, 6, 6, 2), tf.constant(RANDOM.uniform(-1, 1, [5, 2]).astype("float32")))
CONV = {"filters": (3, 4), "where_units": 5, "units": 9}
PLACES = tf.constant([[-0.3, 0.6], [0.1, -0.9], [-1, -1], [1, 1], [-1, 1], [0, 0]], tf.float32)
PIXELS = {
    "grey": tf.constant(RANDOM.random([6, 28, 28, 1]).astype("float32")),
    "wide": tf.constant(RANDOM.random([6, 20, 33, 3]).astype("float32")),
    "bytes": tf.constant(RANDOM.integers(0, 256, [6, 33, 20, 3]).astype("uint8")),
}
NOBODY = (tf.zeros([4], tf.int32), tf.zeros([4], tf.bool))
VISITED = tf.constant(np.eye(9, dtype="float32")[[0, 3, 3, 8]])


def retinas():
    for images in PIXELS.values():
        for patch, scales in ((8, 1), (5, 3)):
            for aligned in (False, True):
                settings = {"patch_size": patch, "num_scales": scales, "aligned": aligned}
                yield LayerCase(settings, (images, PLACES), (6, patch, patch, scales * images.shape[-1]), 0)


def heads(settings, size, **kwargs):
    for hidden, weights in ((0, 2), (7, 4)):
        yield LayerCase({**settings, "hidden_units": hidden}, (normal(5, 8),), (5, size), weights, **kwargs)


LAYERS = {
    layers.AttentionNetwork: [LayerCase({"mixed_channels": 6}, (normal(3, 13, 13, 16), normal(3, 13, 13, 4)), (3, 13, 13, 6), 14)],
    layers.Bottleneck: [
        LayerCase({"filters": 2, "kernel_size": 3}, (normal(3, 9, 10, 8),), (3, 7, 8, 8), 9),
        LayerCase({"filters": 2, "kernel_size": 1}, (normal(3, 9, 10, 8),), (3, 9, 10, 8), 9),
        LayerCase({"filters": 3, "kernel_size": 3, "strides": 2}, (normal(3, 9, 10, 8),), (3, 4, 4, 12), 12),
        LayerCase({"filters": 3, "kernel_size": 1, "strides": 2, "second_norm": "main"}, (normal(3, 9, 10, 8),), (3, 5, 5, 12), 12),
    ],
    layers.CategoricalLocation: [*heads({"grid": (3, 4)}, 12, **SCORES)],
    layers.ConvGlimpseEncoder: [
        LayerCase(CONV, LOOK, (5, 9), 10),
        LayerCase({**CONV, "pools": 2, "filters": (3,), "normalise": True}, LOOK, (5, 9), 8),
        LayerCase({**CONV, "pools": [1, 2]}, LOOK, (5, 9), 10),
    ],
    layers.ConvNorm: [
        LayerCase({"filters": 5, "kernel_size": 3, "strides": 2}, (normal(4, 9, 8, 3),), (4, 4, 3, 5), 3),
        LayerCase(
            {"filters": 5, "kernel_size": 3, "dilation_rate": 2, "padding": "same", "relu": False}, (normal(4, 9, 8, 3),), (4, 9, 8, 5), 3
        ),
    ],
    layers.GaussianLocation: [*heads({"stddev": 0.2}, 2, **MODE)],
    layers.GlimpseEncoder: [LayerCase({"what_units": 7, "where_units": 5, "units": 9}, LOOK, (5, 9), 6)],
    layers.PlacedPicture: [LayerCase({"image_shape": (9, 13, 2)}, (normal(3, 5),), (3, 9, 13, 2), 5, output_dtype="float32")],
    layers.RectifiedCore: [LayerCase({"units": 6}, (normal(4, 5), [tf.abs(normal(4, 6))]), (4, 6), 2, lambda output: output[0])],
    layers.Retina: [*retinas()],
    layers.SaccaderCell: [
        LayerCase({}, ((2 * normal(4, 9, 5), *NOBODY), VISITED), (4, 9), 1, lambda output: output[0][1], output_dtype="float32")
    ],
    layers.StoppingHead: [LayerCase({"units": 5, "top": 4}, (normal(4, 3, 6),), (4, 3), 4, output_dtype="float32")],
}
"""Class -> variants."""


def ram(**settings):
    return lambda: models.RAM(3, patch_size=6, num_glimpses=2, units=8, seed=1, name="ram", **settings)


def built(make, images=GREY):
    model = make()
    model.build((None, *images.shape[1:]))
    return model


def saccader(**settings):
    def make():
        return models.Saccader(3, BAGNET, 2, mixed_channels=16, seed=1, name="saccader", **settings)

    return lambda: with_opinion(built(make, PHOTOS))


def window_classifier():
    inputs = keras.Input([8, 8, 3])
    return models.PatchClassifier(3, keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs)))


PHOTOS = RANDOM.random([8, 26, 30, 3]).astype("float32")
CLIPPED = {"optimizer": keras.optimizers.Adam(clipnorm=1.0), "rollouts": 2}
SMOOTH = {"reinforce": {"reward": "final_probability", "baseline": "batch_mean"}, "supervision": {}}
GRID = {"core": "gru", "location": "categorical", "first_location": "centre"}
SGD = {"optimizer": keras.optimizers.SGD(1e-3)}
SEEN = {"images": GREY, "masks": RANDOM.integers(0, 2, [8, 12, 12, 1]).astype("float32")}
CLASSES = {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}

MODELS = {
    models.RAM: {
        "plain": ModelCase(ram(), GREY, LABELS, CLIPPED),
        "lstm, learned first place, film": ModelCase(ram(core="lstm", first_location="learned"), FILMS, LABELS),
        "gru, grid, centre, XLA": ModelCase(ram(**GRID), COLOUR, LABELS, {"jit_compile": True}, slow=True),
        "convolutions, scales, no baseline": ModelCase(
            ram(encoder="conv", num_scales=2, baseline=False, class_names=list("abc")), COLOUR, LABELS, slow=True
        ),
        "half precision": ModelCase(ram(core="gru", dtype="mixed_bfloat16"), GREY, LABELS, slow=True),
        "half precision, loss scaled": ModelCase(ram(dtype="mixed_float16", location="categorical"), GREY, LABELS),
    },
    models.Saccader: {
        "location, as the authors": ModelCase(
            saccader(even_spacing=True),
            PHOTOS,
            LABELS,
            {**SGD, "terms": {"targets": {"num_targets": 3, "teacher_forcing": False}}},
            slow=True,
        ),
        "reinforce, half precision": ModelCase(
            saccader(dtype="mixed_bfloat16", class_names=list("abc")), PHOTOS, LABELS, {**SGD, "rollouts": 2, "terms": SMOOTH}
        ),
    },
    models.AdaptiveModel: {
        "of a RAM": ModelCase(
            lambda: models.AdaptiveModel(built(ram(num_scales=1)), stopping_units=4, seed=1, name="adaptive"), GREY, LABELS
        )
    },
    models.BagNet: {
        "small": ModelCase(
            lambda: models.BagNet(3, blocks=(1,), filters=(8,), strides=(2,), stem_filters=8, receptive_field=5), PHOTOS, LABELS
        )
    },
    models.FinalLogits: {
        "of a RAM": ModelCase(lambda: keras.Sequential([keras.Input([12, 12, 1]), models.FinalLogits(built(ram()))]), GREY, fit=False)
    },
    models.GlimpsePosterior: {
        "small": ModelCase(lambda: models.GlimpsePosterior(3, filters=(4, 8), units=16), np.tile(GREY, 2), LABELS, CLASSES)
    },
    models.HiddenStateVAE: {
        kind: ModelCase(
            lambda kind=kind: models.HiddenStateVAE((12, 12, 1), latent_size=4, units=12, decoder=kind, kl_weight=0.5),
            normal(8, 3, 8).numpy(),
            GREY,
        )
        for kind in ("dense", "conv", "placed")
    },
    models.ImageVAE: {
        str(conditional): ModelCase(
            lambda conditional=conditional: models.ImageVAE((12, 12, 1), latent_size=4, filters=4, units=8, conditional=conditional), SEEN
        )
        for conditional in (True, False)
    },
    models.PatchClassifier: {"own backbone": ModelCase(window_classifier, RANDOM.random([8, 2, 8, 8, 3]).astype("float32"), LABELS)},
}
"""Class -> variants by name. Those whose call returns a `Trajectory` are also trained, resumed and replayed (`checks.run_model_check`)."""

AT = {"actions": RANDOM.uniform(-1, 1, [8, 2, 2]).astype("float32"), "has_actions": np.arange(8) < 4}

TERMS = {
    "reinforce": TermCase(losses.Reinforce(0.2, discount=0.9, baseline=None)),
    "baseline": TermCase(losses.Baseline(0.5), (losses.Reinforce(),)),
    "supervision": TermCase(losses.Supervision(0.5), (losses.Reinforce(baseline=None),), AT),
    "anytime": TermCase(losses.Anytime(0.3)),
    "entropy": TermCase(losses.Entropy(0.02), (losses.Reinforce(baseline=None),), make=ram(location="categorical")),
    "look_ahead": TermCase(losses.LookAhead(0.3, candidates=3, share=0.25)),
    "hindsight": TermCase(losses.Hindsight(0.3, candidates=2, share=0.5)),
    "guidance": TermCase(losses.Guidance(0.4), inputs={"places": RANDOM.uniform(-1, 1, [8, 2]).astype("float32")}),
    "targets": TermCase(losses.Targets(0.5, num_targets=3, teacher_forcing=False), make=saccader()),
}
"""Name -> how it is used."""

TASKS = {
    tasks.Classification: {"names": tasks.Classification(3, ["cat", "dog", "owl"]), "numbers": tasks.Classification(2)},
    tasks.Questions: {"seeing": tasks.Questions(["hat", "beard"]), "blind": tasks.Questions(["hat", "beard"], blind=True)},
}
"""Class -> variants by name."""

ELSEWHERE = {
    layers.LocationHead: "layers/test_location.py",
    layers.GlimpseCell: "layers/test_unroll.py",
    models.AttentionModel: "models/test_attention_model.py",
    models.ReconstructingModel: "models/test_reconstructing.py",
}
"""Classes that others are made from, or that need more than images, and the file that tests them."""
