"""Which code a run was trained by."""

import pathlib
import subprocess
import sys

_PACKAGE = pathlib.Path(__file__).resolve().parents[1]


def code_version():
    """The commit that this package's code stands at, with "-dirty" behind it where the code was changed since; its version without git.

    Weights that ship with the package are no code.

    Example:
        >>> code_version().split("-")[-1] in ("dirty", code_version())
        True
    """
    try:
        _git("ls-files", "--error-unmatch", "__init__.py")  # fails if the package is installed into somebody else's checkout
        head = _git("rev-parse", "--short", "HEAD").stdout.strip()
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!weights").stdout
    except (OSError, subprocess.CalledProcessError):
        return sys.modules["tf_glimpse"].__version__
    return head + ("-dirty" if changed else "")


def _git(*arguments):
    return subprocess.run(["git", "-C", _PACKAGE, *arguments], capture_output=True, text=True, check=True)
