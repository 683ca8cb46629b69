"""`tf-glimpse explain`: one page of what each look saw and told."""

from tf_glimpse.commands import arguments


def add(commands):
    """Adds the command and its arguments."""
    command = commands.add_parser(
        "explain", help="one page: where it looked and what that told it", description="Writes a page that needs no other file."
    )
    arguments.add_images(command)
    command.add_argument("--out", default="report.html", help="the page (%(default)s)")
    command.add_argument("--pictures", action="store_true", help="also write a PNG, and a GIF, beside it")
    command.add_argument("--vae", metavar="FILE", help="take this autoencoder instead of the run's or the preset's own")
    epochs = {"dest": "fit_epochs", "metavar": "EPOCHS", "type": arguments.count}
    command.add_argument("--fit-vae", **epochs, help="first train the run's autoencoder, into its folder")
    command.set_defaults(run=run)


def run(options):
    """Runs it."""
    images = arguments.images_of(options)
    finished = arguments.opened(options)
    from tf_glimpse.training.explained import explain_finished

    wanted = {"workdir": options.workdir, "vae": options.vae, "fit_epochs": options.fit_epochs, "pictures": options.pictures}
    _, paths = explain_finished(finished, options.out, images, options.count, **wanted, **arguments.data_of(options))
    for path in paths:
        print(path)
