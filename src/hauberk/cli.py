"""The command line: `hauberk COMMAND ...`, where the commands are the files of `hauberk.commands`.

Results go to standard output, progress and errors to standard error. Exit status: 0, 1 after an error that the message
explains, 2 for a command line that cannot be parsed; 130 when interrupted and 143 when terminated (`__main__`).
"""

import os
import re
import sys
import traceback
from argparse import Action, ArgumentParser, Namespace
from types import ModuleType
from typing import Any, NoReturn

from rich.console import Console

import hauberk
from hauberk.allocator import keep_freed_memory
from hauberk.commands import audit, cascade, compare, demo, evaluate, export, info, report, sweep, train
from hauberk.commands.loudness import loudness_options, warnings_in_lines
from hauberk.errors import InputError
from hauberk.failures import complain, told
from hauberk.suggestion import nearest

COMMANDS: dict[str, ModuleType] = {
    "audit": audit,
    "demo": demo,
    "train": train,
    "evaluate": evaluate,
    "cascade": cascade,
    "report": report,
    "compare": compare,
    "export": export,
    "sweep": sweep,
    "info": info,
}


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status."""
    console = Console(stderr=True)
    try:
        options = parsed(sys.argv[1:] if arguments is None else arguments)
    except InputError as error:
        complain(f"{error} (hauberk --help lists commands and options)", console)
        raise SystemExit(2) from None
    keep_freed_memory()
    try:
        with warnings_in_lines(options, console):
            COMMANDS[options.command].run(options, console)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output has seen enough: what is left of it goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if options.verbose:
            traceback.print_exc()
        complain(told(error), console)
        return 1
    return 0


class Parser(ArgumentParser):
    """A parser that raises what is wrong instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        """Raise a mistake in the command line."""
        raise InputError(message)


class Version(Action):
    """An option that prints the version."""

    def __call__(self, parser: ArgumentParser, *_: Any) -> NoReturn:
        print(f"hauberk {hauberk.__version__}")
        parser.exit()


def parsed(arguments: list[str]) -> Namespace:
    """Return what a command line says.

    Raises:
        InputError: it cannot be parsed; the message says why, and may suggest a correction.
    """
    try:
        options, unknown = parser().parse_known_args(arguments)
    except InputError as error:
        meant = "" if not arguments or arguments[0] in COMMANDS else nearest(arguments[0], list(COMMANDS))
        raise InputError(f"{error}{meant}") from None
    if unknown:
        known = re.findall(r"--[\w-]+", options.parser.format_usage())
        meant = nearest(unknown[0].partition("=")[0], known)
        raise InputError(f"hauberk {options.command} does not take {' '.join(unknown)!r}{meant}")
    return options


def parser() -> Parser:
    """Return the parser for all commands and their options."""
    parser = Parser(
        prog="hauberk", allow_abbrev=False, description="Make classifiers robust, and prove how robust they are."
    )
    parser.add_argument("--version", action=Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(required=True, dest="command", metavar="COMMAND")
    for name, command in COMMANDS.items():
        text = str(command.__doc__)
        own = commands.add_parser(name, allow_abbrev=False, description=text, help=text[0].lower() + text[1:-1])
        command.options(own)
        loudness_options(own)
        own.set_defaults(parser=own)
    return parser
