"""`tf-glimpse …`: argument parsing only. What the commands do is in the rooms they call, imported when they run."""

import argparse
import dataclasses
import json
import math
import pathlib
import sys

from tf_glimpse.training.recipe import with_policy
from tf_glimpse.training.recipes import RECIPES, get_recipe
from tf_glimpse.training.saccader_recipes import StagedRecipe, changed_stages
from tf_glimpse.types import UserError


def main(arguments=None):
    """Runs one command; returns the exit code: 0, 2 for a user's mistake told in one line, 130 when interrupted."""
    options = _parsed(arguments)
    try:
        options.run(options)
    except UserError as error:
        print(f"tf-glimpse: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tf-glimpse: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
    except OSError as error:
        print(f"tf-glimpse: {error}", file=sys.stderr)
        return 2
    return 0


def _parsed(arguments):
    """The options; argparse leaves over the images that stand after an option."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and (not hasattr(options, "images") or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        options.images = [*options.images, *rest]
    return options


def _parser():
    parser = argparse.ArgumentParser(prog="tf-glimpse", description="Hard visual attention: train, evaluate, draw, export, serve.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_recipes(commands)
    _add_sequences(commands)
    _add_train(commands)
    _add_evaluate(commands)
    _add_draw(commands)
    _add_explain(commands)
    _add_export(commands)
    _add_search(commands)
    _add_serve(commands)
    _add_demo(commands)
    return parser


def _add_recipes(commands):
    command = commands.add_parser("recipes", help="list the recipes, or show one", description="Lists the recipes, or shows one as JSON.")
    command.add_argument("recipe", nargs="?", help="show this one whole")
    command.set_defaults(run=_recipes)


def _recipes(options):
    if options.recipe:
        print(json.dumps(dataclasses.asdict(get_recipe(options.recipe)), indent=1))
        return
    for name, maker in RECIPES.items():
        print(f"{name:{max(map(len, RECIPES))}} {maker().description}")


def _add_sequences(commands):
    command = commands.add_parser(
        "sequences",
        help="near-optimal glimpse sequences for a recipe's images",
        description="Fills a folder with sequences to teach a recipe's policy. Called again, goes on; several calls share the work.",
    )
    command.add_argument("recipe", help="of one scale, with places on a grid, such as near_optimal_fashion_mnist")
    command.add_argument("--out", required=True, help="folder of the sequences")
    _add_data(command)
    command.add_argument("--count", type=_count, default=600, help="how many images get a sequence (%(default)s)")
    command.add_argument("--samples", type=_count, default=32, help="completions an image and look (%(default)s)")
    command.add_argument("--against-rest", metavar="CLASS", help="name of one class to tell from the rest, for `one_against_rest`")
    command.add_argument("--completions", choices=("retrieval", "vae", "hmc"), default="retrieval", help="(%(default)s)")
    command.add_argument("--flips", action="store_true", help="complete with mirror images too")
    command.add_argument("--posterior-epochs", type=_count, help="of training the posterior network (10)")
    command.add_argument("--posterior", metavar="FILE", help="take this posterior network, of the same data, instead of training one")
    command.add_argument("--bank", metavar="FOLDER", help="take this bank of images instead of the training split")
    command.add_argument("--seed", type=_seed, default=0)
    command.set_defaults(run=_sequences)


def _sequences(options):
    recipe = get_recipe(options.recipe)
    from tf_glimpse.datasets import whole_name
    from tf_glimpse.training.sequences import sequences_for

    options.data = whole_name(options.data)

    cost = sequences_for(recipe, **{name: value for name, value in vars(options).items() if name not in ("recipe", "run")})
    speed = f"{cost['sequences']} sequences made ({cost['sequences_a_minute']:.0f} a minute, {cost['passes_a_sequence']:.0f} passes each)"
    rest = f"all {options.count} are there" if cost["finished"] else "other processes are still at work on the rest"
    print(f"{speed if cost['sequences'] else 'Nothing left to make'}; {rest}, in {options.out}")


def _add_train(commands):
    command = commands.add_parser("train", help="train a recipe in a folder", description="Trains a recipe; called again, resumes.")
    command.add_argument("recipe", help="see `tf-glimpse recipes`")
    command.add_argument("--workdir", required=True, help="folder of the run")
    _add_data(command)
    stages = "; of several stages all alike, or one each such as"
    command.add_argument("--epochs", type=_each(_count), help=f"instead of the recipe's; the schedule is rescaled{stages} 30,20,12")
    command.add_argument("--batch-size", type=_count, help="instead of the recipe's")
    command.add_argument("--learning-rate", type=_each(_rate), help=f"instead of the recipe's{stages} 4e-3,3e-3,1e-4")
    command.add_argument("--dtype", choices=("float32", "mixed_float16", "mixed_bfloat16"), help="precision; default: the recipe's")
    command.add_argument("--rollouts", type=_count, help="sampled trajectories an image in training")
    command.add_argument("--policy", choices=("random", "centre"), help="a control: who chooses the places instead of the model")
    command.add_argument("--sequences", help="folder of `tf-glimpse sequences`, which teach the policy where to look")
    command.add_argument("--supervision", choices=("near_optimal", "heuristic", "random"), help="what of them (near_optimal)")
    command.add_argument("--share", type=_share, help="of each batch's rows that they teach (0.5)")
    command.add_argument("--until", type=_share, help="fraction of the run by which that share is zero (0.2)")
    command.add_argument("--seed", type=_seed, default=0)
    command.add_argument("--seeds", type=_seeds, help="several, such as 0,1,2: each in WORKDIR/seed-N, mean and 95 %% interval at the end")
    command.add_argument("--deterministic", action="store_true", help="byte-equal weights for equal seeds (slower: no XLA)")
    command.set_defaults(run=_train)


def _train(options):
    recipe = _changed(get_recipe(options.recipe), options)
    if recipe.data is None:
        raise UserError(f"recipe {recipe.name} wants --data: a folder of images (CLASS/ or SPLIT/CLASS/), or a TFDS name.")
    from tf_glimpse.training import train_and_evaluate, train_seeds

    sources = {name: getattr(options, name) for name in ("manual_dir", "data_dir", "skip_corrupt", "deterministic")}
    if options.seeds:
        summary = train_seeds(recipe, options.workdir, options.seeds, **sources)
        print(f"error {summary['error_percent']:.2f} +- {summary['interval']:.2f} % (95 %, {len(options.seeds)} seeds)")
        return
    results = train_and_evaluate(recipe, options.workdir, options.seed, **sources)
    print(
        f"{results['split']} error {results['error_percent']:.2f} % with one deterministic rollout; model in {options.workdir}/model.keras"
    )


def _changed(recipe, options):
    """The recipe with what the command line says instead."""
    from tf_glimpse.datasets import whole_name

    options.data = whole_name(options.data)
    wanted = {name: getattr(options, name) for name in ("data", "image_size", "epochs", "batch_size", "learning_rate", "dtype")}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    if isinstance(recipe, StagedRecipe):
        return _changed_stages(recipe, wanted, options)
    several = [name for name, value in wanted.items() if isinstance(value, tuple)]
    if several:
        raise UserError(f"{_flags(several)}: recipe {recipe.name} has one stage and takes one value. Received: {wanted[several[0]]}")
    recipe = dataclasses.replace(recipe, **wanted)
    recipe = with_policy(recipe, options.policy) if options.policy else recipe
    recipe = _taught(recipe, options)
    return recipe if options.rollouts is None else dataclasses.replace(recipe, loss={**recipe.loss, "rollouts": options.rollouts})


def _taught(recipe, options):
    """The recipe with sequences for a teacher, if there are any."""
    settings = {"kind": options.supervision, "share": options.share, "until": options.until}
    settings = {name: value for name, value in settings.items() if value is not None}
    if not options.sequences:
        if settings:
            raise UserError("--supervision, --share and --until say how --sequences teach; give their folder too.")
        return recipe
    if options.policy:
        raise UserError(f"--sequences teach the model's own policy; --policy {options.policy} has none.")
    folder = str(pathlib.Path(options.sequences).expanduser().resolve())
    taught = {"kind": "near_optimal", "share": 0.5, "until": 0.2, **settings}
    return dataclasses.replace(recipe, teacher={"sequences": folder, **taught})


def _changed_stages(recipe, wanted, options):
    """The recipe of several stages with what the command line says instead, in every stage."""
    single = [name for name in ("policy", "sequences", "supervision", "share", "until") if getattr(options, name) is not None]
    if single:
        raise UserError(f"{_flags(single)}: for recipes of one stage, which {recipe.name} is not.")
    if recipe.train_size and "image_size" in wanted:
        wanted["train_size"] = round(recipe.train_size * wanted["image_size"] / recipe.image_size)
    in_stages = {name: wanted.pop(name) for name in ("epochs", "learning_rate") if name in wanted}
    for name, values in in_stages.items():
        if isinstance(values, tuple) and len(values) != len(recipe.stages):
            raise UserError(f"{_flags([name])}: recipe {recipe.name} has {len(recipe.stages)} stages. Received: {len(values)} values")
    recipe = changed_stages(dataclasses.replace(recipe, **wanted), **in_stages)
    return recipe if options.rollouts is None else _with_rollouts(recipe, options.rollouts)


def _with_rollouts(recipe, rollouts):
    """So many trajectories an image in the stage that learns by REINFORCE."""

    def drawn(stage):
        return dataclasses.replace(stage, loss={**stage.loss, "rollouts": rollouts}) if stage.name == "reinforce" else stage

    return dataclasses.replace(recipe, stages=tuple(map(drawn, recipe.stages)))


def _flags(names):
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)


def _add_evaluate(commands):
    command = commands.add_parser("evaluate", help="error of a trained model", description="Error of a run or a preset on a split.")
    _add_model(command)
    _add_data(command)
    command.add_argument("--split", choices=("train", "validation", "test"), help="default: test")
    command.add_argument("--rollouts", type=_count, default=1, help="1: the deterministic one (default); more: sampled and averaged")
    policies = ("random", "centre", "ordered_logits", "sobel_mean", "sobel_variance")
    command.add_argument("--policy", choices=policies, help="who chooses the places, the last three for a Saccader; default: the model")
    command.add_argument("--num-glimpses", type=_count, help="looks of a Saccader; default: as many as it was trained with")
    command.add_argument("--seed", type=_seed, default=0, help="of draws")
    command.add_argument("--threshold", type=float, help="of a model that stops; default: what the search found, if it is a search's")
    command.add_argument("--json", action="store_true", help="print one line of JSON")
    command.set_defaults(run=_evaluate)


def _evaluate(options):
    from tf_glimpse.training.finished import evaluate_finished, open_finished

    finished = open_finished(options.workdir, options.preset)
    how = (options.split, options.policy, options.rollouts, options.seed, options.threshold, options.num_glimpses)
    results = evaluate_finished(finished, *how, **_data(options))
    if options.json:
        print(json.dumps(results))
        return
    how = "one deterministic rollout" if options.rollouts == 1 else f"{options.rollouts} sampled rollouts averaged"
    how = how if results["policy"] == "own" else f"{results['policy']} places"
    print(
        f"{results['split']} error {results['error_percent']:.2f} % of {results['examples']} images: {results['num_glimpses']} looks, {how}"
    )
    if "threshold" in results:
        error, looks = results["adaptive_error_percent"], results["mean_glimpses"]
        print(f"stopping at an expected gain of {results['threshold']:.3g}: {error:.2f} %, {looks:.2f} looks on average")


def _add_draw(commands):
    command = commands.add_parser("draw", help="draw where a model looks", description="Writes OUT.png, and OUT.gif of the first.")
    _add_images(command)
    command.add_argument("--out", default="glimpses", help="path without ending (%(default)s)")
    command.set_defaults(run=_draw)


def _draw(options):
    from tf_glimpse.training.finished import draw_finished, open_finished

    images = _images(options)
    finished = open_finished(options.workdir, options.preset)
    for path in draw_finished(finished, options.out, images, options.count, **_data(options)):
        print(path)


def _add_images(command):
    """A model, and images of one's own or of a split."""
    _add_model(command)
    command.add_argument("images", nargs="*", metavar="IMAGE", help="files; images of the test split if there are none")
    _add_data(command)
    command.add_argument("--count", type=_count, default=6, help="how many of the test split (%(default)s)")


def _images(options):
    """The files; with a preset argparse has taken the first one for the run's folder."""
    if not (options.preset and options.workdir):
        return options.images
    first, options.workdir = options.workdir, None
    return [first, *options.images]


def _add_explain(commands):
    command = commands.add_parser(
        "explain", help="one page: where it looked and what that told it", description="Writes a page that needs no other file."
    )
    _add_images(command)
    command.add_argument("--out", default="report.html", help="the page (%(default)s)")
    command.add_argument("--pictures", action="store_true", help="also write a PNG, and a GIF of the first image, beside it")
    command.add_argument("--vae", metavar="FILE", help="take this autoencoder instead of the run's or the preset's own")
    command.add_argument("--fit-vae", type=_count, metavar="EPOCHS", help="first train the run's autoencoder, into its folder")
    command.set_defaults(run=_explain)


def _explain(options):
    images = _images(options)
    from tf_glimpse.training.explained import explain_finished
    from tf_glimpse.training.finished import open_finished

    finished = open_finished(options.workdir, options.preset)
    wanted = {"workdir": options.workdir, "vae": options.vae, "fit_epochs": options.fit_vae, "pictures": options.pictures}
    _, paths = explain_finished(finished, options.out, images, options.count, **wanted, **_data(options))
    for path in paths:
        print(path)


def _add_export(commands):
    command = commands.add_parser("export", help="write a SavedModel", description="Writes OUT/VERSION, for servers.")
    _add_model(command)
    command.add_argument("--out", required=True, help="folder of the model's versions")
    command.add_argument("--version", type=_count, help="default: one more than the highest there")
    command.add_argument("--no-warm-up", action="store_true", help="write no warm-up records (they need the extra `serve`)")
    command.set_defaults(run=_export)


def _export(options):
    from tf_glimpse.export import export_model
    from tf_glimpse.training.finished import open_finished

    sizes = {"warm_up_batch_sizes": ()} if options.no_warm_up else {}
    print(export_model(open_finished(options.workdir, options.preset).model, options.out, options.version, **sizes))


def _add_search(commands):
    command = commands.add_parser(
        "search",
        help="search architectures under a budget of operations",
        description="Writes frontier.csv, frontier.png, best.keras and best.json. Called again, goes on.",
    )
    command.add_argument("family", choices=("ram", "saccader", "mobilenet_v2", "shufflenet_v2"))
    command.add_argument("--data", required=True, help="a set's name or a folder of images")
    command.add_argument("--workdir", required=True, help="folder of the search")
    command.add_argument("--budget-mflops", type=_rate, default=0.5, help="an image, on average; a multiply-add counts two (%(default)s)")
    command.add_argument("--max-trials", type=_count, default=20, help="(%(default)s)")
    command.add_argument("--epochs", type=_count, default=10, help="of a trial, each at least a pass of the data (%(default)s)")
    command.add_argument("--oracle", choices=("bayesian", "hyperband", "random"), default="bayesian", help="(%(default)s)")
    command.add_argument("--workers", type=_count, default=1, help="processes that share the trials (%(default)s)")
    command.add_argument("--space", metavar="FILE", help="JSON of lists of choices by name, for those that are not the family's own")
    command.add_argument("--sequences", help="folder of `tf-glimpse sequences`, which teach a ram's policy: trials may then be shorter")
    command.add_argument("--supervision", choices=("near_optimal", "heuristic", "random"), default="near_optimal", help="what of them")
    _add_sources(command)
    command.add_argument("--seed", type=_seed, default=0)
    command.set_defaults(run=_search)


def _search(options):
    given = {name: value for name, value in vars(options).items() if name not in ("run", "workers", "space")}
    from tf_glimpse.search import read_space, search_architectures

    best = search_architectures(**given, num_workers=options.workers, space=read_space(options.space))
    if best:
        point = f"{100 * best['accuracy']:.2f} % of validation at {best['mflops']:.3f} MFLOP"
        print(f"best: {point}, trial {best['trial']}; model in {options.workdir}/best.keras")


def _add_serve(commands):
    command = commands.add_parser("serve", help="answer REST requests", description="Serves the highest version in a folder.")
    command.add_argument("path", help="folder that `tf-glimpse export --out` wrote")
    command.add_argument("--name", default="model", help="the model's name in URLs (%(default)s)")
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    command.add_argument("--port", type=int, default=8501, help="0 takes a free one (%(default)s)")
    command.add_argument("--max-body-bytes", type=_count, help="longest request")
    command.add_argument("--max-pixels", type=_count, help="most pixels in a request's images")
    command.set_defaults(run=_serve)


def _serve(options):
    from tf_glimpse.server import serve

    limits = {name: getattr(options, name) for name in ("max_body_bytes", "max_pixels") if getattr(options, name)}
    url = f"/v1/models/{options.name}:predict"
    serve(
        options.path, options.name, options.port, options.host, ready=lambda base: print(f"Ready: POST {base}{url}", flush=True), **limits
    )


def _add_demo(commands):
    command = commands.add_parser("demo", help="the whole way in five minutes", description="Trains, evaluates, draws, serves, asks.")
    command.add_argument("--workdir", default="demo", help="folder for what it makes (%(default)s)")
    command.set_defaults(run=_demo)


def _demo(options):
    from tf_glimpse.demo import run_demo

    run_demo(options.workdir)


def _add_model(command):
    command.add_argument("workdir", nargs="?", help="folder of a finished run")
    command.add_argument("--preset", help="a model that ships with the package, instead of a folder")


def _add_data(command):
    command.add_argument("--data", help="a set's name or a folder of images, instead of the recipe's")
    _add_sources(command)


def _add_sources(command):
    """Where data lie, and how their images are read."""
    command.add_argument("--image-size", type=_count, help="side that images are brought to")
    command.add_argument("--manual-dir", help="folder with files already downloaded, one folder a set")
    command.add_argument("--data-dir", help="where prepared sets lie (~/tensorflow_datasets)")
    command.add_argument("--skip-corrupt", action="store_true", help="leave out images that cannot be decoded")


def _data(options):
    return {name: getattr(options, name) for name in ("data", "image_size", "manual_dir", "data_dir", "skip_corrupt")}


def _count(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"wants a whole number of at least 1, got {text}")
    return int(text)


def _rate(text):
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"wants a number above 0, got {text}")
    return rate


def _each(kind):
    """A reader of one value of a kind, or of several with commas between them, as a tuple."""

    def read(text):
        values = tuple(kind(part) for part in text.split(","))
        return values if len(values) > 1 else values[0]

    read.__name__ = kind.__name__
    return read


def _share(text):
    if not 0 < _rate(text) <= 1:
        raise argparse.ArgumentTypeError(f"wants a number above 0, at most 1, got {text}")
    return float(text)


def _seed(text):
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"wants a whole number from 0 to 2**31 - 1, got {text}")
    return int(text)


def _seeds(text):
    seeds = [_seed(part) for part in text.split(",")]
    if len(seeds) < 2 or len(set(seeds)) < len(seeds):
        raise argparse.ArgumentTypeError(f"wants at least two different seeds, such as 0,1,2, got {text}")
    return seeds


if __name__ == "__main__":
    sys.exit(main())
