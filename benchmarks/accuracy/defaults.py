"""What a newcomer gets: `RAM(classes)`, `compile()` and `fit`, nothing else chosen, beside its controls and small networks.

python -m benchmarks.accuracy.defaults [--data mnist digits_canvas ...] [--contenders own constant ...] [--seeds 0 1 2]
python -m benchmarks.accuracy.defaults --step  # the training step's time beside that of the first defaults, the paper's; on an idle machine

MNIST and flowers are read from ../shared/data (or TF_GLIMPSE_MANUAL_DIR). The controls are the same model, compiled the same way, trained
and tested with places that it does not choose: `constant`, the mean places of its own policy over the training images; `random`; `centre`.
The CNN has about as many operations an image as RAM, the MLP as many weights; both have RAM's default optimiser. Nothing is chosen on
the images tested on, but for flowers: they have no test split and are tested on their validation photos, by which the number of epochs, the
same for all contenders, was chosen, when the running mean was shorter (30 epochs: `own` 51.2 %). Its length was chosen on 6,000 images held
out of MNIST's training images.
"""

import argparse
import dataclasses
import os
import pathlib
import time

from benchmarks.common.timing import block_of, random_batch, record, start_tensorflow, take_turns

SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"


@dataclasses.dataclass(frozen=True)
class Setting:
    """One training set: what `datasets.load` takes, how many images of it, how often they are seen, side of the images."""

    data: str
    epochs: int
    images: int | None = None
    image_size: int | None = None


SETTINGS = {
    "mnist_10k": Setting("mnist", 5, 10_000),
    "mnist_60k": Setting("mnist", 5),
    "digits_canvas": Setting("digits_canvas", 100),
    "flowers_64": Setting("tf_flowers_160px", 16, None, 64),
}
CONTENDERS = ("own", "constant", "random", "centre", "cnn", "mlp")
BATCH = 32


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--step", action="store_true")
    options = parser.parse_args()
    start_tensorflow(options.threads)
    if options.step:
        record("defaults_step", step_times(), ("contender",), options.threads)
        return
    for name in options.data:
        data = read(name)
        for seed in options.seeds:
            for row in rows_of(name, data, seed, options.contenders):
                print({key: value for key, value in row.items() if key != "places"}, flush=True)
                record("defaults", [row], ("data", "contender", "seed"), options.threads)


def read(name):
    """`ImageData`; what is tested on is its `test`, nothing is held out to choose by."""
    from tf_glimpse import datasets

    setting, folder = SETTINGS[name], pathlib.Path(os.environ.get("TF_GLIMPSE_MANUAL_DIR", SHARED))
    path = str(folder / setting.data) if (folder / setting.data / "train").is_dir() else setting.data
    data = datasets.load(path, image_size=setting.image_size, manual_dir=str(folder), validation_fraction=0.0)
    data = dataclasses.replace(data, test=data.test or data.validation)
    return dataclasses.replace(data, train=data.train.subset(range(setting.images))) if setting.images else data


def rows_of(name, data, seed, contenders):
    """A row a contender; the constant places are those of the row `own`, which is trained first."""
    from tf_glimpse.policies import get_policy

    model, row = trained(name, data, seed, ram)
    places = {policy: get_policy(policy, model, data) for policy in ("constant", "random", "centre")}
    if "own" in contenders:
        yield {**row, "contender": "own", "places": places["constant"].places.round(3).tolist()}
    for contender in contenders[:]:
        if contender in places:
            yield {**trained(name, data, seed, ram, places[contender])[1], "contender": contender}
        elif contender in NETWORKS:
            yield {**trained(name, data, seed, NETWORKS[contender])[1], "contender": contender}


def ram(data, seed):
    """All defaults."""
    import tf_glimpse

    model = tf_glimpse.RAM(data.num_classes, seed=seed)
    model.compile()
    return model


def cnn(data, seed):
    """Two 3x3 convolutions with pooling and a dense layer, of about as many operations an image as the RAM of the same data."""
    from keras import Input, Sequential, layers

    filters = {28: 20, 60: 10, 64: 9}[data.image_shape[0]]
    convolutions = [
        layer
        for width in (filters, 2 * filters)
        for layer in (layers.Conv2D(width, 3, activation="relu"), layers.MaxPooling2D(2 if data.image_shape[0] < 60 else 3))
    ]
    head = [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(data.num_classes)]
    return compiled(Sequential([Input(data.image_shape), layers.Rescaling(1 / 255), *convolutions, *head]))


def mlp(data, seed):
    """Two hidden layers, of about as many weights as the RAM."""
    from keras import Input, Sequential, layers

    inputs = data.image_shape[0] * data.image_shape[1] * data.image_shape[2]
    units = min(240, max(16, round(212_000 / inputs)))
    hidden = [layers.Dense(units, activation="relu"), layers.Dense(units, activation="relu")]
    flat = [Input(data.image_shape), layers.Rescaling(1 / 255), layers.Flatten()]
    return compiled(Sequential([*flat, *hidden, layers.Dense(data.num_classes)]))


NETWORKS = {"cnn": cnn, "mlp": mlp}


def compiled(model):
    """As a RAM is by default: its optimiser, and validated by the running mean of the weights."""
    import keras

    from tf_glimpse.models.mean_weights import MeanAdamW

    model.compile(MeanAdamW(), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"], jit_compile=False)
    return model


def trained(name, data, seed, make, places=None):
    """`(model, row)` of one training; `places` are a policy in place of the model's own."""
    import keras

    from tf_glimpse import datasets
    from tf_glimpse.models.mean_weights import with_mean_weights

    setting = SETTINGS[name]
    keras.utils.set_random_seed(seed)
    model = make(data, seed)
    batches = datasets.train_batches(data, BATCH, seed, epochs=setting.epochs, actions=places)
    tested = datasets.eval_batches(data.test, 200, actions=places)
    steps, start = datasets.steps_per_epoch(data, BATCH), time.process_time()
    callbacks = with_mean_weights([], model.optimizer)
    history = model.fit(batches, epochs=setting.epochs, steps_per_epoch=steps, callbacks=callbacks, shuffle=False, verbose=0).history
    seconds = time.process_time() - start
    accuracy = 100 * model.evaluate(tested, verbose=0, return_dict=True)["accuracy"]
    facts = {"images": len(data.train), "epochs": setting.epochs, "steps": steps * setting.epochs, "tested_images": len(data.test)}
    found = {"accuracy": round(accuracy, 2), "train_accuracy": round(100 * history["accuracy"][-1], 2)}
    found["processor_seconds"] = round(seconds, 1)
    size = {"parameters": model.count_params(), "mflops": mflops(model, data.image_shape)}
    return model, {"data": name, "seed": seed, **facts, **found, **size}


def mflops(model, image_shape):
    """Millions of floating point operations an image."""
    import tensorflow as tf

    from tf_glimpse.search.flops import count_flops

    dtype = tf.uint8 if hasattr(model, "retina") else tf.float32
    return round(count_flops(lambda images: model(images), tf.TensorSpec([1, *image_shape], dtype)) / 1e6, 2)


def step_times():
    """Milliseconds a training step of 32 MNIST images: the defaults, and the paper's layers with REINFORCE, which were the defaults."""
    import tensorflow as tf

    import tf_glimpse
    from tf_glimpse.losses import PAPER
    from tf_glimpse.models.ram import PAPER_LAYERS

    batch = random_batch(BATCH, (28, 28, 1), 10)
    paper = tf_glimpse.RAM(10, seed=0, **PAPER_LAYERS)
    models = {"defaults": (tf_glimpse.RAM(10, seed=0), None, {}), "first_defaults": (paper, "adam", {"terms": PAPER})}
    contenders = {}
    for name, (model, optimizer, signal) in models.items():
        model.compile(optimizer, **signal)
        model.build((None, 28, 28, 1))
        model.optimizer.build(model.trainable_variables)
        step = tf.function(model.train_step)
        contenders[name] = block_of(lambda step=step: [value.numpy() for value in step(batch).values()])
    found = take_turns(contenders, seconds=3, blocks=7)
    rows = [{"contender": name, "ms": round(timing.median, 3), "fastest_ms": round(timing.fastest, 3)} for name, timing in found.items()]
    print(rows, "ratio", round(rows[0]["ms"] / rows[1]["ms"], 3))
    return [{**row, "ratio": round(row["ms"] / rows[1]["ms"], 3)} for row in rows]


if __name__ == "__main__":
    main()
