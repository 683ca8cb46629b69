"""Makes the autoencoder that ships with a preset: trained on the frozen preset's states, the best epoch picked on validation.

python -m tf_glimpse.training.publish_autoencoder ram_mnist_paper
python -m tf_glimpse.training.publish_autoencoder ram_cluttered_60 --decoder placed
"""

import argparse
import sys
import time

from tf_glimpse.explain.reconstruction import collect_states, fit_vae, reconstruction_curves
from tf_glimpse.files import write_json, write_whole
from tf_glimpse.models.hidden_state_vae import DECODERS
from tf_glimpse.training.finished import load_run_data, open_finished
from tf_glimpse.training.provenance import provenance
from tf_glimpse.types import UserError
from tf_glimpse.weights import PRESETS
from tf_glimpse.weights.cards import autoencoder_card

SETTINGS = {"latent_size": 16, "units": 256, "training_looks": 2}


def main():
    """The command; a user's mistake in one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--decoder", choices=DECODERS, default="dense")
    parser.add_argument("--images", type=int, default=30000, help="training images")
    parser.add_argument("--manual-dir", help="the folder of downloaded sets; default: TF_GLIMPSE_MANUAL_DIR, or TFDS downloads them")
    options = parser.parse_args()
    try:
        publish_autoencoder(options.preset, options.epochs, options.decoder, options.images, options.manual_dir)
    except UserError as error:
        sys.exit(f"error: {error}")


def publish_autoencoder(preset, epochs, decoder, images, manual_dir=None):
    """Trains it, measures it once on the test images, and writes it beside the presets.

    Args:
        preset: name of the preset whose states it reads.
        epochs, images: how long it is trained, and on how many of the training images.
        decoder: a name among `DECODERS`.
        manual_dir: as for `tf_glimpse.datasets.load`.
    """
    finished = open_finished(preset=preset)
    data, model = load_run_data(finished, manual_dir=manual_dir), finished.model
    start, settings = time.monotonic(), {**SETTINGS, "decoder": decoder}
    vae, history = fit_vae(model, data, limit=images, epochs=epochs, **settings)
    command = f"python -m tf_glimpse.training.publish_autoencoder {preset} --decoder {decoder} --epochs {epochs} --images {images}"
    note = {
        "preset": preset,
        "data": finished.recipe["data"],
        "settings": settings,
        "images": min(images, len(data.train)),
        "epochs": epochs,
        "how": "the preset frozen, the epoch picked on validation",
        "best_epoch": min(range(epochs), key=history["val_loss"].__getitem__) + 1,
        "validation_loss": [round(loss, 3) for loss in history["val_loss"]],
        "train_seconds": round(time.monotonic() - start, 1),
        **measured(vae, model, data),
        "parameters": vae.count_params(),
        **provenance(command),
    }
    write_autoencoder(vae, note)


def write_autoencoder(vae, note):
    """Weights, note and card of a preset's autoencoder."""
    folder, name = PRESETS / "vae", note["preset"]
    folder.mkdir(exist_ok=True)
    write_whole(folder / f"{name}.keras", vae.save)
    write_json(folder / f"{name}.json", note)
    (folder / f"{name}.md").write_text(autoencoder_card(note))


def measured(vae, model, data):
    """The test figures, taken once, when all is settled."""
    hidden, images = collect_states(model, data, "test")
    curves = reconstruction_curves(vae, hidden, images)
    rounded = {"squared_error": 5, "elbo": 2, "kl": 3}
    lists = {name: [round(float(value), digits) for value in getattr(curves, name)] for name, digits in rounded.items()}
    return {**lists, "blank_error": round(curves.blank_error, 5), "examples": len(images)}


if __name__ == "__main__":
    main()
