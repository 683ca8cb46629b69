"""Makes the autoencoder that ships with a preset: trained on the frozen preset's states, the best epoch picked on validation.

python benchmarks/publish_vae.py ram_mnist_paper
python benchmarks/publish_vae.py ram_cluttered_60 --decoder placed
"""

import argparse
import json
import time

from rows import provenance

from tf_glimpse import RAM
from tf_glimpse.datasets import load
from tf_glimpse.explain.reconstruction import collect_states, fit_vae, reconstruction_curves
from tf_glimpse.files import write_whole
from tf_glimpse.models.hidden_state_vae import DECODERS
from tf_glimpse.training.workdirs import write_json
from tf_glimpse.weights import PRESETS

SETTINGS = {"latent_size": 16, "units": 256, "training_looks": 2}

CARD = """# Autoencoder of {name}

Reconstructs the whole clean image from the state of `{name}` after each look (`HiddenStateVAE.from_preset("{name}")`).

| | |
|---|---|
| latent code, hidden units, decoder | {latent_size}, {units}, {decoder} |
| parameters | {parameters:,} |
| trained on | {images:,} training images of {data}, {epochs} epochs, {how}; weights of epoch {best_epoch} |
| squared error of a pixel after each look, {examples:,} test images | {squared_error} |
| the same of the mean image, which knows nothing | {blank_error:.4f} |
| what is left of that error after the last look | {left:.0f} % |
| ELBO after each look, nats an image (Bernoulli) | {elbo} |
| commit | {commit} |
| trained by | `{command}` |
| licence of the weights | Apache-2.0 |
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--decoder", choices=DECODERS, default="dense")
    parser.add_argument("--images", type=int, default=30000, help="training images")
    parser.add_argument("--manual-dir", default="../shared/data")
    options = parser.parse_args()
    recipe = json.loads((PRESETS / f"{options.preset}.json").read_text())["recipe"]
    data, model = load(recipe["data"], manual_dir=options.manual_dir), RAM.from_preset(options.preset)
    start = time.monotonic()
    settings = {**SETTINGS, "decoder": options.decoder}
    vae, history = fit_vae(model, data, limit=options.images, epochs=options.epochs, **settings)
    command = f"python benchmarks/publish_vae.py {options.preset} --decoder {options.decoder}"
    command += f" --epochs {options.epochs} --images {options.images}"
    note = {
        "preset": options.preset,
        "data": recipe["data"],
        "settings": settings,
        "images": min(options.images, len(data.train)),
        "epochs": options.epochs,
        "how": "the preset frozen, the epoch picked on validation",
        "best_epoch": min(range(options.epochs), key=history["val_loss"].__getitem__) + 1,
        "validation_loss": [round(loss, 3) for loss in history["val_loss"]],
        "train_seconds": round(time.monotonic() - start, 1),
        **measured(vae, model, data),
        "parameters": vae.count_params(),
        **provenance(command),
    }
    write_vae(vae, note)


def write_vae(vae, note):
    """Weights, note and card of a preset's autoencoder."""
    folder, name = PRESETS / "vae", note["preset"]
    folder.mkdir(exist_ok=True)
    write_whole(folder / f"{name}.keras", vae.save)
    write_json(folder / f"{name}.json", note)
    (folder / f"{name}.md").write_text(card(note))


def measured(vae, model, data):
    """The test figures, taken once, when all is settled."""
    hidden, images = collect_states(model, data, "test")
    curves = reconstruction_curves(vae, hidden, images)
    rounded = {"squared_error": 5, "elbo": 2, "kl": 3}
    lists = {name: [round(float(value), digits) for value in getattr(curves, name)] for name, digits in rounded.items()}
    return {**lists, "blank_error": round(curves.blank_error, 5), "examples": len(images)}


def card(note):
    shown = {name: ", ".join(str(value) for value in note[name]) for name in ("squared_error", "elbo")}
    left = 100 * note["squared_error"][-1] / note["blank_error"]
    return CARD.format(**{**note, **note["settings"], **shown, "name": note["preset"], "left": left})


if __name__ == "__main__":
    main()
