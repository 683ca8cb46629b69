"""What a model's states keep of the image if they are trained for it: a preset trained on together with the autoencoder of its states.

python -m benchmarks.explanations.joint_reconstruction ram_cluttered_60 [--epochs 3] [--state-weights 0 0.0001 0.001] [--workdir W]

Every weight starts from the preset and goes the same way: the same batches, rate, loss and steps. At weight 0 nothing of the reconstruction
reaches the model, so that row is what the autoencoder alone makes of the states. One row a weight in `results/joint_reconstruction.json`;
with a folder, both parts too, as `W/0.001/model.keras` and `vae.keras`.
"""

import argparse
import json
import pathlib

import tf_glimpse  # noqa: F401  first: it keeps TensorFlow's log quiet

# isort: split
import keras

from benchmarks.common.rows import add_rows
from tf_glimpse.datasets import Augmentation, steps_per_epoch, train_batches
from tf_glimpse.explain import collect_states, reconstruction_curves
from tf_glimpse.files import write_whole
from tf_glimpse.models import RAM, HiddenStateVAE, ReconstructingModel
from tf_glimpse.models.hidden_state_vae import DECODERS
from tf_glimpse.training import evaluate_model
from tf_glimpse.training.finished import load_run_data, open_finished
from tf_glimpse.training.provenance import provenance
from tf_glimpse.training.publish_autoencoder import SETTINGS

KEY = ("preset", "decoder", "state_weight", "epochs", "seed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--state-weights", type=float, nargs="+", default=[0.0, 1e-4, 1e-3])
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--decoder", choices=DECODERS, default="dense")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workdir", type=pathlib.Path, help="folder that keeps the trained parts")
    parser.add_argument("--manual-dir", default="../shared/data")
    options = parser.parse_args()
    finished = open_finished(preset=options.preset)
    data = load_run_data(finished, manual_dir=options.manual_dir)
    for weight in options.state_weights:
        joint = trained(finished.recipe, data, weight, options)
        if options.workdir:
            keep(joint, options.workdir / f"{weight:g}")
        command = f"python -m benchmarks.explanations.joint_reconstruction {options.preset} --decoder {options.decoder}"
        command += f" --epochs {options.epochs} --learning-rate {options.learning_rate:g} --seed {options.seed}"
        about = {name: getattr(options, name) for name in ("preset", "decoder", "epochs", "seed")} | {"state_weight": weight}
        row = {
            **about,
            "learning_rate": options.learning_rate,
            **measured(joint, data),
            **provenance(f"{command} --state-weights {weight:g}{' --workdir W' if options.workdir else ''}"),
        }
        add_rows("joint_reconstruction", [row], KEY)
        print(json.dumps(row), flush=True)


def trained(recipe, data, weight, options):
    """The preset and a new autoencoder after so many epochs together; the rate falls to zero."""
    keras.utils.set_random_seed(options.seed)
    vae = HiddenStateVAE(data.image_shape, **SETTINGS, decoder=options.decoder)
    joint = ReconstructingModel(RAM.from_preset(options.preset), vae, weight, seed=options.seed)
    steps = options.epochs * steps_per_epoch(data, recipe["batch_size"])
    rate = keras.optimizers.schedules.CosineDecay(options.learning_rate, steps)
    joint.compile(keras.optimizers.Adam(rate), jit_compile=True, **recipe["loss"])
    augment = Augmentation(**recipe["augment"]) if recipe["augment"] else None
    joint.fit(train_batches(data, recipe["batch_size"], options.seed, 0, options.epochs, augment, clean=True), shuffle=False, verbose=2)
    return joint


def keep(joint, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("model", "vae"):
        write_whole(folder / f"{name}.keras", getattr(joint, name).save)


def measured(joint, data):
    """Errors of answers and of pictures: on validation, to choose a weight by, and on test, once."""
    figures = {}
    for split in ("validation", "test"):
        source = getattr(data, split)
        curves = reconstruction_curves(joint.vae, *collect_states(joint.model, data, split))
        figures[f"{split}_error_percent"] = round(evaluate_model(joint.model, source)["error_percent"], 3)
        figures[f"{split}_squared_error"] = [round(float(error), 5) for error in curves.squared_error]
        figures[f"{split}_blank_error"] = round(curves.blank_error, 5)
    return figures


if __name__ == "__main__":
    main()
