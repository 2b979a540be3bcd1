"""Options that choose a recipe and the folder of its run, and what they choose."""

from argparse import ArgumentParser, Namespace
from datetime import datetime
from pathlib import Path
from typing import Any

from hauberk.commands.machine import machine_options
from hauberk.recipe_text.alternatives import variant
from hauberk.recipe_text.reading import read_recipe

RECIPE = "a YAML file, or a shipped recipe (see hauberk info)"
SCALE = "a scale of the recipe: smoke, a trial of all it does, on a few made-up examples, in about a minute"
VARIANT = "one of the recipe's variants, in place of the recipe and all of them"
SET = "key=value, as in trainer.epochs=3: change the recipe; repeatable"
CODE = (
    "import the classes that the recipe names outside Hauberk and torch, from the working folder or elsewhere: this "
    "runs their code, so trust it first"
)


def change_options(parser: ArgumentParser) -> None:
    """Add the options that change a recipe."""
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=SET)
    parser.add_argument("--seed", type=int, metavar="N", help="the recipe's seed, as --set seed=N")
    parser.add_argument("--allow-code", action="store_true", help=CODE)


def recipe_options(parser: ArgumentParser) -> None:
    """Add the options of every command that trains a recipe, besides the recipe itself."""
    parser.add_argument("--scale", help=SCALE)
    parser.add_argument("--variant", help=VARIANT)
    parser.add_argument("--run", metavar="FOLDER", help="folder of the run (default: new, in runs/)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in that folder")
    change_options(parser)
    machine_options(parser)


def chosen(options: Namespace) -> dict[str, Any]:
    """Return the tree of the recipe that the options describe; its classes may be wrong still."""
    tree = read_recipe(options.recipe, changes(options), options.scale)
    if options.allow_code:
        from hauberk.recipe import import_code

        import_code(tree)
    return tree if options.variant is None else variant(tree, options.variant)


def changes(options: Namespace) -> list[str]:
    """Return the changes `key.path=value` to a recipe, in their order."""
    return options.set if options.seed is None else [*options.set, f"seed={options.seed}"]


def run_name(options: Namespace) -> str:
    """Return the names of the recipe, its variant and its scale, joined."""
    return "-".join(filter(None, [Path(options.recipe).stem, options.variant, options.scale]))


def run_folder(given: str | None, name: str) -> Path:
    """Return the given folder, or a new one named after `name` and the time."""
    return Path(given) if given else Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
