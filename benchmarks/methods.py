"""Compare training methods, one row per run: clean, attacked and certified accuracy, and cost.

    python benchmarks/methods.py RUN... [--csv FILE]

Reads what `hauberk train` and `hauberk evaluate` have left in the runs' folders, and prints a Markdown table. Intervals
are exact, at 95 %; "open" counts the examples that are neither broken nor proven. Minutes are processor time in
training, from the journal.
"""

import argparse
import csv
from pathlib import Path

from hauberk.reports.run_files import Run, read_run
from hauberk.reports.summary import Share


def main() -> None:
    """Print the table of the runs."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    rows = [row(read_run(folder)) for folder in options.runs]
    rows.sort(key=lambda cells: (cells["eps"], cells["method"]))
    print(f"| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}")
    for cells in rows:
        print(f"| {' | '.join(map(str, cells.values()))} |")
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


def row(run: Run) -> dict[str, object]:
    """Return the cells of a run, by heading."""
    training, summary = run.training, run.summary
    seconds = training.last.cpu_seconds if training else None
    return {
        "method": run.name.removesuffix(f"-{summary.eps:g}"),
        "eps": summary.eps,
        "examples": summary.examples,
        "clean": percent(summary.clean),
        "attacked": percent(summary.attacked),
        "certified": percent(summary.certified),
        "proven by": ", ".join(f"{one.name} {one.certified}" for one in summary.verifiers if one.certified) or "–",
        "open": summary.attacked.count - summary.certified.count,
        "epochs": round(training.last.epoch) if training else "",
        "minutes": "" if seconds is None else f"{seconds / 60:.1f}",
    }


def percent(share: Share) -> str:
    """Return a share and its interval in percent."""
    return f"{100 * share.share:.2f} ({100 * share.low:.2f} – {100 * share.high:.2f})"


if __name__ == "__main__":
    main()
