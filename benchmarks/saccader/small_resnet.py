"""The reference that a BagNet is held against: a small ResNet of about as many FLOPs, in the same pipeline, for as many epochs.

python -m benchmarks.saccader.small_resnet RUN [--manual-dir ../shared/data] [--width 16]

RUN is the folder of a run of three stages, finished or not; the ResNet is trained in RUN-resnet by the settings of the first stage, and
resumes there.
"""

import argparse
import pathlib

import tf_glimpse  # noqa: F401  first: it keeps TensorFlow's log quiet

# isort: split
import keras
import tensorflow as tf

import benchmarks.common.mistakes  # noqa: F401  tells them in one line
from benchmarks.saccader.staged_runs import beside, read_staged
from tf_glimpse import datasets
from tf_glimpse.files import locked_folder
from tf_glimpse.layers.conv_norm import ConvNorm
from tf_glimpse.search.flops import count_flops
from tf_glimpse.training import workdirs
from tf_glimpse.training.callbacks import Checkpoint
from tf_glimpse.training.fitting import fit_epochs, make_optimizer
from tf_glimpse.training.run import load_recipe_data
from tf_glimpse.types import UserError


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--manual-dir", default="../shared/data")
    parser.add_argument("--width", type=int, default=16, help="channels of the first group; 16 for the flowers, 26 for CIFAR-10")
    options = parser.parse_args()
    recipe, seed = read_staged(options.run)
    data = load_recipe_data(recipe, manual_dir=options.manual_dir)
    with locked_folder(beside(options.run, "resnet")) as folder:
        workdirs.claim_run(folder, recipe, seed, data.fingerprint)
        print(train(recipe, seed, data, folder, options.width))


def small_resnet(image_shape, num_classes, width):
    """Four groups of one residual block, 3x3 kernels, padded; channels double from `width`; global mean and a linear layer."""
    images = keras.Input(image_shape, dtype="uint8")
    features = keras.layers.Rescaling(1 / (255 * 0.225), offset=-0.45 / 0.225)(images)
    features = ConvNorm(width, 3, strides=2, padding="same")(features)
    for group in range(4):
        features = residual_block(features, width * 2**group, strides=1 if group == 0 else 2)
    features = keras.layers.GlobalAveragePooling2D()(features)
    return keras.Model(images, keras.layers.Dense(num_classes, dtype="float32")(features))


def residual_block(inputs, filters, strides):
    """Two 3x3 convolutions added to their input, which is averaged and projected where sizes differ."""
    skip = inputs
    if strides > 1:
        skip = ConvNorm(filters, 1, relu=False)(keras.layers.AveragePooling2D(strides, padding="same")(inputs))
    main = ConvNorm(filters, 3, strides=strides, padding="same")(inputs)
    main = ConvNorm(filters, 3, padding="same", relu=False, zero_gamma=True)(main)
    return keras.layers.ReLU()(keras.layers.Add()([main, skip]))


def train(recipe, seed, data, folder, width):
    """Trains what is not trained yet in the folder, by the run's first stage; returns the results, test accuracy among them."""
    if (folder / "results.json").exists():
        return _of_width(workdirs.read_json(folder / "results.json", "accuracy"), width, folder)
    stage = recipe.stages[0]
    keras.utils.set_random_seed(seed)
    model = small_resnet(data.image_shape, data.num_classes, width)
    steps = stage.epochs * datasets.steps_per_epoch(data, recipe.batch_size)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(make_optimizer(stage, steps), loss, metrics=["accuracy"], jit_compile=recipe.jit_compile)
    model.optimizer.build(model.trainable_variables)
    progress = Checkpoint(folder)
    epoch = progress.restore(model)
    if epoch < stage.epochs:
        augment = datasets.PhotoAugmentation(data.image_shape[0], **recipe.augment) if recipe.augment else None
        batches = datasets.train_batches(data, recipe.batch_size, len(recipe.stages) * seed % 2**31, epoch, stage.epochs, augment)
        fit_epochs(model, batches, datasets.eval_batches(data.validation, 200), stage.epochs, epoch, [progress], verbose=2)
    model.load_weights(progress.best_weights)
    accuracy = model.evaluate(datasets.eval_batches(data.test, 200), verbose=0, return_dict=True)["accuracy"]
    plain = small_resnet(data.image_shape, data.num_classes, width)
    plain.set_weights(model.get_weights())
    plain.save(folder / "model.keras")
    found = {"accuracy": accuracy, "validation_accuracy": progress.best_value, "best_epoch": progress.best_epoch}
    found |= {"train_seconds": round(progress.seconds, 1), "width": width}
    found |= {"parameters": plain.count_params(), "mflop": mflop(plain, data.image_shape)}
    workdirs.write_json(folder / "results.json", found)
    return found


def _of_width(results, width, folder):
    if results.get("width", 16) != width:
        raise UserError(f"{folder} holds a ResNet of width {results.get('width', 16)}, not {width}; move it away first.")
    return results


def mflop(model, image_shape):
    """Millions of floating point operations an image; a multiply-add is two."""
    return round(count_flops(model, tf.TensorSpec([1, *image_shape], tf.uint8)) / 1e6, 2)


if __name__ == "__main__":
    main()
