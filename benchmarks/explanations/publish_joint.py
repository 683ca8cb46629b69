"""Makes a preset and its autoencoder of what `joint_reconstruction.py --workdir W` left in a folder.

python -m benchmarks.explanations.publish_joint W/0.01 ram_cluttered_60 --decoder placed --epochs 14

The preset is called `ram_cluttered_60_joint`; its figures come from the row of that training in `results/joint_reconstruction.json`. They
go into `results/paper_tables.json` too, beside those of the preset that it was trained on from.
"""

import argparse
import json
import pathlib

from benchmarks.accuracy.record import KEY
from benchmarks.common.rows import add_rows, read_rows
from tf_glimpse.files import write_whole
from tf_glimpse.models.hidden_state_vae import DECODERS, HiddenStateVAE
from tf_glimpse.models.loading import load_model
from tf_glimpse.training import evaluate_model
from tf_glimpse.training.finished import load_run_data, open_finished
from tf_glimpse.training.publish_autoencoder import SETTINGS, measured, write_autoencoder
from tf_glimpse.training.workdirs import write_json
from tf_glimpse.weights import PRESETS
from tf_glimpse.weights.cards import preset_card

BY_ADAM = {"weight_decay": 0.0, "warmup": 0.0, "clipnorm": None}  # as `joint_reconstruction.py` trains
FIGURES = ("error_percent", "error_percent_by_glimpse", "rollouts", "num_glimpses", "examples")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("preset")
    parser.add_argument("--decoder", choices=DECODERS, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--manual-dir", default="../shared/data")
    options = parser.parse_args()
    wanted = (options.preset, options.decoder, options.epochs, float(options.folder.name))
    row = next(row for row in read_rows("joint_reconstruction") if key_of(row) == wanted)
    model, vae = load_model(options.folder / "model.keras"), HiddenStateVAE.from_preset(options.folder / "vae.keras")
    data = load_run_data(open_finished(preset=options.preset), manual_dir=options.manual_dir)
    name = f"{options.preset}_joint"
    single = evaluate_model(model, data.test)
    write_preset(name, model, preset_note(row, single))
    add_rows("paper_tables", paper_rows(name, row, (single, evaluate_model(model, data.test, rollouts=10))), KEY)
    write_autoencoder(vae, vae_note(name, row, {**measured(vae, model, data), "parameters": vae.count_params(), "images": len(data.train)}))


def key_of(row):
    return row["preset"], row["decoder"], row["epochs"], row["state_weight"]


def preset_note(row, found):
    """The preset's own note, with what the training together changed."""
    base = json.loads((PRESETS / f"{row['preset']}.json").read_text())
    told = f"{base['recipe']['description']}, trained on from `{row['preset']}` together with the autoencoder of its states"
    changed = {"description": told, "epochs": row["epochs"], "learning_rate": row["learning_rate"], **BY_ADAM}
    chosen = {"validation_accuracy": 1 - row["validation_error_percent"] / 100, "best_epoch": row["epochs"]}
    results = {**base["results"], **found, **chosen, "versions": row["versions"]}
    del results["train_seconds"]  # of the base
    about = {**{name: row[name] for name in ("seed", "command", "commit")}, "licence": base["licence"]}
    return {**about, "recipe": {**base["recipe"], **changed}, "results": results}


def paper_rows(name, row, found):
    """The base preset's rows, with what the training together changed."""
    base = next(old for old in read_rows("paper_tables") if old["recipe"] == row["preset"] and old["seed"] == row["seed"])
    joint = {"joint": {"from": row["preset"], "state_weight": row["state_weight"], "decoder": row["decoder"]}}
    made = {field: row[field] for field in ("epochs", "learning_rate", "command", "commit", "device", "versions")}
    made["weight_decay"] = BY_ADAM["weight_decay"]
    chosen = {"validation_error_percent": row["validation_error_percent"], "best_epoch": row["epochs"], "validation_curve": []}
    told = {"recipe": name, "preset": name, "policy": "own", "train_seconds": None}
    return [{**base, **told, **joint, **made, **chosen, **{field: results[field] for field in FIGURES}} for results in found]


def vae_note(name, row, figures):
    how = f"together with the preset, {row['state_weight']:g} of its gradient reaching the states"
    data = json.loads((PRESETS / f"{row['preset']}.json").read_text())["recipe"]["data"]
    about = {"data": data, "settings": {**SETTINGS, "decoder": row["decoder"]}, "how": how}
    made = {field: row[field] for field in ("epochs", "command", "commit", "device", "versions")}
    return {"preset": name, **about, **made, "best_epoch": row["epochs"], **figures}


def write_preset(name, model, note):
    write_whole(PRESETS / f"{name}.keras", model.save)
    write_json(PRESETS / f"{name}.json", note)
    (PRESETS / f"{name}.md").write_text(preset_card(name, note, picked="of the last epoch, which was kept"))


if __name__ == "__main__":
    main()
