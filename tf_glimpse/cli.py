"""`tf-glimpse …`: joins the commands, and ends each with its exit code. What they do is imported when they run."""

import argparse
import contextlib
import sys
import warnings

from tf_glimpse import __version__
from tf_glimpse.commands import (
    completion,
    demo,
    draw,
    evaluate,
    explain,
    export,
    predict,
    presets,
    recipes,
    search,
    sequences,
    serve,
    train,
)
from tf_glimpse.commands.flags import flags_of, in_flags
from tf_glimpse.types import DataWarning, UserError

COMMANDS = (recipes, presets, sequences, train, evaluate, predict, draw, explain, export, search, serve, demo)  # in the order of --help


def main(arguments=None):
    """Runs one command; returns the exit code: 0, 2 for a user's mistake told in one line, 130 when interrupted."""
    options = _parsed(arguments)
    flags = vars(options).pop("flags")
    try:
        with _notes_in_one_line(flags):
            options.run(options)
    except UserError as error:
        print(f"tf-glimpse: {in_flags(error, flags)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tf-glimpse: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
    except OSError as error:
        print(f"tf-glimpse: {error}", file=sys.stderr)
        return 2
    return 0


@contextlib.contextmanager
def _notes_in_one_line(flags):
    """What `load` warns of, as lines for people."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", DataWarning)
        shown = warnings.showwarning

        def show(message, category, *where, **more):
            if issubclass(category, DataWarning):
                print(f"note: {in_flags(message, flags)}", file=sys.stderr)
            else:
                shown(message, category, *where, **more)

        warnings.showwarning = show
        yield


def _parsed(arguments):
    """The options; argparse leaves over the images that stand after an option."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and (not hasattr(options, "images") or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        options.images = [*options.images, *rest]
    return options


def _parser():
    parser = argparse.ArgumentParser(prog="tf-glimpse", description="Hard visual attention: train, evaluate, predict, draw, export, serve.")
    parser.add_argument("--version", action="version", version=f"tf-glimpse {__version__}")
    completion.add(parser)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    for command in commands.choices.values():
        command.set_defaults(flags=flags_of(command))
    return parser


if __name__ == "__main__":
    sys.exit(main())
