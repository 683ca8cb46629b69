"""The CNNs of the 1024 px task: what they are, and their training, which resumes.

`large_image.py` trains them and writes their rows.
"""

import tf_glimpse  # noqa: F401  first: it keeps TensorFlow's log quiet

# isort: split
import keras
import numpy as np
import tensorflow as tf

from tf_glimpse import datasets
from tf_glimpse.ops.patches import to_float
from tf_glimpse.training.callbacks import Checkpoint
from tf_glimpse.training.fitting import fit_epochs

BATCH = 64


def cnn(side, dtype="float32"):
    """Four strided convolutions, batch norms, and the largest value of each channel anywhere, which suits an object in a large field."""
    layers, filters = keras.layers, (32, 64, 128)
    shrunk = [layers.AveragePooling2D(1024 // side)] if side < 1024 else []
    later = [layers.Conv2D(count, 3, strides=2, padding="same", use_bias=False, dtype=dtype) for count in filters]
    maps = [part for convolution in later for part in normed(convolution, dtype)]
    head = [layers.GlobalMaxPooling2D(), layers.Dense(10, dtype="float32")]
    return keras.Sequential([layers.Input((1024, 1024, 1)), *shrunk, *stem(side, dtype), *maps, *head])


def stem(side, dtype):
    """The first convolution, of stride 8, 4 or 2; where its windows do not overlap, as the product that it is, which is faster."""
    layers, stride = keras.layers, {1024: 8, 512: 4}.get(side, 2)
    if stride == 2:
        return normed(layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False, dtype=dtype), dtype)
    cells = side // stride
    windows = [layers.Reshape((cells, stride, cells, stride)), layers.Permute((1, 3, 2, 4)), layers.Reshape((cells, cells, stride**2))]
    return [*windows, *normed(layers.Conv2D(32, 1, use_bias=False, dtype=dtype), dtype)]


def normed(convolution, dtype):
    return [convolution, FusedNorm(dtype=dtype), keras.layers.ReLU(dtype=dtype)]


class FusedNorm(keras.layers.BatchNormalization):
    """Keras' batch norm; in training by TensorFlow's fused one, which takes half the time on large maps."""

    def call(self, inputs, training=False):
        if not training:
            return super().call(inputs, training=False)
        gain, offset = tf.cast(self.gamma.value, tf.float32), tf.cast(self.beta.value, tf.float32)
        outputs, *found = tf.compat.v1.nn.fused_batch_norm(inputs, gain, offset, epsilon=self.epsilon, is_training=True)
        for moving, now in zip((self.moving_mean, self.moving_variance), found, strict=True):
            moving.assign(moving * self.momentum + now * (1.0 - self.momentum))
        return outputs


def compiled(side, rate, data, options):
    """A new CNN, its rate falling to zero by a cosine over all steps."""
    keras.utils.set_random_seed(options.seed)
    model, steps = cnn(side, options.dtype), options.epochs * datasets.steps_per_epoch(data, BATCH)
    optimizer = keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(rate, steps), weight_decay=1e-4, clipnorm=5.0)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return model


def trained(side, rate, data, folder, epochs, options):
    """A CNN after the best of its first epochs, and the `Checkpoint` that knows which that is; resumes."""
    folder.mkdir(parents=True, exist_ok=True)
    model, progress = compiled(side, rate, data, options), Checkpoint(folder)
    epoch = progress.restore(model)
    if epoch < epochs:
        batches = datasets.train_batches(data, BATCH, options.seed, epoch, epochs).map(as_floats)
        validation = datasets.eval_batches(data.validation).map(as_floats)
        fit_epochs(model, batches, validation, epochs, epoch, [progress], verbose=2)
    model.load_weights(progress.best_weights)
    return model, progress


def as_floats(images, labels):
    return to_float(images), labels


def error(model, source):
    """In %."""
    batches = datasets.eval_batches(source)
    right = [np.argmax(model(to_float(images), training=False), axis=1) == labels.numpy() for images, labels in batches]
    return round(100 * (1 - float(np.mean(np.concatenate(right)))), 3)
