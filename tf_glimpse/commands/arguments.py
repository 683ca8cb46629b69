"""Arguments that several commands share, and the readers of their values."""

import argparse
import math
import os
import pathlib
import shlex
import shutil
import sys

from tf_glimpse.datasets.names import refuse_wrong_name
from tf_glimpse.policies import check_policy_name
from tf_glimpse.training.workdirs import find_finished
from tf_glimpse.types import UserError


def add_model(command):
    """A finished run, or a preset."""
    command.add_argument("workdir", nargs="?", help="folder of a finished run")
    command.add_argument("--preset", help="a model that ships with the package, instead of a folder")


def add_images(command):
    """A model, and images of one's own or of a split."""
    add_model(command)
    command.add_argument("images", nargs="*", metavar="IMAGE", help="files; images of the test split if there are none")
    add_data(command)
    command.add_argument("--count", type=count, help="how many, the first ones (all files, or 6 of the test split)")


def images_of(options):
    """The files; with a preset argparse has taken the first one for the run's folder."""
    if options.preset and options.workdir:
        options.images, options.workdir = [options.workdir, *options.images], None
    return options.images


def opened(options):
    """The finished run or preset of `add_model`. What an option names and is not there is refused before TensorFlow loads."""
    find_finished(options.workdir, options.preset)
    if "data" in options:
        check_data(options.data, options.manual_dir, options.data_dir)
    for image in getattr(options, "images", ()):
        if not pathlib.Path(image).expanduser().is_file():
            raise UserError(f"no such file: {image}")
    from tf_glimpse.training.finished import open_finished

    return open_finished(options.workdir, options.preset)


def check_data(data, manual_dir, data_dir):
    """Refuses what is neither the name of a set nor a folder of images by class, before TensorFlow loads; None is neither, and passes."""
    if data:
        refuse_wrong_name(data, manual_dir, data_dir)


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


def add_reading(command):
    """How files become images, which a run remembers."""
    command.add_argument("--channels", type=int, choices=(1, 3, 4), help="grey, RGB, or RGB and alpha; default: grey if all images are")
    command.add_argument("--white-level", type=rate, help="what is white in files of more than 8 bits, such as 4095 for 12 bits in 16")
    command.add_argument("--group-duplicates", action="store_true", help="keep copies of an image out of the part that is validated on")


def data_of(options):
    """What `add_data` read, by the names that the rooms below take."""
    return {name: getattr(options, name) for name in ("data", "image_size", "manual_dir", "data_dir", "skip_corrupt")}


def count(text):
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expects a whole number of at least 1, got {text}")
    return int(text)


def rate(text):
    """A number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expects a number above 0, got {text}")
    return value


def policy(text):
    """The name of a policy; whether this model has it is found out later."""
    try:
        check_policy_name(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def share(text):
    """A number above 0, at most 1."""
    if not 0 < rate(text) <= 1:
        raise argparse.ArgumentTypeError(f"expects a number above 0, at most 1, got {text}")
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
        raise argparse.ArgumentTypeError(f"expects a whole number from 0 to 2**31 - 1, got {text}")
    return int(text)


def seeds(text):
    """At least two different seeds, with commas between them."""
    values = [seed(part) for part in text.split(",")]
    if len(values) < 2 or len(set(values)) < len(values):
        raise argparse.ArgumentTypeError(f"expects at least two different seeds, such as 0,1,2, got {text}")
    return values


def command_line(*words):
    """A command of this program that a shell runs as it is written: by its name where the shell finds it by that, else by where it lies.

    Args:
        words: strings as they are, and `pathlib.Path`s, which are written as the user's shell finds them.
    """
    script, found = pathlib.Path(sys.executable).with_name("tf-glimpse"), shutil.which("tf-glimpse")
    if found and script.exists() and os.path.samefile(found, script):
        program = ["tf-glimpse"]
    else:
        program = [script] if script.exists() else [pathlib.Path(sys.executable), "-m", "tf_glimpse"]
    return shlex.join(word if isinstance(word, str) else _from_here(word) for word in (*program, *words))


def _from_here(path):
    """The path as it is written in the user's folder; whole, if that is another than this program's (`make -C`)."""
    whole, here = pathlib.Path(os.path.abspath(path)), pathlib.Path.cwd()
    moved = os.path.realpath(os.environ.get("PWD", here)) != str(here.resolve())
    return str(whole if moved or not whole.is_relative_to(here) else whole.relative_to(here))
