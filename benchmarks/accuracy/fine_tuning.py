"""A preset with a new head on one's own photos, against the same layers from scratch, by one schedule.

python -m benchmarks.accuracy.fine_tuning PRESET FOLDER [--epochs 20] [--seed 0]

FOLDER holds photos in CLASS or in SPLIT/CLASS. A tenth of the training photos chooses the learning rate of each start; those of the
folder's test or validation split, or else another tenth, are only tested on. The photos are brought to the preset's size and channels, so
this measures what the preset's weights bring, not what photos allow.
"""

import argparse

import tf_glimpse  # noqa: F401  first: it keeps TensorFlow's log quiet

# isort: split
import keras

from benchmarks.common.rows import add_rows
from tf_glimpse import RAM, datasets, losses
from tf_glimpse.training.provenance import provenance

AUGMENT = datasets.Augmentation(shift=4, rotation=10.0, zoom=0.1, flip=True)
LEARNING_RATES = (3e-4, 1e-3, 3e-3)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    height, width, channels = RAM.from_preset(options.preset).image_shape
    photos = datasets.load_photos(options.folder, (height, width), hold_out=0.1, channels=channels)
    command = f"python -m benchmarks.accuracy.fine_tuning {options.preset} {options.folder} --epochs {options.epochs} --seed {options.seed}"
    told = {"preset": options.preset, "seed": options.seed, "folder": options.folder, "epochs": options.epochs, **provenance(command)}
    rows = [{**told, "start": start, **best_rate(start, options, photos)} for start in ("preset", "scratch")]
    for row in rows:
        print(f"from {row['start']}: {row['accuracy_percent']:.1f} % of {row['examples']} test photos; by rate {row['by_learning_rate']}")
    add_rows("fine_tuning", rows, ("preset", "start", "folder", "epochs", "seed"))


def best_rate(start, options, photos):
    """Test accuracy in % of the rate that is best on validation, with that of every rate on validation."""
    models = {rate: trained(start, options, photos, rate) for rate in LEARNING_RATES}
    validation = {rate: accuracy(model, photos.validation) for rate, model in models.items()}
    best = max(validation, key=validation.get)
    figures = {"accuracy_percent": accuracy(models[best], photos.test), "examples": len(photos.test), "learning_rate": best}
    return {**figures, "by_learning_rate": {str(rate): found for rate, found in validation.items()}}


def trained(start, options, photos, learning_rate):
    """The model after the last epoch."""
    keras.utils.set_random_seed(options.seed)
    model = RAM.from_preset(options.preset, num_classes=photos.num_classes)
    if start == "scratch":
        model = RAM.from_config(model.get_config())
        model.build((None, *photos.image_shape))
    steps = datasets.steps_per_epoch(photos, 64)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, options.epochs * steps)
    terms = [losses.LookAhead(0.1, share=0.25), losses.Anytime(0.5)]
    model.compile(keras.optimizers.AdamW(rate, clipnorm=5.0), terms=terms, jit_compile=True)
    batches = datasets.train_batches(photos, 64, options.seed, epochs=options.epochs, augment=AUGMENT)
    model.fit(batches, epochs=options.epochs, steps_per_epoch=steps, shuffle=False, verbose=0)
    return model


def accuracy(model, source):
    """In % of one deterministic rollout."""
    return round(100 * model.evaluate(datasets.eval_batches(source, 200), verbose=0, return_dict=True)["accuracy"], 2)


if __name__ == "__main__":
    main()
