"""Names of a package that load on first use, so that importing the package is quick."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def on_first_use(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package whose names live in modules that are imported when a name is first asked for.

    Args:
        package: its `__name__`.
        homes: a dict of name -> the module below the package where it lives.

    Example:
        >>> find = on_first_use("tf_glimpse", {"UserError": "types"})
        >>> find("UserError").__name__
        'UserError'
    """

    def find(name):
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it has {', '.join(sorted(homes))}")
        return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)

    return find
