"""Importing this shows what ends a script: a user's mistake in one line, all else with its traceback."""

import sys

from tf_glimpse.types import UserError


def tell(kind, error, traceback):
    """Shows what ended a script."""
    if issubclass(kind, UserError):
        print(f"error: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = tell
