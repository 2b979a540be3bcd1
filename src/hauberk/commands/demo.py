"""Train, attack, prove and report in one go: by default an MNIST classifier."""

import time
from argparse import ArgumentParser, Namespace

from rich.console import Console

from hauberk.commands.choosing import RECIPE, chosen, recipe_options, run_name
from hauberk.commands.loudness import progress
from hauberk.commands.team import end_together, team
from hauberk.commands.watched import watch_option, watched

DEFAULT = "mnist-demo"


def options(parser: ArgumentParser) -> None:
    """Add the command's options to a parser."""
    parser.add_argument("recipe", nargs="?", default=DEFAULT, help=f"{RECIPE} (default: {DEFAULT})")
    recipe_options(parser)
    watch_option(parser)


def run(options: Namespace, console: Console) -> None:
    """Train, evaluate and report, and end with one line, after one for each variant."""
    tree, began = chosen(options), time.monotonic()
    from hauberk import workflow
    from hauberk.display import Display
    from hauberk.reports import headline, headline_line, write_report

    folder, first = team(options, console)
    with Display(progress(options, console)) as display:
        with watched(options, folder, display.training) as watch:
            workflow.train(tree, folder, resume=options.resume, watch=watch, name=run_name(options))
        found = workflow.evaluate(folder, [], display.evaluation) if first else {}
    if found:
        report = write_report(workflow.family(folder), folder / "report.html")
        own = found.pop("")
        for variant, summary in found.items():
            print(f"{variant}: {headline(summary)}")
        print(headline_line(own, time.monotonic() - began, report))
    end_together()
