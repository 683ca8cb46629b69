"""The cards of presets and of their autoencoders: Markdown templates, filled with what the JSON file beside the weights says."""

import string

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

TAUGHT = "\n| the policy was taught by | a scan written by hand, and by trial |"


def preset_card(name, note, picked="by which the epoch was picked", limits=()):
    """The card of a preset, Markdown.

    Args:
        name: the preset's.
        note: dict, as in `NAME.json` beside the weights: recipe, seed, command, commit, licence, results.
        picked: what the weights of the validation accuracy were picked by, in words.
        limits: sentences about what it cannot do, besides those that hold for all presets and for its data.

    Example:
        >>> from tf_glimpse.weights import find_preset
        >>> print(preset_card("ram_digits", find_preset("ram_digits")[1]).splitlines()[0])
        # ram_digits
    """
    recipe, results = note["recipe"], note["results"]
    sides = "x".join(str(side) for side in results["image_shape"][:2])
    return _filled(
        "preset_card",
        **{field: note[field] for field in ("seed", "commit", "licence", "command")},
        **_of_recipe(recipe),
        **_of_results(results),
        name=name,
        picked=picked,
        limits="".join(f"\n{limit}" for limit in (*limits, *LIMITS.get(recipe["data"], ()))),
        objects=OBJECTS.get(recipe["data"], LIGHT).format(side=sides),
    )


def autoencoder_card(note):
    """The card of a preset's autoencoder, Markdown; the note is a dict, as in `vae/NAME.json`."""
    lists = {field: ", ".join(str(value) for value in note[field]) for field in ("squared_error", "elbo")}
    counts = {field: f"{note[field]:,}" for field in ("parameters", "images", "examples")}
    left = f"{100 * note['squared_error'][-1] / note['blank_error']:.0f}"
    shown = {**lists, **counts, "name": note["preset"], "left": left, "blank_error": f"{note['blank_error']:.4f}"}
    return _filled("autoencoder_card", **{**note, **note["settings"], **shown})


def _of_recipe(recipe):
    """What a card says of the recipe."""
    return {
        "description": recipe["description"][:1].upper() + recipe["description"][1:],
        "data": DATA.get(recipe["data"].split("/")[0], recipe["data"]),
        "places": f"{recipe['actions']}, not the model's own" if recipe["actions"] else "the model's own",
        "epochs": recipe["stages"][-1]["epochs"] if "stages" in recipe else recipe["epochs"],
        "augment": ", ".join(f"{key} {value}" for key, value in recipe["augment"].items()) or "no",
        "files": "" if recipe["data"] == "digits_canvas" else " --manual-dir D",
        "taught": TAUGHT if recipe.get("teacher", {}).get("places") else "",
    }


def _of_results(results):
    """What a card says of the model and its figures."""
    return {
        "looks": results["num_glimpses"],
        "patch": results["patch_size"],
        "scales": results["num_scales"],
        "parameters": f"{results['parameters']:,}",
        "examples": f"{results['examples']:,}",
        "split": results["split"],
        "error": f"{results['error_percent']:.2f}",
        "validation": f"{100 * results['validation_accuracy']:.2f}",
        "epoch": results["best_epoch"],
        "classes": results["num_classes"],
        "seen": _seen(results),
    }


def _seen(results):
    """A line of how much the looks show, and of the answer from all cells, for a model that counts them."""
    if "coverage_percent_by_glimpse" not in results:
        return ""
    share, whole = results["coverage_percent_by_glimpse"][-1], results["full_image_error_percent"]
    return f"\n| of an image seen with all looks | {share:.1f} %; from all of it its BagNet errs {whole:.2f} % |"


def _filled(template, **parts):
    return string.Template((PRESETS / f"{template}.md.template").read_text()).substitute(parts)
