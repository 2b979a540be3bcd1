"""Export the results of runs for other programs: records, summaries, a table, or a leaderboard's entry."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.console import Console

from hauberk.commands.given_runs import given_runs

FORMATS = {
    "csv": "a row per example",
    "json": "summaries with intervals and provenance",
    "latex": "a table",
    "robustbench": "a model's keys",
}


def options(parser: ArgumentParser) -> None:
    """Add the command's options to a parser."""
    said = "; ".join(f"{name}: {what}" for name, what in FORMATS.items())
    parser.add_argument("runs", nargs="+", help="folders of runs, or of single evaluations")
    parser.add_argument("--format", choices=FORMATS, required=True, help=said)
    parser.add_argument("--output", help="a file (default: standard output, which gets nothing else)")


def run(options: Namespace, console: Console) -> None:
    """Write the results of some runs to a file, or to standard output."""
    from hauberk.atomic import write_text
    from hauberk.reports.exports import export

    text = export(given_runs(options.runs), options.format)
    if options.output is None:
        sys.stdout.write(text)
    else:
        write_text(Path(options.output), text)
