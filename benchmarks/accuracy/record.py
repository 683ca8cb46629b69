"""Writes a finished run's errors into `results/paper_tables.json`: one deterministic rollout, and ten sampled ones averaged.

python -m benchmarks.accuracy.record WORKDIR [--manual-dir ../shared/data]
"""

import argparse
import json
import pathlib

from benchmarks.accuracy.tasks import task_of
from benchmarks.common.rows import add_rows
from tf_glimpse.policies import Scan
from tf_glimpse.training import evaluate_model, workdirs
from tf_glimpse.training.finished import evaluate_finished, load_run_data, open_finished
from tf_glimpse.training.provenance import provenance
from tf_glimpse.training.publish import refuse_changed
from tf_glimpse.weights import PRESETS

KEY = ("task", "recipe", "policy", "seed", "rollouts")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workdir", type=pathlib.Path)
    parser.add_argument("--manual-dir", default="../shared/data")
    options = parser.parse_args()
    rows = run_rows(options.workdir, options.manual_dir)
    add_rows("paper_tables", rows, KEY)
    for row in rows:
        print(f"{row['task']}, {row['recipe']}, {row['policy']} places, {row['rollouts']} rollouts: {row['error_percent']:.2f} %")


def run_rows(workdir, manual_dir):
    """The run's row; for a policy of its own one of ten rollouts, and if a scan taught it, one of the same weights on that scan."""
    _, recipe, seed = workdirs.read_run(workdir)
    refuse_changed(workdir, recipe)
    results, finished = workdirs.results(workdir), open_finished(workdir)
    row = {**described(recipe, seed, workdir), **measured(results), **learned(workdir, results)}
    if recipe["actions"]:
        return [row]
    rows = [row, {**row, **measured(evaluate_finished(finished, rollouts=10, manual_dir=manual_dir))}]
    if recipe["teacher"].get("places"):
        scan, test = Scan(recipe["teacher"]["places"]), load_run_data(finished, manual_dir=manual_dir).test
        on_scan = {**measured(evaluate_model(finished.model, test, policy=scan)), "checked_by": "python -m benchmarks.accuracy.record W"}
        rows.append({**row, "policy": "its teacher's scan", "preset": None, **on_scan})
    return rows


def described(recipe, seed, workdir):
    """What was trained, and what others reach."""
    task, policy = task_of(recipe["data"]), recipe["actions"]
    known = (task.name, task.paper, task.best_public) if task else (recipe["data"], None, None)
    others = dict(zip(("task", "paper", "best_public"), known, strict=True))
    command = f"tf-glimpse train {recipe['name']}{f' --policy {policy}' if policy else ''} --seed {seed} --epochs {recipe['epochs']}"
    command += f" --batch-size {recipe['batch_size']} --learning-rate {recipe['learning_rate']}"
    names = ("model", "loss", "teacher", "epochs", "batch_size", "learning_rate", "weight_decay", "ema_momentum")
    settings = {name: recipe[name] for name in names}
    return {
        **others,
        "recipe": recipe["name"],
        "policy": policy or "own",
        "seed": seed,
        "augmentation": recipe["augment"],
        **settings,
        "preset": None if policy else shipped(recipe["name"], seed),
        **provenance(f"{command} --workdir W --manual-dir ../shared/data", workdir),
    }


def shipped(recipe, seed):
    """The preset made of this very run, or None."""
    note = PRESETS / f"{recipe}.json"
    return recipe if note.exists() and json.loads(note.read_text())["seed"] == seed else None


def measured(results):
    names = ("error_percent", "error_percent_by_glimpse", "rollouts", "num_glimpses", "examples", "parameters")
    checked_by = f"tf-glimpse evaluate W --rollouts {results['rollouts']} --manual-dir ../shared/data"
    return {**{name: results[name] for name in names}, "checked_by": checked_by}


def learned(workdir, results):
    """How the training went: the epoch chosen, and the validation error after each."""
    (history,) = pathlib.Path(workdir).glob("checkpoint-*/history.json")
    curve = [round(100 * (1 - row["val_accuracy"]), 3) for row in json.loads(history.read_text())]
    chosen = {"best_epoch": results["best_epoch"], "train_seconds": results["train_seconds"]}
    return {"validation_error_percent": round(100 * (1 - results["validation_accuracy"]), 3), **chosen, "validation_curve": curve}


if __name__ == "__main__":
    main()
