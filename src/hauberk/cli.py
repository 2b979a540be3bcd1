"""The command line: hauberk demo, train, evaluate, cascade, report, sweep, info.

Results go to standard output, progress and errors to standard error. Exit status: 0, 1 after an error that the message
explains, 2 for a command line that cannot be parsed; 130 when interrupted and 143 when terminated (`__main__`).
"""

import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, Namespace
from rich.console import Console

from hauberk.allocator import keep_freed_memory
from hauberk.arguments import parser
from hauberk.failures import complain, told


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status."""
    console = Console(stderr=True)
    try:
        options = parser().parse_args(arguments)
    except ArgumentError as error:
        complain(f"{error} (hauberk --help lists commands and options)", console)
        raise SystemExit(2) from None
    keep_freed_memory()
    try:
        COMMANDS[options.command](options[options.command], console)
        sys.stdout.flush()
        if options.command in ("demo", "train", "cascade"):
            end_together()
    except BrokenPipeError:  # whoever read the output has seen enough: what is left of it goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        complain(told(error), console)
        return 1
    return 0


def demo(options: Namespace, console: Console) -> None:
    """Train, evaluate and report in one go."""
    from hauberk import workflow
    from hauberk.display import Display
    from hauberk.reports import headline_line, write_report

    began = time.monotonic()
    folder, first = team(options, console)
    tree = chosen(options)
    with Display(console) as display:
        workflow.train(tree, folder, resume=options.resume, watch=display.training, name=run_name(options))
        if not first:
            return
        summary = workflow.evaluate(folder, [], display.evaluation)
    report = write_report(workflow.family(folder), folder / "report.html")
    print(headline_line(summary, time.monotonic() - began, report))


def train(options: Namespace, console: Console) -> None:
    """Train a recipe and print the run's folder."""
    from hauberk import workflow
    from hauberk.display import Display

    folder, first = team(options, console)
    tree = chosen(options)
    with Display(console) as display:
        workflow.train(tree, folder, resume=options.resume, watch=display.training, name=run_name(options))
    if first:
        print(folder)


def evaluate(options: Namespace, console: Console) -> None:
    """Evaluate a trained run and print the headline table."""
    from hauberk import workflow
    from hauberk.display import Display
    from hauberk.reports import print_adversaries, print_headline

    if options.allow_code:
        workflow.import_code_of(Path(options.run))
    with Display(console) as display:
        summary = workflow.evaluate(Path(options.run), options.set, display.evaluation)
    print_headline(summary, Console())
    print_adversaries(summary, Console())


def cascade(options: Namespace, console: Console) -> None:
    """Train and judge a cascade, and print its errors and folder."""
    from hauberk import cascades
    from hauberk.display import Display
    from hauberk.reports import print_cascade

    folder, main_process = team(options, console)
    tree, first = chosen(options), Path(options.first) if options.first else None
    with Display(console) as display:
        stages = cascades.train(tree, folder, options.stages, first=first, resume=options.resume, display=display)
        if not main_process:
            return
        summary = cascades.evaluate(folder, stages, display)
    print_cascade(summary, Console())
    print(folder)


def report(options: Namespace, console: Console) -> None:
    """Write the report of some runs and print its path."""
    from hauberk.reports import write_report
    from hauberk.workflow import family

    runs = list(dict.fromkeys(run for given in options.runs for run in family(Path(given))))
    print(write_report(runs, Path(options.output) if options.output else runs[0] / "report.html"))


def sweep(options: Namespace, console: Console) -> None:
    """Train and judge a recipe at several points, and print them and the path of their page."""
    from hauberk import sweeping
    from hauberk.recipe import drawn, grid, searched
    from hauberk.reports import print_search, write_search

    tree, values = chosen(options), searched(options.over)
    points = grid(values) if options.random is None else drawn(values, options.random, tree.get("seed", 0))
    folder = run_folder(options.run, f"{run_name(options)}-sweep")
    search = sweeping.sweep(tree, points, folder, resume=options.resume, console=console)
    page = write_search(search)
    print_search(search, Console())
    print(page)


def info(options: Namespace, console: Console) -> None:
    """Print versions, devices, recipes, operators and classes."""
    from hauberk.overview import overview

    for line in overview():
        print(line)


def chosen(options: Namespace) -> dict[str, Any]:
    """Return the tree of the recipe that the options describe."""
    from hauberk.recipe import import_code, read_recipe, variant

    tree = read_recipe(options.recipe, options.set, options.scale)
    if options.allow_code:
        import_code(tree)
    return tree if options.variant is None else variant(tree, options.variant)


def team(options: Namespace, console: Console) -> tuple[Path, bool]:
    """Return the run's folder, and whether this is the first of the processes that train; others show nothing."""
    from accelerate import PartialState

    from hauberk import workflow

    folder = workflow.agreed(run_folder(options.run, run_name(options)))
    first = PartialState().is_main_process
    console.quiet = not first
    return folder, first


def end_together() -> None:
    """End this process at once if several have trained.

    Some processes that trained together were seen to abort while the interpreter shut down, with all work done.
    """
    from accelerate import PartialState

    if PartialState().num_processes > 1:
        sys.stdout.flush()
        os._exit(0)


def run_name(options: Namespace) -> str:
    """Return the names of the recipe, its variant and its scale, joined."""
    return "-".join(filter(None, [Path(options.recipe).stem, options.variant, options.scale]))


def run_folder(given: str | None, name: str) -> Path:
    """Return the given folder, or a new one named after `name` and the time."""
    return Path(given) if given else Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"


COMMANDS: dict[str, Callable[[Namespace, Console], None]] = {
    "demo": demo,
    "train": train,
    "evaluate": evaluate,
    "cascade": cascade,
    "report": report,
    "sweep": sweep,
    "info": info,
}
