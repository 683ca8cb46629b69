"""`tf-glimpse recipes`: the published set-ups."""

import dataclasses
import json

from tf_glimpse.training.recipes import RECIPES, get_recipe


def add(commands):
    """Adds the command and its arguments."""
    command = commands.add_parser("recipes", help="list the recipes, or show one", description="Lists the recipes, or shows one as JSON.")
    command.add_argument("recipe", nargs="?", help="show this one whole")
    command.set_defaults(run=run)


def run(options):
    """Runs it."""
    if options.recipe:
        print(json.dumps(dataclasses.asdict(get_recipe(options.recipe)), indent=1))
        return
    for name, maker in RECIPES.items():
        print(f"{name:{max(map(len, RECIPES))}} {maker().description}")
