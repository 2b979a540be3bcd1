"""Measure the errors of spreads that are estimated by medians of random projections.

    python benchmarks/median_error.py --weights RUN/model.safetensors [--examples 100] [--csv FILE]

The spread of a neuron is an l1 norm. Every unstable neuron of the second and third layer of the small network, on the
first MNIST test digits, gives one relative error per number of rows: estimate / exact - 1, both carried through the
same relaxations, those of the exact bounds. The first layer needs no estimate. Every example draws its own
projections. Prints one table; the CSV file holds every error, in columns r and relative_error.
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import torch
from jaxtyping import Float
from rich.console import Console
from rich.table import Table
from safetensors.torch import load_file
from torch import Tensor

from hauberk.architectures import Small
from hauberk.bounds import BackwardLinear
from hauberk.bounds.projected import median
from hauberk.capture import capture
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.rows import Rows
from hauberk.concepts.slopes import Parallel
from hauberk.datasets import MNIST
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.forward_pass import ForwardPass
from hauberk.propagation.projections import CAUCHY, Projections, chosen
from hauberk.threats import LinfBall

ROWS = (10, 50, 100)


def main() -> None:
    """Measure the errors, and print their statistics."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--eps", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    x, _ = MNIST().test().batch(slice(0, options.examples))
    network = Small((1, 28, 28), 10)
    network.load_state_dict(load_file(options.weights))
    graph = capture(network.double().eval(), x[:2].double()).frozen()
    found: dict[int, list[Tensor]] = {rows: [] for rows in ROWS}
    with torch.no_grad():
        for index, digit in enumerate(x.double().split(1)):
            noise = Noise.of(options.seed, torch.tensor([index]))
            for rows, errors in relative_errors(graph, LinfBall(options.eps).at(digit), noise):
                found[rows].append(errors)
    errors = {rows: torch.cat(parts) for rows, parts in found.items()}
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["r", "relative_error"])
            writer.writerows([rows, f"{error:.6g}"] for rows in ROWS for error in errors[rows].tolist())
    title = f"relative error of the median: {options.examples} digits, {len(errors[ROWS[0]])} unstable neurons"
    table = Table("r", "mean", "std", "5 %", "50 %", "95 %", "below the exact one", title=title)
    for rows, values in errors.items():
        figures = [values.mean(), values.std(), *values.quantile(values.new_tensor([0.05, 0.5, 0.95]))]
        table.add_row(str(rows), *(f"{figure:.3f}" for figure in figures), f"{(values < 0).double().mean():.1%}")
    Console().print(table)


def relative_errors(graph: FrozenGraph, S: CertifiableSet, noise: Noise) -> Iterator[tuple[int, Float[Tensor, "n"]]]:
    """Yield the numbers of rows, each with the errors of all unstable neurons after the first layer."""
    boxes = BackwardLinear(slopes=Parallel()).boxes(graph, S, outward=False)
    backward = BackwardPass(graph, S, boxes, Parallel(), outward=False)
    exact: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
    for index in graph.relaxed[1:]:
        owner, neuron = boxes[index].unstable.flatten(1).nonzero(as_tuple=True)
        lower, upper = backward.range(Rows.units(owner, neuron, graph.shapes[index], boxes[index].lower), index)
        exact[index] = owner, neuron, (upper - lower) / 2
    for rows in ROWS:
        forward = ForwardPass(graph, boxes, Projections(S, rows, noise.fold(rows)), False)
        errors = []
        for index in range(1, graph.relaxed[-1] + 1):
            form = forward.advance(index)
            if index in exact:
                owner, neuron, spread = exact[index]
                errors.append(median(chosen(form.blocks[CAUCHY], owner, neuron).abs()) / spread - 1)
        yield rows, torch.cat(errors)


if __name__ == "__main__":
    main()
