"""The whole way in five minutes: train on real digits, evaluate, draw, export, serve, ask over REST."""

import base64
import json
import pathlib
import time
import urllib.request

from tf_glimpse.export import warm_up
from tf_glimpse.training import get_recipe, train_and_evaluate
from tf_glimpse.training.finished import draw_finished, evaluate_finished, load_run_data, open_finished
from tf_glimpse.training.workdirs import results

RANDOM_PRESET = "ram_digits_random"


def run_demo(workdir):
    """Runs the demonstration in a folder and prints what it finds; a finished training there is not repeated.

    Returns:
        the paths of the run, of a digit as PNG and of the export.
    """
    folder, start = pathlib.Path(workdir).expanduser(), time.monotonic()
    warm_up.protos()  # what is missing for the export is told before the training
    control = open_finished(preset=RANDOM_PRESET)
    run = folder / "run"
    if results(run) is None:
        print("1. Train a RAM on 1,197 handwritten digits, each on a cluttered 60x60 canvas", flush=True)
        train_and_evaluate(get_recipe("ram_digits"), run)
    else:
        print(f"1. {run} holds a finished training; delete {folder} to train again", flush=True)
    finished = open_finished(run)
    _evaluate(finished, control)
    pictures = draw_finished(finished, folder / "glimpses")
    export = _export(finished, folder)
    _ask(finished, folder, export)
    print(f"\nDone in {time.monotonic() - start:.0f} s. It made:")
    for path in (*pictures, folder / "digit.png", run, export):
        print(f"  {path}")
    return run, folder / "digit.png", export


def _evaluate(finished, control):
    print("2. Evaluate on 400 digits it never saw", flush=True)
    rows = {
        "its own policy, one deterministic rollout": evaluate_finished(finished),
        "the same weights, random places": evaluate_finished(finished, policy="random"),
        "the same weights, the mean of its places": evaluate_finished(finished, policy="constant"),
        "weights trained for random places": evaluate_finished(control),
    }
    for name, row in rows.items():
        print(f"   accuracy {100 - row['error_percent']:5.2f} %   {name}")


def _export(finished, folder):
    from tf_glimpse.export import export_model

    print("3. Export a SavedModel", flush=True)
    export_model(finished.model, folder / "export")
    return folder / "export"


def _ask(finished, folder, export):
    """Starts the server, sends one test digit as PNG, prints the answer, stops the server."""
    from PIL import Image

    from tf_glimpse.server import running_server

    source = load_run_data(finished).test
    Image.fromarray(source.fetch([0])[0, :, :, 0].numpy()).save(folder / "digit.png")
    encoded = base64.b64encode((folder / "digit.png").read_bytes()).decode()
    body = json.dumps({"instances": [{"b64": encoded}]}).encode()
    print("4. Serve it, and send digit.png over REST", flush=True)
    with running_server(export) as url, urllib.request.urlopen(f"{url}/v1/models/model:predict", body) as response:
        answer = json.load(response)["predictions"][0]
    places = " ".join(f"({row:+.2f}, {column:+.2f})" for row, column in answer["locations"])
    print(f"   label {answer['classes']} (it is a {source.labels[0]}); looked at (y, x): {places}")
