"""`tf-glimpse demo`: the whole way in five minutes."""

from tf_glimpse.commands import arguments


def add(commands):
    """Adds the command and its arguments."""
    command = commands.add_parser("demo", help="the whole way in five minutes", description="Trains, evaluates, draws, serves, asks.")
    command.add_argument("--workdir", default="demo", help="folder for what it makes (%(default)s)")
    command.set_defaults(run=run)


def run(options):
    """Runs it."""
    from tf_glimpse.demo import run_demo

    print("Try next, as it stands here:", *next_steps(*run_demo(options.workdir)), sep="\n  ")


def next_steps(trained, digit, export):
    """Command lines that a shell runs as they are; of the paths of a run, an image and an export."""
    yield arguments.command_line("evaluate", trained, "--rollouts", "10")
    yield arguments.command_line("predict", trained, digit)
    yield arguments.command_line("draw", trained, digit, "--out", digit.with_name("digit_glimpses"))
    yield arguments.command_line("serve", export)
