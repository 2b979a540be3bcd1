"""Print versions, devices, recipes, operators and classes."""

from argparse import ArgumentParser, Namespace

from rich.console import Console


def options(parser: ArgumentParser) -> None:
    """Add the command's options to a parser."""


def run(options: Namespace, console: Console) -> None:
    """Print an overview of what there is to choose from."""
    from hauberk.overview import overview

    for line in overview():
        print(line)
