"""`tf-glimpse predict`: a table of what a model says about one's own files."""

import pathlib
import sys

from tf_glimpse.commands import arguments
from tf_glimpse.training.workdirs import find_finished
from tf_glimpse.types import UserError


def add(commands):
    """Adds the command and its arguments."""
    command = commands.add_parser(
        "predict",
        help="label your own files",
        description="Writes a CSV table: file, label, probability, places. Of folders, all images in them and below them.",
    )
    arguments.add_model(command)
    command.add_argument("images", nargs="*", metavar="PATH", help="files and folders")
    command.add_argument("--out", default="-", help="the table, such as answers.csv; printed if left out, or -")
    command.add_argument("--overwrite", action="store_true", help="replace the table if it is there already")
    command.add_argument("--every-class", action="store_true", help="add a column for the probability of each class")
    command.add_argument("--threshold", type=float, help="of a model that stops; default: what the search found, if it is a search's")
    command.add_argument("--batch-size", type=arguments.count, default=64, help="files in memory at once (%(default)s)")
    command.set_defaults(run=run)


def run(options):
    """Runs it."""
    from tf_glimpse.training.image_files import ImageFiles, is_image

    files = ImageFiles(arguments.images_of(options))
    find_finished(options.workdir, options.preset)  # what is not there is told before TensorFlow loads
    out = None if options.out == "-" else pathlib.Path(options.out).expanduser()
    if out and (is_image(out) or out.is_dir()):
        raise UserError(f"--out expects a file such as answers.csv. Received: {str(out)!r}")
    if out and out.exists() and not options.overwrite:
        raise UserError(f"{out} is there already and was not overwritten; pass another --out, or --overwrite.")
    total = sum(1 for _ in files)
    if not total:
        found = f"; {_told(files.other)} are there" if files.other else ""
        raise UserError(f"no images in {', '.join(map(str, files.paths)) or 'nothing: name files or folders after the model'}{found}")
    answered, unreadable = _write(options, files, total, out)
    if files.other:
        print(f"Left out as no images: {_told(files.other)}.", file=sys.stderr)
    if unreadable:
        print(f"{len(unreadable)} of {total} files could not be read:", *unreadable, sep="\n  ", file=sys.stderr)
    if out:
        print(f"{answered} answers in {out}")


def _write(options, files, total, out):
    from tf_glimpse.files import write_whole
    from tf_glimpse.training.finished import open_finished
    from tf_glimpse.training.predictions import predict_files

    finished, found = open_finished(options.workdir, options.preset), []
    how = {"total": total, "every_class": options.every_class, "threshold": options.threshold, "batch_size": options.batch_size}
    if out is None:
        sys.stdout.reconfigure(errors="surrogateescape")  # a name of a file that is no UTF-8 is printed as it is
        return predict_files(finished, files, sys.stdout, **how)

    def write(part):
        with open(part, "w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
            found.extend(predict_files(finished, files, stream, **how))

    write_whole(out, write)
    return found


def _told(endings):
    return ", ".join(f"{count} {ending}" for ending, count in endings.most_common())
