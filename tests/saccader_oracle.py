"""The numbers that the Saccader's authors' own code was made to say, and a Saccader with its weights to hold against them.

They lie in the file that TF_GLIMPSE_SACCADER_ORACLE names, with the network's sizes.
"""

import os
from pathlib import Path

import numpy as np

from tf_glimpse.models.saccader import Saccader

PATH = Path(os.environ.get("TF_GLIMPSE_SACCADER_ORACLE") or Path(__file__).parents[2] / "shared" / "saccader" / "oracle_tiny.npz")
LAYERS = {"a": "narrow", "b": "middle", "c": "widen"}
MEASURED = {}  # the largest deviation by what was compared


def make_model(oracle, sizes, num_glimpses=None, **compile_kwargs):
    """A compiled Saccader of the oracle's sizes, with its weights."""
    groups = {"blocks": sizes["blocks"], "filters": sizes["planes"], "strides": sizes["strides"], "wide_blocks": sizes["kernel3"]}
    as_they_are = {"input_range": (-8, 8), "pixel_mean": 0.5, "pixel_stddev": 1 / 16}  # the authors' images are normal draws
    pixels = {**as_they_are, "stem_filters": sizes["init"]}
    bagnet = {**groups, **pixels, "second_norm": "main"}
    model = Saccader(sizes["classes"], bagnet, num_glimpses or sizes["T"], even_spacing=True, seed=0)
    model.build((None, *oracle["images"].shape[1:]))
    for name, variable in by_name(model).items():
        variable.assign(oracle[f"var/{name}"])
    model.compile("sgd", **compile_kwargs)
    return model


def by_name(model):
    """The model's variables by their names in the authors' code."""
    bagnet, attention = model.bagnet, model.attention
    numbers = [(group, block) for group, count in enumerate(bagnet.blocks) for block in range(count)]
    named = {}
    add_conv_norm(named, "representation_network/bagnet/pre_groups", bagnet.stem)
    for (group, number), block in zip(numbers, bagnet.residual_blocks, strict=True):
        prefix = f"representation_network/bagnet/group{group}/block{number}"
        for part, name in LAYERS.items():
            add_conv_norm(named, f"{prefix}/{part}", getattr(block, name))
        if block.projection is not None:
            add(named, f"{prefix}/downsample/conv2d", block.projection)
            add(named, f"{prefix}/downsample/batch_normalization", block.norm)
    add_conv_norm(named, "representation_network/bagnet/final_bottleneck", bagnet.bottleneck)
    add(named, "representation_network/bagnet/logits2d/conv2d", bagnet.classifier)
    for index, layer in enumerate(attention.embeddings):
        add(named, f"attention_network/features2d_embedding{index // 2}_{index % 2}", layer.conv, layer.norm)
    add(named, "mixed_features2d", attention.mixing)
    named["saccader/saccader_cell/attention_weights/kernel"] = model.cell.attention
    return named


def add_conv_norm(named, prefix, layer):
    add(named, f"{prefix}/conv2d", layer.conv)
    add(named, f"{prefix}/batch_normalization", layer.norm)


def add(named, prefix, *layers):
    named.update({f"saccader/{prefix}/{variable.name}": variable for layer in layers for variable in layer.variables})


def batch_norm_counts(model, batch):
    """How many values each channel's batch statistics are taken of, by the batch norm's name."""
    counts, shape, path = {}, (batch, *model.image_shape), "saccader/representation_network/bagnet"
    shape = model.bagnet.stem.compute_output_shape(shape)
    counts[f"{path}/pre_groups/batch_normalization"] = np.prod(shape[:3])
    numbers = [(group, block) for group, count in enumerate(model.bagnet.blocks) for block in range(count)]
    for (group, number), block in zip(numbers, model.bagnet.residual_blocks, strict=True):
        inputs, shape = shape, block.compute_output_shape(shape)
        for part, pixels in (("a", inputs), ("b", shape), ("c", shape), ("downsample", shape)):
            counts[f"{path}/group{group}/block{number}/{part}/batch_normalization"] = np.prod(pixels[:3])
    counts[f"{path}/final_bottleneck/batch_normalization"] = np.prod(shape[:3])
    counts.update({f"saccader/attention_network/features2d_embedding{index // 2}_{index % 2}": np.prod(shape[:3]) for index in range(4)})
    return counts


def unbiased(before, after, count):
    """The moving statistic as it had been with a batch variance over `count - 1` values; the mean with an infinite count."""
    batch = (after - 0.9 * before) / 0.1
    return 0.9 * before + 0.1 * batch * (1.0 if np.isinf(count) else count / (count - 1))


def check(name, found, expected, tolerance):
    """Holds the largest deviation, relative to the largest value expected, against the tolerance, and remembers it."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, name
    deviation = float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-6))
    MEASURED[name] = max(MEASURED.get(name, 0.0), deviation)
    assert deviation < tolerance, f"{name} deviates by {deviation:.1e}"


def looks_first(tensor):
    return np.swapaxes(np.asarray(tensor), 0, 1)


def each_look(logits):
    """The logits of every look alone, from their running means."""
    sums = logits * np.arange(1, logits.shape[1] + 1, dtype="float32")[:, None]
    return np.diff(sums, axis=1, prepend=0)
