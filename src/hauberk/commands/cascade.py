"""Train networks in turn, each on what those before it cannot certify, and judge them together."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.console import Console

from hauberk.commands.choosing import RECIPE, chosen, recipe_options
from hauberk.commands.loudness import progress
from hauberk.commands.team import end_together, team


def options(parser: ArgumentParser) -> None:
    """Add the command's options to a parser."""
    parser.add_argument("recipe", help=RECIPE)
    recipe_options(parser)
    parser.add_argument("--stages", type=int, required=True, help="how many networks at most")
    parser.add_argument("--first", help="folder of a run: takes it as first stage")


def run(options: Namespace, console: Console) -> None:
    """Train and judge a cascade, and print its errors and folder."""
    tree, first = chosen(options), Path(options.first) if options.first else None
    from hauberk import cascades
    from hauberk.display import Display
    from hauberk.reports import print_cascade

    folder, main_process = team(options, console)
    with Display(progress(options, console)) as display:
        stages = cascades.train(tree, folder, options.stages, first=first, resume=options.resume, display=display)
        summary = cascades.evaluate(folder, stages, display) if main_process else None
    if summary is not None:
        print_cascade(summary, Console())
        print(folder)
    end_together()
