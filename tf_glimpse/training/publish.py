"""Makes a preset of a finished run: the weights, what they were trained by, and a model card.

python benchmarks/publish_preset.py WORKDIR NAME
"""

import argparse
import json
import pathlib
import shutil
import sys

from record import stop_if_changed
from rows import read_rows

from tf_glimpse.training import workdirs
from tf_glimpse.training.code_version import code_version
from tf_glimpse.weights import PRESETS

DATA = {
    "digits_canvas": "scikit-learn's bundled handwritten digits (UCI Optical Recognition of Handwritten Digits, CC BY 4.0), 28 px",
    "mnist": "MNIST (LeCun, Cortes, Burges; CC BY-SA 3.0)",
    "translated_mnist": "MNIST (LeCun, Cortes, Burges; CC BY-SA 3.0), digits at random places of a larger canvas",
    "cluttered_mnist": "MNIST (LeCun, Cortes, Burges; CC BY-SA 3.0), digits at random places of a larger canvas among pieces of others",
    "cifar10": "CIFAR-10 (A. Krizhevsky 2009; for research)",
    "tf_flowers_160px": "tf_flowers of TensorFlow Datasets (photos from Flickr, CC BY 2.0), 160 px; tested on a fifth kept apart",
}

LIGHT = "images of {side} px with one light object on black"
OBJECTS = {  # what the images of a set are of
    "tf_flowers_160px": "photos of one kind of flower in each, at {side} px",
    "cifar10": "small photos of one thing in each, at {side} px",
}

LIMITS = {  # besides the common ones
    "tf_flowers_160px": (
        "TFDS' `tf_flowers` holds the same photos, those it was trained on among them: an error on all of them is too low.",
    ),
}

LICENCE = "Apache-2.0"  # of the weights

CARD = """# {name}

{description}.

| | |
|---|---|
| data | {data} |
| looks | {looks} of {patch}x{patch} px at {scales} scale(s) |
| places | {places} |
| parameters | {parameters:,} |
| error on {examples:,} {split} images | {error:.2f} %, one deterministic rollout |{seen}
| validation accuracy, {picked} | {validation:.2f} % (epoch {epoch} of {epochs}) |{taught}
| training images augmented | {augment} |
| seed | {seed} |
| commit | {commit} |
| trained by | `{command}{files}` |
| checked by | `tf-glimpse evaluate --preset {name} --json{files}` |
| licence of the weights | {licence} |

Limits: it knows its {classes} classes, {objects}, and nothing else; it has no
"none of these", and its probabilities are not calibrated.{limits}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workdir", type=pathlib.Path)
    parser.add_argument("name")
    options = parser.parse_args()
    path, recipe, seed = workdirs.read_run(options.workdir)
    results = workdirs.results(options.workdir)
    stop_if_changed(options.workdir, recipe)
    stop_if_worse(PRESETS / f"{options.name}.json", recipe, results["validation_accuracy"])
    command = f"tf-glimpse train {recipe['name']} --seed {seed} --workdir W"
    shutil.copy(path, PRESETS / f"{options.name}.keras")
    commit = workdirs.trained_by(options.workdir) or code_version()
    note = {"recipe": recipe, "seed": seed, "command": command, "commit": commit, "licence": LICENCE, "results": results}
    workdirs.write_json(PRESETS / f"{options.name}.json", note)
    (PRESETS / f"{options.name}.md").write_text(card(options.name, note))


def stop_if_worse(file, recipe, validation_accuracy):
    """Ends the program if a preset of that very recipe validates better, for the best seed is shipped; or if it has another policy."""
    shipped = json.loads(file.read_text()) if file.exists() else None
    if shipped and shipped["recipe"]["actions"] != recipe["actions"]:
        sys.exit(f"{file.stem} chooses its places by {shipped['recipe']['actions'] or 'its own policy'}: nothing was written.")
    alike = shipped and {**shipped["recipe"], "jit_compile": None} == {**recipe, "jit_compile": None}  # which changes nothing but speed
    if alike and shipped["results"]["validation_accuracy"] > validation_accuracy:
        sys.exit(f"{file.stem} is of seed {shipped['seed']}, which validates better: nothing was written.")


def card(name, note, picked="by which the epoch was picked"):
    recipe, results = note["recipe"], note["results"]
    return CARD.format(
        name=name,
        picked=picked,
        description=recipe["description"][:1].upper() + recipe["description"][1:],
        data=DATA.get(recipe["data"].split("/")[0], recipe["data"]),
        looks=results["num_glimpses"],
        patch=results["patch_size"],
        scales=results["num_scales"],
        places=f"{recipe['actions']}, not the model's own" if recipe["actions"] else "the model's own",
        parameters=results["parameters"],
        examples=results["examples"],
        split=results["split"],
        error=results["error_percent"],
        validation=100 * results["validation_accuracy"],
        epoch=results["best_epoch"],
        epochs=recipe["stages"][-1]["epochs"] if "stages" in recipe else recipe["epochs"],
        augment=", ".join(f"{key} {value}" for key, value in recipe["augment"].items()) or "no",
        seed=note["seed"],
        commit=note["commit"],
        licence=note["licence"],
        command=note["command"],
        files="" if recipe["data"] == "digits_canvas" else " --manual-dir D",
        classes=results["num_classes"],
        seen=_seen(results),
        taught="\n| the policy was taught by | a scan written by hand, and by trial |" if recipe.get("teacher", {}).get("places") else "",
        limits="".join(f"\n{limit}" for limit in (*limits_by_size(name), *LIMITS.get(recipe["data"], ()))),
        objects=OBJECTS.get(recipe["data"], LIGHT).format(side="x".join(str(side) for side in results["image_shape"][:2])),
    )


def _seen(results):
    """A line of how much the looks show, and of the answer from all cells, for a model that counts them."""
    if "coverage_percent_by_glimpse" not in results:
        return ""
    share, whole = results["coverage_percent_by_glimpse"][-1], results["full_image_error_percent"]
    return f"\n| of an image seen with all looks | {share:.1f} %; from all of it its BagNet errs {whole:.2f} % |"


def limits_by_size(name):
    """What digits of the least and the greatest size that were tried cost, if they were."""
    rows = sorted((row for row in read_rows("digit_sizes") if row["preset"] == name), key=lambda row: row["digit_size"])
    if rows:
        told = " and ".join(f"{row['error_percent']:.2f} % on digits of {row['digit_size']} px" for row in (rows[0], rows[-1]))
        yield f"It errs {told}; it was trained on digits of about 28 px."


if __name__ == "__main__":
    main()
