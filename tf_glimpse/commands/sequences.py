"""`tf-glimpse sequences`: near-optimal glimpse sequences to teach a policy."""

from tf_glimpse.boed.completions import KINDS, find_kind
from tf_glimpse.commands import arguments
from tf_glimpse.datasets.names import whole_name
from tf_glimpse.training.recipes import get_recipe
from tf_glimpse.types import UserError


def add(commands):
    """Adds the command and its arguments."""
    command = commands.add_parser(
        "sequences",
        help="near-optimal glimpse sequences for a recipe's images",
        description="Fills a folder with sequences to teach a recipe's policy. Called again, goes on; several calls share the work.",
    )
    command.add_argument("recipe", help="of one scale, with places on a grid, such as near_optimal_fashion_mnist")
    command.add_argument("--out", required=True, help="folder of the sequences")
    arguments.add_data(command)
    command.add_argument("--count", type=arguments.count, default=600, help="how many images get a sequence (%(default)s)")
    command.add_argument("--samples", type=arguments.count, default=32, help="completions an image and look (%(default)s)")
    command.add_argument("--against-rest", metavar="CLASS", help="name of one class to tell from the rest, for `one_against_rest`")
    command.add_argument("--completions", choices=tuple(KINDS), default="retrieval", help="(%(default)s)")
    command.add_argument("--flips", action="store_true", help="complete with mirror images too")
    command.add_argument("--posterior-epochs", type=arguments.count, help="of training the posterior network (10)")
    command.add_argument("--posterior", metavar="FILE", help="take this posterior network, of the same data, instead of training one")
    command.add_argument("--bank", metavar="FOLDER", help="take this bank of images instead of the training split")
    command.add_argument("--seed", type=arguments.seed, default=0)
    command.set_defaults(run=run)


def run(options):
    """Runs it."""
    recipe = get_recipe(options.recipe)
    options.data = whole_name(options.data)
    if not (options.data or recipe.data):
        raise UserError(f"recipe {recipe.name} expects --data: a folder of images (CLASS/ or SPLIT/CLASS/), or a TFDS name.")
    arguments.check_data(options.data, options.manual_dir, options.data_dir)
    given = {"posterior": _posterior(options), "completions": _completions(options), **arguments.data_of(options)}
    from tf_glimpse.training.sequences import sequences_for

    given |= {name: getattr(options, name) for name in ("against_rest", "count", "seed")}
    cost = sequences_for(recipe, options.out, **given)
    speed = f"{cost['sequences']} sequences made ({cost['sequences_a_minute']:.0f} a minute, {cost['passes_a_sequence']:.0f} passes each)"
    rest = f"all {options.count} are there" if cost["finished"] else "other processes are still at work on the rest"
    print(f"{speed if cost['sequences'] else 'Nothing left to make'}; {rest}, in {options.out}")


def _posterior(options):
    """What `generate_sequences` takes for `posterior`."""
    if options.posterior and options.posterior_epochs:
        raise UserError("--posterior is trained already; --posterior-epochs is for one to be trained. Give one of the two.")
    return {"path": options.posterior} if options.posterior else {"epochs": options.posterior_epochs or 10}


def _completions(options):
    """What `generate_sequences` takes for `completions`."""
    if options.flips and options.bank:
        raise UserError("--flips is for a bank to be built; the images of --bank are as they are. Give one of the two.")
    own = {"flips": True} if options.flips else {"path": options.bank} if options.bank else {}
    if set(own) - set(find_kind(options.completions).options):
        raise UserError(f"--completions {options.completions} takes neither --flips nor --bank. Leave them out.")
    return {"kind": options.completions, "samples": options.samples, **own}
