"""`tf-glimpse export`: a SavedModel for servers."""

import sys

from tf_glimpse.commands import arguments


def add(commands):
    """Adds the command and its arguments."""
    command = commands.add_parser("export", help="write a SavedModel", description="Writes OUT/VERSION, for servers.")
    arguments.add_model(command)
    command.add_argument("--out", required=True, help="folder of the model's versions")
    command.add_argument("--version", type=arguments.count, help="default: one more than the highest there")
    none = {"dest": "warm_up_batch_sizes", "action": "store_const", "const": ()}
    command.add_argument("--no-warm-up", **none, help="write no warm-up records (they need the extra `serve`)")
    command.set_defaults(run=run)


def run(options):
    """Runs it."""
    finished = arguments.opened(options)
    from tf_glimpse.export import export_model, formats

    sizes = {} if options.warm_up_batch_sizes is None else {"warm_up_batch_sizes": options.warm_up_batch_sizes}
    white = finished.recipe.get("white_level")
    print(export_model(finished.model, options.out, options.version, white_level=white, **sizes))
    print(f"note: {formats.note(finished.model.image_shape[-1])}", file=sys.stderr)
