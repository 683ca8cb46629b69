"""Arguments that several commands share, and the readers of their values."""

import argparse
import math


def add_model(command):
    """A finished run, or a preset."""
    command.add_argument("workdir", nargs="?", help="folder of a finished run")
    command.add_argument("--preset", help="a model that ships with the package, instead of a folder")


def add_images(command):
    """A model, and images of one's own or of a split."""
    add_model(command)
    command.add_argument("images", nargs="*", metavar="IMAGE", help="files; images of the test split if there are none")
    add_data(command)
    command.add_argument("--count", type=count, default=6, help="how many of the test split (%(default)s)")


def images_of(options):
    """The files; with a preset argparse has taken the first one for the run's folder."""
    if not (options.preset and options.workdir):
        return options.images
    first, options.workdir = options.workdir, None
    return [first, *options.images]


def add_data(command):
    """Other data than the model's recipe says."""
    command.add_argument("--data", help="a set's name or a folder of images, instead of the recipe's")
    add_sources(command)


def add_sources(command):
    """Where data lie, and how their images are read."""
    command.add_argument("--image-size", type=count, help="side that images are brought to")
    command.add_argument("--manual-dir", help="folder with files already downloaded, one folder a set")
    command.add_argument("--data-dir", help="where prepared sets lie (~/tensorflow_datasets)")
    command.add_argument("--skip-corrupt", action="store_true", help="leave out images that cannot be decoded")


def data_of(options):
    """What `add_data` read, by the names that the rooms below take."""
    return {name: getattr(options, name) for name in ("data", "image_size", "manual_dir", "data_dir", "skip_corrupt")}


def count(text):
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"wants a whole number of at least 1, got {text}")
    return int(text)


def rate(text):
    """A number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"wants a number above 0, got {text}")
    return value


def share(text):
    """A number above 0, at most 1."""
    if not 0 < rate(text) <= 1:
        raise argparse.ArgumentTypeError(f"wants a number above 0, at most 1, got {text}")
    return float(text)


def each(kind):
    """A reader of one value of a kind, or of several with commas between them, as a tuple."""

    def read(text):
        values = tuple(kind(part) for part in text.split(","))
        return values if len(values) > 1 else values[0]

    read.__name__ = kind.__name__
    return read


def seed(text):
    """A whole number from 0 to 2**31 - 1."""
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"wants a whole number from 0 to 2**31 - 1, got {text}")
    return int(text)


def seeds(text):
    """At least two different seeds, with commas between them."""
    values = [seed(part) for part in text.split(",")]
    if len(values) < 2 or len(set(values)) < len(values):
        raise argparse.ArgumentTypeError(f"wants at least two different seeds, such as 0,1,2, got {text}")
    return values
