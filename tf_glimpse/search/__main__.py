"""One process of a search, which `workers` starts: `python -m tf_glimpse.search OPTIONS`, keyword arguments of `search_architectures`."""

import json
import os
import sys
import threading

from keras_tuner.src.engine import conditions

from tf_glimpse.search.run import search_architectures
from tf_glimpse.types import UserError


def _end_with_parent():
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    conditions.print = lambda *values: None  # it prints a value of every condition that it sends
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        search_architectures(**json.loads(sys.argv[1]))
    except UserError as error:
        sys.exit(f"tf-glimpse: {error}")
