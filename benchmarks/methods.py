"""Compare training methods, one row per run: clean, attacked and certified accuracy, and cost.

    python benchmarks/methods.py RUN... [--csv FILE]

Reads what `hauberk train` and `hauberk evaluate` have left in the runs' folders, or what results/ keeps of them in a
`runs.json`, and prints a Markdown table. Intervals are exact, at 95 %; "open" counts the examples that are neither
broken nor proven. Minutes are processor time in training, from the journal.
"""

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

from hauberk.reports.accuracies import Share
from hauberk.reports.run_files import read_run
from hauberk.reports.summary import Summary
from hauberk.reports.training import Row
from hauberk.reports.typed_json import parse_list, read_text


@dataclass(frozen=True)
class Kept:
    """An entry of runs.json."""

    name: str
    summary: Summary | None = None
    """Of the evaluation; None where there was none, or one of another kind."""
    last: Row | None = None
    """The last line of the journal."""


def main() -> None:
    """Print the table of the runs."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    rows = [row(run.name, run.summary, run.last) for path in options.runs for run in kept(path) if run.summary]
    rows.sort(key=lambda cells: (cells["eps"], cells["method"]))
    print(f"| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}")
    for cells in rows:
        print(f"| {' | '.join(map(str, cells.values()))} |")
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


def kept(path: Path) -> list[Kept]:
    """Return what a file of results/ keeps, or the one run of a folder."""
    if path.suffix == ".json":
        remedy = "pass the runs.json of a folder in results/, or folders of runs."
        return parse_list(read_text(path, remedy), Kept, str(path), remedy)
    run = read_run(path)
    return [Kept(run.name, run.summary, run.training.last if run.training else None)]


def row(name: str, summary: Summary, last: Row | None) -> dict[str, object]:
    """Return the cells of a run, by heading."""
    seconds = last.cpu_seconds if last else None
    attacked, certified = summary.share("attacked"), summary.share("certified")
    return {
        "method": name.removesuffix(f"-{summary.eps:g}"),
        "eps": summary.eps,
        "examples": summary.examples,
        "clean": percent(summary.clean),
        "attacked": percent(attacked),
        "certified": percent(certified),
        "proven by": ", ".join(f"{one.name} {one.certified}" for one in summary.verifiers if one.certified) or "–",
        "open": attacked.count - certified.count if attacked and certified else "–",
        "epochs": round(last.epoch) if last else "",
        "minutes": "" if seconds is None else f"{seconds / 60:.1f}",
    }


def percent(share: Share | None) -> str:
    """Return a share and its interval in percent, or a dash where it was not measured."""
    return "–" if share is None else f"{100 * share.share:.2f} ({100 * share.low:.2f} – {100 * share.high:.2f})"


if __name__ == "__main__":
    main()
