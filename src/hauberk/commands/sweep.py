"""Train a recipe at several values of its keys, and draw clean against certified accuracy."""

from argparse import ArgumentParser, Namespace

from rich.console import Console

from hauberk.commands.choosing import RECIPE, chosen, recipe_options, run_folder, run_name
from hauberk.commands.loudness import progress
from hauberk.commands.machine import prepare

OVER = "key=values, as in 'trainer.epochs=[5, 10]', or {low: 1, high: 9, log: true} to draw from; repeatable"
RANDOM = "how many points to draw (default: all combinations of the values)"


def options(parser: ArgumentParser) -> None:
    """Add the command's options to a parser."""
    parser.add_argument("recipe", help=RECIPE)
    parser.add_argument("--over", action="append", default=[], help=OVER)
    parser.add_argument("--random", type=int, help=RANDOM)
    recipe_options(parser)


def run(options: Namespace, console: Console) -> None:
    """Train and judge a recipe at several points, and print them and the path of their page."""
    tree = chosen(options)
    from hauberk import sweeping
    from hauberk.recipe import drawn, grid, searched
    from hauberk.reports import print_search, write_search

    prepare(options)
    values = searched(options.over)
    points = grid(values) if options.random is None else drawn(values, options.random, tree.get("seed", 0))
    folder = run_folder(options.run, f"{run_name(options)}-sweep")
    search = sweeping.sweep(tree, points, folder, resume=options.resume, console=progress(options, console))
    page = write_search(search)
    print_search(search, Console())
    print(page)
