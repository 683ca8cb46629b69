"""`tf-glimpse demo`: the whole way in five minutes."""


def add(commands):
    """Adds the command and its arguments."""
    command = commands.add_parser("demo", help="the whole way in five minutes", description="Trains, evaluates, draws, serves, asks.")
    command.add_argument("--workdir", default="demo", help="folder for what it makes (%(default)s)")
    command.set_defaults(run=run)


def run(options):
    """Runs it."""
    from tf_glimpse.demo import run_demo

    run_demo(options.workdir)
