"""What `setup.cfg` asks for, and all that it brings along, by the metadata of the packages installed here."""

import configparser
import importlib.metadata
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


def setup():
    """`setup.cfg`, parsed."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config


def requirements_of(*extras, leave_out=None):
    """The package's own requirements and those of the extras, with the extras that these take in."""
    config = setup()
    texts = [config["options"]["install_requires"], *(config["options.extras_require"][extra] for extra in extras)]
    found = [Requirement(line) for text in texts for line in text.splitlines() if line and not line.startswith("#")]
    taken_in = {extra for requirement in found if requirement.name == "tf_glimpse" for extra in requirement.extras}
    if taken_in - set(extras):
        return requirements_of(*extras, *taken_in - set(extras), leave_out=leave_out)
    return [requirement for requirement in found if requirement.name not in ("tf_glimpse", leave_out)]


def needed(requirements, python=None):
    """The names of all that the requirements bring along, themselves too, on a Python such as "3.12" (default: this one)."""
    environment = default_environment()
    if python:
        environment |= {"python_version": python, "python_full_version": f"{python}.0"}
    found, waiting = set(), _with_extras(requirements)
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        brought = [each for each in _brought_by(name) if each.marker is None or each.marker.evaluate({**environment, "extra": extra})]
        waiting += _with_extras(brought)
    return {name for name, _ in found}


def import_names(distributions):
    """The top-level modules that packages of these names install."""
    homes = importlib.metadata.packages_distributions()
    return {module for module, owners in homes.items() if {canonicalize_name(owner) for owner in owners} & distributions}


def files_of(name):
    """Paths of what a package installed; none if it is needed on another Python than this one."""
    try:
        return [Path(file.locate()) for file in importlib.metadata.files(name) or []]
    except importlib.metadata.PackageNotFoundError:
        return []


def _with_extras(requirements):
    return [(canonicalize_name(requirement.name), extra) for requirement in requirements for extra in ("", *requirement.extras)]


def _brought_by(name):
    try:
        return [Requirement(line) for line in importlib.metadata.requires(name) or []]
    except importlib.metadata.PackageNotFoundError:  # needed on another Python than this one
        return []
