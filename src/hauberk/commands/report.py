"""Write the HTML report of a run, or compare several."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.console import Console


def options(parser: ArgumentParser) -> None:
    """Add the command's options to a parser."""
    parser.add_argument("runs", nargs="+", help="folders of runs")
    parser.add_argument("--output", help="the page (default: report.html in the first folder)")


def run(options: Namespace, console: Console) -> None:
    """Write the report of some runs and print its path."""
    from hauberk.reports import write_report
    from hauberk.workflow import family

    runs = list(dict.fromkeys(run for given in options.runs for run in family(Path(given))))
    print(write_report(runs, Path(options.output) if options.output else runs[0] / "report.html"))
