"""Several runs in one table in a terminal, with paired differences to the first."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hauberk.errors import InputError
from hauberk.pixel_fractions import as_decimals
from hauberk.reports.accuracies import Share
from hauberk.reports.comparison import (
    QUESTIONS,
    Difference,
    Seeds,
    Spread,
    differences,
    method,
    minutes,
    over_seeds,
    same_examples,
)
from hauberk.reports.families import distinct_names, shown
from hauberk.reports.run_files import Run, read_runs
from hauberk.reports.tables import percent, percent_interval, points, points_interval

MEASURES = ("clean", "attacked", "certified")
PIPED = 120
"""The width of the table where there is no terminal."""
ASKED = {"subject": lambda run: run.summary.subject, "threat": QUESTIONS["threats"], "data set": QUESTIONS["data"]}
"""Questions whose answers two runs must share for a paired difference, besides their examples."""


def print_comparison(folders: Sequence[Path], console: Console) -> None:
    """Print a row for each run and evaluation, the means over seeds, and why some are not compared with the first.

    Raises:
        InputError: there are fewer than two, or a run's file is missing or corrupt.
    """
    runs = read_runs(folders)
    if len(runs) < 2:
        raise InputError(
            f"a comparison takes two runs or evaluations, but here is {len(runs)}: pass more folders, or judge a "
            "run once more by `hauberk evaluate RUN --as NAME`."
        )
    if not console.is_terminal:
        console.width = PIPED
    names, first = distinct_names(runs), runs[0]
    named = {run.folder: name for name, run in zip(names, runs, strict=True)}
    table = Table()
    table.add_column("run, and how it was trained", overflow="fold")
    for measure in MEASURES:
        table.add_column(measure, justify="right", no_wrap=True)
    remarks = []
    for name, run in zip(names, runs, strict=True):
        obstacles = [] if run is first else obstacles_between(run, first)
        found = {} if run is first or obstacles else {one.measure: one for one in differences(run, first)[1]}
        shares = (cell(run.summary.share(measure), found.get(measure)) for measure in MEASURES)
        table.add_row(Text.assemble((name, "bold"), "\n", trained_by(run)), *shares, end_section=run is runs[-1])
        if obstacles:
            remarks.append(f"{name} is not compared with {names[0]}: {' and '.join(obstacles)}.")
    for seeds in over_seeds(runs):
        names_of = ", ".join(named[run.folder] for run in seeds.runs)
        about = Text.assemble((f"mean of {names_of}", "bold"), "\n", trained_over(seeds))
        table.add_row(about, *(mean(seeds.spread(measure)) for measure in MEASURES))
    console.print(Text(heading(first, names[0])), table, sep="\n")
    for remark in remarks:
        console.print(Text(remark), style="yellow")


def heading(first: Run, name: str) -> str:
    """Return what the numbers in the table mean."""
    summary = first.summary
    sure = f"exact {summary.confidence * 100:g} % interval"
    what = f"{shown(summary.threat)} | {summary.examples:,} examples of {shown(first.about.dataset)}"
    return f"{what} | below each share its {sure}, and the difference to {name} in points with its own"


def obstacles_between(run: Run, first: Run) -> list[str]:
    """Return the reasons why a run has no paired difference to the first; none if they answer the same question."""
    found = [
        f"its {what} is {shown(of(run))}, not {shown(of(first))}"
        for what, of in ASKED.items()
        if as_decimals(of(run)) != as_decimals(of(first))
    ]
    if not found and not same_examples(run, first):
        found = [f"its {len(run.records):,} examples are not the same as those {len(first.records):,}"]
    return found


def trained_by(run: Run) -> str:
    """Return how a network was trained, and its size, a line each."""
    time = minutes(run)
    lines = [method(run), f"seed {run.about.seed}", "" if time is None else f"{time:.1f} min"]
    return "\n".join(shown(line) for line in [*lines, f"{run.about.parameters:,} parameters"] if line)


def cell(share: Share | None, difference: Difference | None) -> str:
    """Return a share with its interval, and the difference to the first run with its own, a line each."""
    if share is None:
        return "–"
    lines = [percent(share.share), percent_interval(share)]
    if difference is not None:
        lines += [f"Δ {points(difference.share)}", points_interval(difference.low, difference.high)]
    return "\n".join(lines)


def trained_over(seeds: Seeds) -> str:
    """Return how the networks of several seeds were trained, with the mean of the times, a line each."""
    times = [time for run in seeds.runs if (time := minutes(run)) is not None]
    lines = [method(seeds.runs[0]), f"seeds {', '.join(map(str, seeds.seeds))}"]
    lines += [f"{fmean(times):.1f} min on average"] if len(times) == len(seeds.runs) else []
    return "\n".join(shown(line) for line in lines if line)


def mean(spread: Spread | None) -> str:
    """Return a mean with its standard deviation, a line each."""
    return "–" if spread is None else f"{percent(spread.mean)}\n± {100 * spread.deviation:.2f}"
