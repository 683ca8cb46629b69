"""`tf-glimpse search`: small models under a budget of operations."""

from tf_glimpse.commands import arguments


def add(commands):
    """Adds the command and its arguments."""
    command = commands.add_parser(
        "search",
        help="search architectures under a budget of operations",
        description="Writes frontier.csv, frontier.png, best.keras and best.json. Called again, goes on.",
    )
    command.add_argument("family", choices=("ram", "saccader", "mobilenet_v2", "shufflenet_v2"))
    command.add_argument("--data", required=True, help="a set's name or a folder of images")
    command.add_argument("--workdir", required=True, help="folder of the search")
    command.add_argument(
        "--budget-mflops", type=arguments.rate, default=0.5, help="an image, on average; a multiply-add counts two (%(default)s)"
    )
    command.add_argument("--max-trials", type=arguments.count, default=20, help="(%(default)s)")
    command.add_argument("--epochs", type=arguments.count, default=10, help="of a trial, each at least a pass of the data (%(default)s)")
    command.add_argument("--oracle", choices=("bayesian", "hyperband", "random"), default="bayesian", help="(%(default)s)")
    workers = {"dest": "num_workers", "metavar": "WORKERS", "type": arguments.count, "default": 1}
    command.add_argument("--workers", **workers, help="processes that share the trials (%(default)s)")
    command.add_argument("--space", metavar="FILE", help="JSON of lists of choices by name, for those that are not the family's own")
    command.add_argument("--sequences", help="folder of `tf-glimpse sequences`, which teach a ram's policy: trials may then be shorter")
    command.add_argument("--supervision", choices=("near_optimal", "heuristic", "random"), default="near_optimal", help="what of them")
    arguments.add_sources(command)
    command.add_argument("--seed", type=arguments.seed, default=0)
    command.set_defaults(run=run)


def run(options):
    """Runs it."""
    given = {name: value for name, value in vars(options).items() if name not in ("run", "space")}
    arguments.check_data(options.data, options.manual_dir, options.data_dir)
    from tf_glimpse.search import read_space, search_architectures

    best = search_architectures(**given, space=read_space(options.space))
    if best:
        point = f"{100 * best['accuracy']:.2f} % of validation at {best['mflops']:.3f} MFLOP"
        print(f"best: {point}, trial {best['trial']}; model in {options.workdir}/best.keras")
