"""`tf-glimpse presets`: the trained weights that ship with the package."""

from tf_glimpse.weights import presets


def add(commands):
    """Adds the command and its arguments."""
    command = commands.add_parser("presets", help="list the trained weights", description="Lists the weights that ship with the package.")
    command.set_defaults(run=run)


def run(options):
    """Runs it."""
    rows = [("PRESET", "ERROR %", "MB", "LICENCE", "TASK")]
    rows += [(found.name, f"{found.error_percent:.2f}", f"{found.megabytes:.1f}", found.licence, found.task) for found in presets()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, error, size, licence, task in rows:
        print(f"{name:{widths[0]}}  {error:>{widths[1]}}  {size:>{widths[2]}}  {licence:{widths[3]}}  {task}")
