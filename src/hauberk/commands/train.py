"""Train what a recipe describes."""

from argparse import ArgumentParser, Namespace

from rich.console import Console

from hauberk.commands.choosing import RECIPE, chosen, recipe_options, run_name
from hauberk.commands.loudness import progress
from hauberk.commands.team import end_together, team
from hauberk.commands.watched import watch_option, watched


def options(parser: ArgumentParser) -> None:
    """Add the command's options to a parser."""
    parser.add_argument("recipe", help=RECIPE)
    recipe_options(parser)
    watch_option(parser)


def run(options: Namespace, console: Console) -> None:
    """Train a recipe and print the run's folder."""
    tree = chosen(options)
    from hauberk import workflow
    from hauberk.display import Display

    folder, first = team(options, console)
    with Display(progress(options, console)) as display, watched(options, folder, display.training) as watch:
        workflow.train(tree, folder, resume=options.resume, watch=watch, name=run_name(options))
    if first:
        print(folder)
    end_together()
