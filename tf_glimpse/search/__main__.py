"""One process of a search, which `workers` starts: `python -m tf_glimpse.search OPTIONS`, keyword arguments of `search_architectures`."""

import json
import sys

from tf_glimpse.search.run import search_architectures
from tf_glimpse.types import UserError

if __name__ == "__main__":
    try:
        search_architectures(**json.loads(sys.argv[1]))
    except UserError as error:
        sys.exit(f"tf-glimpse: {error}")
