"""`tf-glimpse train`: a recipe in a folder, from nothing or from trained weights; resumed when called again."""

import pathlib

from tf_glimpse.commands import arguments
from tf_glimpse.commands.recipe_changes import changed
from tf_glimpse.policies import UNTRAINED
from tf_glimpse.training.recipes import get_recipe
from tf_glimpse.training.workdirs import find_finished, preset_or_run
from tf_glimpse.types import UserError


def add(commands):
    """Adds the command and its arguments."""
    command = commands.add_parser("train", help="train a recipe in a folder", description="Trains a recipe; called again, resumes.")
    command.add_argument("recipe", nargs="?", help="see `tf-glimpse recipes`; with --from, its model's own if there is none")
    command.add_argument("--workdir", required=True, help="folder of the run")
    begun = (
        "begin with the weights of a preset or of a finished run's folder, which is left as it is: with a new classifier on --data of other"
    )
    command.add_argument(
        "--from",
        dest="source",
        metavar="PRESET_OR_RUN",
        help=f"{begun} classes, else where it ended; a third of the epochs and learning rate",
    )
    arguments.add_data(command)
    arguments.add_reading(command)
    stages = "; of several stages all alike, or one each such as"
    command.add_argument(
        "--epochs", type=arguments.each(arguments.count), help=f"instead of the recipe's; the schedule is rescaled{stages} 30,20,12"
    )
    command.add_argument("--batch-size", type=arguments.count, help="instead of the recipe's")
    command.add_argument("--learning-rate", type=arguments.each(arguments.rate), help=f"instead of the recipe's{stages} 4e-3,3e-3,1e-4")
    command.add_argument("--dtype", choices=("float32", "mixed_float16", "mixed_bfloat16"), help="precision; default: the recipe's")
    command.add_argument("--rollouts", type=arguments.count, help="sampled trajectories an image in training")
    command.add_argument("--policy", choices=UNTRAINED, help="a control: who chooses the places instead of the model")
    command.add_argument("--sequences", help="folder of `tf-glimpse sequences`, which teach the policy where to look")
    command.add_argument("--supervision", choices=("near_optimal", "heuristic", "random"), help="what of them (near_optimal)")
    command.add_argument("--share", type=arguments.share, help="of each batch's rows that they teach (0.5)")
    command.add_argument("--until", type=arguments.share, help="fraction of the run by which that share is zero (0.2)")
    command.add_argument("--seed", type=arguments.seed, default=0)
    command.add_argument(
        "--seeds", type=arguments.seeds, help="several, such as 0,1,2: each in WORKDIR/seed-N, mean and 95 %% interval at the end"
    )
    command.add_argument("--deterministic", action="store_true", help="byte-equal weights for equal seeds (slower: no XLA)")
    command.add_argument("--no-jit", action="store_true", help="no XLA: starts at once, each step slower; short runs do without anyway")
    command.add_argument("--all-terms", action="store_true", help="show every term of the loss; log.csv and tensorboard/ have them anyway")
    command.set_defaults(run=run)


def run(options):
    """Runs it."""
    recipe = changed(_begun(options), options)
    if recipe.data is None:
        raise UserError(f"recipe {recipe.name} expects --data: a folder of images (CLASS/ or SPLIT/CLASS/), or a TFDS name.")
    arguments.check_data(recipe.data, options.manual_dir, options.data_dir)
    from tf_glimpse.training import train_and_evaluate, train_seeds

    sources = {name: getattr(options, name) for name in ("manual_dir", "data_dir", "skip_corrupt", "deterministic", "all_terms")}
    if options.seeds:
        summary = train_seeds(recipe, options.workdir, options.seeds, **sources)
        print(f"error {summary['error_percent']:.2f} +- {summary['interval']:.2f} % (95 %, {len(options.seeds)} seeds)")
        return
    results = train_and_evaluate(recipe, options.workdir, options.seed, **sources)
    error = f"{results['split']} error {results['error_percent']:.2f} % with one deterministic rollout"
    print(f"{error}; model in {options.workdir}/model.keras")
    print("\n".join(["next:", *_next(pathlib.Path(options.workdir))]))


def _begun(options):
    """The recipe by its name, or the one that goes on from trained weights."""
    if not (options.recipe or options.source):
        raise UserError(
            "train expects a recipe (`tf-glimpse recipes` lists them), or --from with a preset or the folder of a finished run."
        )
    recipe = get_recipe(options.recipe) if options.recipe else None
    if not options.source:
        return recipe
    find_finished(**preset_or_run(options.source))
    from tf_glimpse.training.starting import started_recipe

    return started_recipe(options.source, recipe, options.data)


def _next(workdir):
    """What one does with a finished run, as commands that run as they are."""
    yield arguments.command_line("evaluate", workdir)
    yield arguments.command_line("draw", workdir, "--out", pathlib.Path("glimpses"))
    yield arguments.command_line("export", workdir, "--out", pathlib.Path("served"))
