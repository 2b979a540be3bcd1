"""Write the HTML report of a run, or compare several."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.console import Console

from hauberk.commands.given_runs import given_runs


def options(parser: ArgumentParser) -> None:
    """Add the command's options to a parser."""
    parser.add_argument("runs", nargs="+", help="folders of runs, or of single evaluations")
    parser.add_argument("--output", help="the page (default: report.html in the first folder)")


def run(options: Namespace, console: Console) -> None:
    """Write the report of some runs and print its path."""
    from hauberk.reports import write_report

    runs = given_runs(options.runs)
    print(write_report(runs, Path(options.output) if options.output else runs[0] / "report.html"))
