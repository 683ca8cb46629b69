"""`tf-glimpse draw`: pictures of where a model looks."""

from tf_glimpse.commands import arguments


def add(commands):
    """Adds the command and its arguments."""
    command = commands.add_parser(
        "draw", help="draw where a model looks", description="Writes OUT.png with a row an image, and OUT.gif, a film of them."
    )
    arguments.add_images(command)
    command.add_argument("--out", default="glimpses", help="path without ending (%(default)s)")
    command.set_defaults(run=run)


def run(options):
    """Runs it."""
    images = arguments.images_of(options)
    finished = arguments.opened(options)
    from tf_glimpse.training.finished import draw_finished

    for path in draw_finished(finished, options.out, images, options.count, **arguments.data_of(options)):
        print(path)
