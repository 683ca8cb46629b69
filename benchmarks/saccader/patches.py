"""Another classifier at a Saccader's places: what it adds to the Saccader's own logits, with windows cut from sharper photos.

python -m benchmarks.saccader.patches RUN [--manual-dir ../shared/data] [--backbone MobileNetV2 [--window-size N]] [--epochs 12]
python -m benchmarks.saccader.patches --preset saccader_flowers_small ...

Without `--backbone` it is a small convolutional network of its own. Trained on the windows at the places that the Saccader looks at in its
training photos, mirrored half of the time; the epoch is picked on validation. Writes rows into `results/saccader_patches.json`.
"""

import argparse
import pathlib

import tf_glimpse  # noqa: F401  first: it keeps TensorFlow's log quiet

# isort: split
import keras
import numpy as np
import tensorflow as tf

from benchmarks.common.rows import add_rows
from benchmarks.saccader.staged_runs import read_staged, staged
from tf_glimpse import PatchClassifier, datasets
from tf_glimpse.layers.conv_norm import ConvNorm
from tf_glimpse.models.patch_classifier import SMALLEST
from tf_glimpse.training.finished import open_finished
from tf_glimpse.training.provenance import provenance

SHARP = 160  # pixels a side of the photos that windows are cut from
BATCH = 32


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=pathlib.Path, nargs="?")
    parser.add_argument("--preset")
    parser.add_argument("--manual-dir", default="../shared/data")
    parser.add_argument("--backbone")
    parser.add_argument("--window-size", type=int, help="pixels a side that a backbone's windows are brought to; default: as they are")
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    finished = open_finished(options.run, options.preset)
    recipe, model = read_staged(options.run)[0] if options.run else staged(finished.recipe), finished.model
    load = {"hold_out": recipe.hold_out, "manual_dir": options.manual_dir}
    data = datasets.load_photos(recipe.data, recipe.image_size, **load)
    sharp = datasets.load_photos(recipe.data, SHARP, **load)
    keras.utils.set_random_seed(finished.seed)
    share = model.patch_size / recipe.image_size
    cut = round(share * SHARP)
    if options.backbone:
        settings = {"alpha": 0.35} if options.backbone == "MobileNetV2" else {}
        side = options.window_size or max(cut, SMALLEST.get(options.backbone, 32))
        patches = PatchClassifier(data.num_classes, options.backbone, settings, side, norm_momentum=0.9)
    else:
        patches = PatchClassifier(data.num_classes, small_cnn(cut))
    parts = {
        split: windows(model, patches, getattr(data, split), getattr(sharp, split), share) for split in ("train", "validation", "test")
    }
    history = fit(patches, parts["train"], parts["validation"], options.epochs)
    accuracy = patches.evaluate(*parts["test"][:2], verbose=0, return_dict=True)["accuracy"]
    name = options.backbone or "small CNN"
    which = f"--preset {options.preset}" if options.preset else options.run.name
    command = (
        f"python -m benchmarks.saccader.patches {which}{f' --backbone {options.backbone} --window-size {side}' if options.backbone else ''}"
    )
    row = {"dataset": recipe.data, "recipe": recipe.name, "seed": finished.seed, "backbone": name, "weights": None}
    row |= {"window_pixels": parts["test"][0].shape[2], "input_pixels": patches.window_size, "parameters": patches.count_params()}
    row |= {"saccader": round(parts["test"][2], 5), "accuracy": round(accuracy, 5), "gain": round(accuracy - parts["test"][2], 5)}
    row |= {"num_glimpses": model.num_glimpses, "epochs": options.epochs, "validation_curve": [round(value, 4) for value in history]}
    add_rows("saccader_patches", [{**row, **provenance(f"{command} --epochs {options.epochs}")}], ("dataset", "recipe", "backbone", "seed"))
    print(f"{name}: {100 * accuracy:.2f} %, the Saccader's own logits {100 * parts['test'][2]:.2f} %")


def small_cnn(side):
    """Three strided 3x3 convolutions and a global mean, of windows of that side."""
    inputs = keras.Input([side, side, 3])
    features = keras.layers.Rescaling(1 / 0.225, offset=-0.45 / 0.225)(inputs)
    for filters in (24, 48, 96):
        features = ConvNorm(filters, 3, strides=2, padding="same")(features)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(ConvNorm(128, 3)(features)))


def windows(model, patches, source, sharp, share):
    """(windows uint8 `[N, T, s, s, C]`, labels, the Saccader's own accuracy) at the places that it looks at."""
    cut, right = [], 0
    look = tf.function(model, reduce_retracing=True)
    for start in range(0, len(source), 120):
        indices = np.arange(start, min(start + 120, len(source)))
        trajectory = look(source.fetch(indices))
        right += int(np.sum(np.argmax(trajectory.logits[:, -1], axis=-1) == source.labels[indices]))
        pixels = patches.cut(sharp.fetch(indices), trajectory.locations, share)
        cut.append(tf.cast(tf.round(255 * pixels), tf.uint8).numpy())
    return np.concatenate(cut), source.labels, right / len(source)


def fit(patches, train, validation, epochs):
    """Trains, keeps the epoch that validates best, and returns the accuracies on validation."""
    pixels, labels, _ = train
    steps = epochs * (len(labels) // BATCH)

    def mirrored(batch, label):
        return tf.where(tf.random.uniform([tf.shape(batch)[0], 1, 1, 1, 1]) < 0.5, batch, tf.reverse(batch, [3])), label

    batches = tf.data.Dataset.from_tensor_slices((pixels, labels)).shuffle(len(labels), seed=0).batch(BATCH, drop_remainder=True)
    patches.compile(keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(3e-3, steps), clipnorm=5.0))
    best, history = None, []
    for _ in range(epochs):
        patches.fit(batches.map(mirrored), verbose=0, shuffle=False)
        history.append(patches.evaluate(*validation[:2], verbose=0, return_dict=True)["accuracy"])
        best = patches.get_weights() if history[-1] == max(history) else best
        print(f"epoch {len(history)}: validation {history[-1]:.4f}", flush=True)
    patches.set_weights(best)
    return history


if __name__ == "__main__":
    main()
