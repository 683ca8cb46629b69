"""`python -m tf_glimpse …` is `tf-glimpse …`."""

import sys

from tf_glimpse.cli import main

if __name__ == "__main__":
    sys.exit(main())
