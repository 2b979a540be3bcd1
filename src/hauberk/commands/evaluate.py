"""Attack and prove a trained run; after a kill it goes on where it was."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.console import Console

from hauberk.commands.choosing import change_options, changes
from hauberk.commands.loudness import progress
from hauberk.commands.machine import machine_options, prepare


def options(parser: ArgumentParser) -> None:
    """Add the command's options to a parser."""
    parser.add_argument("run", help="folder of the run")
    parser.add_argument("--as", dest="name", help="name of a further evaluation, kept beside the run's own")
    change_options(parser)
    machine_options(parser)


def run(options: Namespace, console: Console) -> None:
    """Evaluate a trained run, and print its headline table and those of its variants."""
    from hauberk import workflow
    from hauberk.display import Display
    from hauberk.reports import print_adversaries, print_headline

    prepare(options)
    if options.allow_code:
        workflow.import_code_of(Path(options.run), changes(options))
    with Display(progress(options, console)) as display:
        found = workflow.evaluate(Path(options.run), changes(options), display.evaluation, options.name)
    for variant, summary in found.items():
        print_headline(summary, Console(), variant)
        print_adversaries(summary, Console())
