"""Draw a benchmark's table of results as an SVG file that follows light and dark mode.

    python benchmarks/plots.py FIGURE RESULTS.csv OUTPUT.svg

RESULTS may be Parquet as well. The columns that a figure needs are listed at its function in
`hauberk/reports/benchmark_figures.py`.
"""

import argparse
import sys
from pathlib import Path

import polars as pl

from hauberk.atomic import write_text
from hauberk.errors import HauberkError
from hauberk.reports.benchmark_figures import FIGURES
from hauberk.reports.svg import standalone


def main() -> None:
    """Draw the figure."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("figure", choices=FIGURES)
    parser.add_argument("results", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    table = pl.read_parquet(options.results) if options.results.suffix == ".parquet" else pl.read_csv(options.results)
    try:
        write_text(options.output, standalone(FIGURES[options.figure](table)))
    except HauberkError as error:
        sys.exit(f"error: {error}")
    print(options.output)


if __name__ == "__main__":
    main()
