"""Measure how far dual bounds lie below the optima of the linear programs that they bound.

    python benchmarks/duality_gap.py RUN [RUN ...] --csv FILE [--examples 10]

Every margin of the first test examples of finished runs, by the dual network (parallel slopes), by CROWN and by
the linear program, all with the same hidden boxes: CROWN's. Prints one table; the CSV file has one row per margin, in
columns network, lp, dual and crown.
"""

import argparse
import csv
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from safetensors.torch import load_file

from hauberk.bounds import BackwardLinear, LinearProgram
from hauberk.capture import capture
from hauberk.concepts.slopes import Parallel
from hauberk.concepts.specification import LinearSpec
from hauberk.recipe import build, read_recipe

HIDDEN = BackwardLinear()
BOUNDERS = {"lp": LinearProgram(HIDDEN), "dual": BackwardLinear(HIDDEN, Parallel()), "crown": HIDDEN}


def main() -> None:
    """Bound the margins of every run, and print their means."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--examples", type=int, default=10)
    parser.add_argument("--csv", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = Table("network", "margins", "lp", "dual", "crown", title="mean lower bound of a margin")
    with options.csv.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["network", *BOUNDERS])
        for run in options.runs:
            found = margins(run, options.examples)
            writer.writerows([run.name, *(f"{value:.6g}" for value in row)] for row in found.T.tolist())
            table.add_row(run.name, str(found.shape[1]), *(f"{value:.4f}" for value in found.mean(1)))
    Console().print(table)


def margins(run: Path, examples: int) -> torch.Tensor:
    """Return the bounds of every margin, one row per bounder."""
    recipe = build(read_recipe(str(run / "recipe.yaml"), []))
    network = recipe.network
    network.load_state_dict(load_file(run / "model.safetensors"))
    x, y = recipe.data.test().batch(slice(0, examples))
    graph = capture(network.eval(), x)
    S, spec = recipe.threat.at(x), LinearSpec.margins(y, graph.classes)
    with torch.no_grad():
        return torch.stack([bounder(graph.frozen(), S, spec).lower.flatten() for bounder in BOUNDERS.values()])  # pyright: ignore[reportArgumentType]


if __name__ == "__main__":
    main()
