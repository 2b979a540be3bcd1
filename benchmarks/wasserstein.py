"""Time projections of MNIST digits onto Wasserstein balls: ours, and projected Sinkhorn as a loop of plain torch.

    python benchmarks/wasserstein.py [--images 100] [--rounds 5] [--eps 0.3] [--sharpness 1000] [--csv FILE]

Targets are digits after a sign step along a random direction, or along the gradient of a network with random weights.
The loop is in float64 and log space, with the shifts of a 5x5 window stacked, and stops when the whole batch has
reached the duality gap. Gaps are those of images within the budget, computed by one function from both answers. Sides
take turns in one process on one core; printed are medians of CPU milliseconds per digit, and of the ratios of a round.
The exact projection, of another problem, is timed for information.
"""

import argparse
import csv
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor

from hauberk.architectures import Small
from hauberk.datasets import MNIST
from hauberk.kernels.sinkhorn import sinkhorn
from hauberk.kernels.transport import images
from hauberk.kernels.transport_grid import Grid, grid
from hauberk.sets.transport import nearest

SIDE, EMPTY = 5, -1e5
COLUMNS = ("targets", "side", "rounds", "largest gap", "ms per digit", "ms per digit and round", "ratio")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--eps", type=float, default=0.3)
    parser.add_argument("--step", type=float, default=0.1)
    parser.add_argument("--sharpness", type=float, default=1000.0)
    parser.add_argument("--tolerance", type=float, default=1e-8)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    x, y = MNIST().test().batch(slice(0, options.images))
    rows = [row for kind, slope in directions(x, y) for row in compared(kind, x.double(), slope.double(), options)]
    table = Table(*COLUMNS, title=f"{len(x)} digits, eps {options.eps:g}, sharpness {options.sharpness:g}, one thread")
    for row in rows:
        table.add_row(*(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row))
    Console().print(table)
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *rows])


def directions(x: Tensor, y: Tensor) -> list[tuple[str, Tensor]]:
    """Return directions to step along."""
    torch.manual_seed(0)
    network, at = Small((1, 28, 28), 10).eval(), x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(network(at), y, reduction="sum"), at)
    return [("random", torch.randn(x.shape)), ("gradient", slope)]


def compared(kind: str, x: Tensor, slope: Tensor, options: argparse.Namespace) -> list[tuple]:
    """Return the rows of one kind of targets."""
    reach = range(-(SIDE // 2), SIDE // 2 + 1)
    geometry = grid((1, 28, 28), tuple(tuple(math.hypot(a, b) for b in reach) for a in reach), x.device)
    mass, wanted = (z.flatten(1) / x.sum((1, 2, 3))[:, None] for z in (x, x + options.step * slope.sign()))
    radius, free = torch.full((len(x),), options.eps).double(), torch.full((len(x),), math.inf).double()
    sharpness, tolerance = options.sharpness, options.tolerance

    def ours() -> tuple[Tensor, Tensor, int]:
        found = sinkhorn(wanted, mass, radius, sharpness, geometry, tolerance)
        return found.dual, found.report[:, 0], int(found.report[:, 3].max())

    sides: dict[str, Callable[[], tuple[Tensor, Tensor, int] | None]] = {
        "loop of plain torch": lambda: loop(wanted, mass, radius, sharpness, geometry, tolerance),
        "ours": ours,
    }
    sides["exact, ours"] = lambda: (nearest(wanted, mass, free, radius, geometry, 1e-5), None)[1]
    times: dict[str, list[float]] = {name: [] for name in sides}
    answers = {name: side() for name, side in sides.items()}  # the first round compiles
    for _ in range(options.rounds):
        for name, side in sides.items():
            begin = time.process_time()
            side()
            times[name].append(1e3 * (time.process_time() - begin) / len(x))
    rows = []
    for name, measured in times.items():
        ratios = [base / own for own, base in zip(measured, times["loop of plain torch"], strict=True)]
        median, answer = statistics.median(measured), answers[name]
        if answer is None:
            rows.append((kind, name, "", "", median, "", statistics.median(ratios)))
            continue
        worst = float(gap(*answer[:2], wanted, mass, radius, sharpness, geometry).max())
        rows.append((kind, name, answer[2], worst, median, median / (answer[2] + 1), statistics.median(ratios)))
    return rows


def gap(
    dual: Tensor, price: Tensor, wanted: Tensor, mass: Tensor, radius: Tensor, sharpness: float, geometry: Grid
) -> Tensor:
    """Return the duality gap of dual variables and the image they make within the budget.

    Measured by sharpness / 2 * |wanted - image|^2 + the entropy of the shares that sources send to places.
    """
    term = geometry.padded(dual, -math.inf)[:, geometry.window] - price[:, None, None] * geometry.cost
    share = term.softmax(2)
    paid = (mass * (share * geometry.cost).sum(2)).sum(1)
    kept = (radius / paid.clamp(min=1e-300)).clamp(max=1)
    share = share * kept[:, None, None]
    share[:, :, 0] += 1 - kept[:, None]
    reached = images((mass > 0).double()[:, :, None].expand_as(share), geometry)[:, geometry.pixels] > 0
    image = geometry.inside(images(mass[:, :, None] * share, geometry))
    apart = sharpness / 2 * (wanted - image).where(reached, 0).square().sum(1)
    entropy = -(mass[:, :, None] * torch.special.xlogy(share, share)).sum((1, 2))
    logs = torch.where(mass > 0, mass * term.logsumexp(2), 0).sum(1)
    pull = torch.where(reached, dual * wanted - dual.square() / (2 * sharpness), 0).sum(1)
    return (apart - entropy - pull + price * radius + logs) / (apart + entropy)


def loop(
    wanted: Tensor, mass: Tensor, radius: Tensor, sharpness: float, geometry: Grid, tolerance: float, most: int = 5000
) -> tuple[Tensor, Tensor, int]:
    """Alternate over rows, columns and the price, all examples until the last has converged (Wong et al. 2019, Alg. 2).

    Returns dual variables, prices, and the number of rounds. Every tenth round asks for the gap, so that asking costs
    little.
    """
    side = math.isqrt(wanted.shape[1])
    target, start = (part.view(-1, 1, side, side) for part in (wanted, mass))
    costs = torch.tensor([math.hypot(a, b) for a in range(-2, 3) for b in range(-2, 3)]).double()
    log_mass = torch.where(start > 0, start.log(), EMPTY)
    dual, price = torch.full_like(target, -math.log(wanted.shape[1])), torch.ones(len(wanted), 1, 1, 1).double()
    number = 0
    for number in range(1, most + 1):
        toll = price * costs.view(1, -1, 1, 1) + 1
        source = log_mass - (shifts(dual) - toll).logsumexp(1, keepdim=True)
        level = math.log(sharpness) + (shifts(source) - toll).logsumexp(1, keepdim=True) + sharpness * target
        dual = sharpness * target - omega(level)
        sent = (source + shifts(dual) - toll).exp()
        paid, spread = ((sent * costs.view(1, -1, 1, 1) ** power).sum((1, 2, 3), keepdim=True) for power in (1, 2))
        newton, length = (paid - radius.view(-1, 1, 1, 1)) / spread, torch.ones_like(price)
        while (price + length * newton < 0).any() and length.min() > 1e-3:
            length = torch.where(price + length * newton < 0, length / 2, length)
        price = (price + length * newton).clamp(min=0)
        if number % 10 == 0:
            apart = gap(dual.flatten(1), price.flatten(), wanted, mass, radius, sharpness, geometry)
            if (apart <= tolerance).all():
                break
    return dual.flatten(1), price.flatten(), number


def shifts(values: Tensor) -> Tensor:
    """Return the values at the 25 places of each pixel's window, none outside the image."""
    side = values.shape[2]
    around = F.pad(values, [SIDE // 2] * 4, value=-math.inf)
    return torch.cat([around[:, :, a : a + side, b : b + side] for a in range(SIDE) for b in range(SIDE)], 1)


def omega(level: Tensor) -> Tensor:
    """Return the root u of u + log u = level by Newton's method."""
    exponential = level.clamp(max=1.5).exp()
    root = torch.where(level > 1.5, level - level.clamp(min=1.5).log(), exponential / (1 + exponential)).clamp(
        min=1e-300
    )
    for _ in range(5):
        root = (root * (1 + level - root.log()) / (1 + root)).clamp(min=1e-300)
    return root


if __name__ == "__main__":
    main()
