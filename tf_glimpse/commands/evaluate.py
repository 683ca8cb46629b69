"""`tf-glimpse evaluate`: the error of a run or a preset."""

import json

from tf_glimpse.commands import arguments
from tf_glimpse.policies import POLICIES


def add(commands):
    """Adds the command and its arguments."""
    command = commands.add_parser("evaluate", help="error of a trained model", description="Error of a run or a preset on a split.")
    arguments.add_model(command)
    arguments.add_data(command)
    command.add_argument("--split", choices=("train", "validation", "test"), help="default: test")
    command.add_argument(
        "--rollouts", type=arguments.count, default=1, help="1: the deterministic one (default); more: sampled and averaged"
    )
    there = "; ".join(f"{name}{':K' if row.looks else ''}, {row.meaning}" for name, row in POLICIES.items() if not row.cells)
    of_cells = ", ".join(name for name, row in POLICIES.items() if row.cells)
    meaning = f"who chooses the places instead of the model: {there}; for a Saccader also {of_cells}"
    command.add_argument("--policy", type=arguments.policy, metavar="NAME", help=meaning)
    command.add_argument("--num-glimpses", type=arguments.count, help="looks of a Saccader; default: as many as it was trained with")
    command.add_argument("--seed", type=arguments.seed, default=0, help="of draws")
    command.add_argument("--threshold", type=float, help="of a model that stops; default: what the search found, if it is a search's")
    command.add_argument(
        "--mistakes", metavar="FILE", help="write a picture of the wrong answers that it was surest of, such as mistakes.png"
    )
    command.add_argument("--json", action="store_true", help="print one line of JSON")
    command.set_defaults(run=run)


def run(options):
    """Runs it."""
    finished = arguments.opened(options)
    from tf_glimpse.commands.class_table import class_table
    from tf_glimpse.training.finished import evaluate_finished

    how = (options.split, options.policy, options.rollouts, options.seed, options.threshold, options.num_glimpses, options.mistakes)
    results = evaluate_finished(finished, *how, **arguments.data_of(options))
    if options.json:
        print(json.dumps(results))
        return
    how = "one deterministic rollout" if options.rollouts == 1 else f"{options.rollouts} sampled rollouts averaged"
    how = how if results["policy"] == "own" else f"{results['policy']} places"
    print(
        f"{results['split']} error {results['error_percent']:.2f} % of {results['examples']} images: {results['num_glimpses']} looks, {how}"
    )
    print("\n".join(class_table(results)))
    if "mistakes_drawn" in results:
        count = results["mistakes_drawn"]
        print(f"{options.mistakes}: the {count} surest mistakes" if count else f"no mistakes; {options.mistakes} was not written")
    if "threshold" in results:
        error, looks = results["adaptive_error_percent"], results["mean_glimpses"]
        print(f"stopping at an expected gain of {results['threshold']:.3g}: {error:.2f} %, {looks:.2f} looks on average")
