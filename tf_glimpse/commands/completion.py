"""`tf-glimpse --print-completion SHELL`: the script by which a shell completes commands, options, recipes, presets, policies and files."""

import argparse

from tf_glimpse.policies import POLICIES
from tf_glimpse.training.recipes import RECIPES
from tf_glimpse.weights import preset_names

SHELLS = ("bash", "zsh", "fish", "tcsh")
# The arguments that are folders, and those that are files.
_FOLDERS = ("workdir", "path", "manual_dir", "data_dir", "data", "sequences", "bank")
_FILES = ("images", "out", "vae", "posterior", "space")


def add(parser):
    """Adds the option."""
    meaning = 'print a script by which words complete at Tab: eval "$(tf-glimpse --print-completion bash)"'
    parser.add_argument("--print-completion", action=_Print, choices=SHELLS, default=argparse.SUPPRESS, help=meaning)


class _Print(argparse.Action):
    """Prints the script and ends: `eval "$(tf-glimpse --print-completion bash)"`."""

    def __call__(self, parser, namespace, shell, option_string=None):
        import shtab  # here, as it takes longer to import than all of --help

        for action in _actions(parser):
            if action.dest in _FOLDERS:
                action.complete = shtab.DIRECTORY
            elif action.dest in _FILES:
                action.complete = shtab.FILE
            elif action.dest in ("recipe", "preset"):
                action.choices = list(RECIPES) if action.dest == "recipe" else preset_names()
            elif action.dest == "policy":
                action.choices = action.choices or list(POLICIES)
        print(shtab.complete(parser, shell))
        parser.exit()


def _actions(parser):
    """Every argument of the parser and its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
