"""Train, attack, prove and report in one go: by default an MNIST classifier."""

import time
from argparse import ArgumentParser, Namespace

from rich.console import Console

from hauberk.commands.choosing import RECIPE, chosen, recipe_options, run_name
from hauberk.commands.loudness import progress
from hauberk.commands.team import end_together, team

DEFAULT = "mnist-demo"


def options(parser: ArgumentParser) -> None:
    """Add the command's options to a parser."""
    parser.add_argument("recipe", nargs="?", default=DEFAULT, help=f"{RECIPE} (default: {DEFAULT})")
    recipe_options(parser)


def run(options: Namespace, console: Console) -> None:
    """Train, evaluate and report, and end with one line."""
    tree, began = chosen(options), time.monotonic()
    from hauberk import workflow
    from hauberk.display import Display
    from hauberk.reports import headline_line, write_report

    folder, first = team(options, console)
    with Display(progress(options, console)) as display:
        workflow.train(tree, folder, resume=options.resume, watch=display.training, name=run_name(options))
        summary = workflow.evaluate(folder, [], display.evaluation) if first else None
    if summary is not None:
        report = write_report(workflow.family(folder), folder / "report.html")
        print(headline_line(summary, time.monotonic() - began, report))
    end_together()
