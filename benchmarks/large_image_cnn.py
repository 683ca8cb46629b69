"""The CNNs of the 1024 px task: what they are, and their training, which resumes.

`large_image.py` trains them and writes their rows.
"""

BATCH = 64


def cnn(side):
    """Four strided convolutions, batch norms, and the largest value of each channel anywhere, which suits an object in a large field."""
    import keras

    layers = keras.layers
    stem = {1024: 8, 512: 4}.get(side, 2)
    shrunk = [layers.AveragePooling2D(1024 // side)] if side < 1024 else []
    first = layers.Conv2D(32, max(stem, 3), strides=stem, padding="same", use_bias=False)
    later = [layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False) for filters in (32, 64, 128)]
    maps = [part for convolution in (first, *later) for part in (convolution, layers.BatchNormalization(), layers.ReLU())]
    head = [layers.GlobalMaxPooling2D(), layers.Dense(10)]
    return keras.Sequential([layers.Input((1024, 1024, 1)), *shrunk, *maps, *head])


def compiled(side, rate, data, options):
    """A new CNN, its rate falling to zero by a cosine over all steps."""
    import keras

    from tf_glimpse import datasets

    keras.utils.set_random_seed(options.seed)
    model, steps = cnn(side), options.epochs * datasets.steps_per_epoch(data, BATCH)
    optimizer = keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(rate, steps), weight_decay=1e-4, clipnorm=5.0)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return model


def tried(side, rate, data, options):
    """A CNN after its first steps."""
    model = compiled(side, rate, data, options)
    model.fit(batches_of(data, options), steps_per_epoch=options.first_steps, epochs=1, shuffle=False, verbose=2)
    return model


def trained(side, rate, data, folder, options):
    """A CNN after its best epoch, and the `Checkpoint` that knows which that is; resumes."""
    from tf_glimpse import datasets
    from tf_glimpse.training.callbacks import Checkpoint
    from tf_glimpse.training.fitting import fit_epochs

    model, progress = compiled(side, rate, data, options), Checkpoint(folder)
    epoch = progress.restore(model)
    if epoch < options.epochs:
        validation = datasets.eval_batches(data.validation).map(as_floats)
        fit_epochs(model, batches_of(data, options, epoch), validation, options.epochs, epoch, [progress], verbose=2)
    model.load_weights(progress.best_weights)
    return model, progress


def batches_of(data, options, epoch=0):
    from tf_glimpse import datasets

    return datasets.train_batches(data, BATCH, options.seed, epoch, options.epochs).map(as_floats)


def as_floats(images, labels):
    from tf_glimpse.ops.patches import to_float

    return to_float(images), labels


def error(model, source):
    """In %."""
    import numpy as np

    from tf_glimpse import datasets
    from tf_glimpse.ops.patches import to_float

    batches = datasets.eval_batches(source)
    right = [np.argmax(model(to_float(images), training=False), axis=1) == labels.numpy() for images, labels in batches]
    return round(100 * (1 - float(np.mean(np.concatenate(right)))), 3)
