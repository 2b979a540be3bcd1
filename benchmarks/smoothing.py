"""Time votes under noise against the network's own passes, and count the votes that sequential certificates need.

    python benchmarks/smoothing.py cost  [--run RUN] [--samples 10000] [--images 5] [--threads 1] [--csv FILE]
    python benchmarks/smoothing.py votes [--run RUN] [--examples 500] [--radii 0.25 0.5 0.75] [--csv FILE]
    python benchmarks/smoothing.py time  [--run RUN] [--images 100] [--device cpu] [--csv FILE]

`cost`: seconds per 10,000 votes on an image, of passes of the same shape alone, and of the same in plain torch (randn,
argmax, bincount), in turns; medians, and the median of the ratios of a round. `votes`: certified accuracy at each
radius by a fixed sample and by sequential ones, all radii in one run, and the votes drawn. `time`: seconds per image of
the network's own answer, of a smoothed prediction, and of a certificate.

RUN is a trained run whose recipe says how it is smoothed (evaluator.smoothing); without one, `cost` and `time` take a
network with random weights.
"""

import argparse
import csv
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from hauberk.architectures import Small
from hauberk.datasets import MNIST
from hauberk.sampling.smoothed_network import ESTIMATION, SmoothedNetwork, Smoothing
from hauberk.smoothing import FixedSample, Gaussian, Sequential
from hauberk.workflow import trained


def main() -> None:
    """Print the table of a question."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("question", choices=["cost", "votes", "time"])
    parser.add_argument("--run", type=Path)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--images", type=int, default=5)
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--radii", type=float, nargs="+", default=[0.25, 0.5, 0.75])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = {"cost": cost, "votes": votes, "time": times}[options.question](options, subject(options))
    table = Table(*rows[0])
    for row in rows[1:]:
        table.add_row(*(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row))
    Console().print(table)
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)


def subject(options: argparse.Namespace) -> SmoothedNetwork:
    """Return the smoothed network of the run, or one with random weights."""
    if options.run is None:
        torch.manual_seed(0)
        return SmoothedNetwork(Small((1, 28, 28), 10).to(options.device).eval(), Smoothing(Gaussian(0.25)))
    recipe = trained(options.run, [])
    if recipe.evaluator.smoothing is None:
        raise SystemExit(f"the recipe of {options.run} does not say how it is smoothed: evaluator.smoothing.")
    return SmoothedNetwork(recipe.network.to(options.device).eval(), recipe.evaluator.smoothing)


def cost(options: argparse.Namespace, smooth: SmoothedNetwork) -> list[tuple]:
    """Return what votes cost beside passes alone."""
    x, n, rows = torch.rand(options.images, 1, 28, 28), options.samples, smooth.by.rows
    passes = -(-n * len(x) // rows)
    ready = torch.rand(rows, 1, 28, 28)
    sides = {
        "votes": lambda: smooth.votes(x, ESTIMATION, n),
        "passes alone": lambda: alone(smooth, ready, passes),
        "plain torch": lambda: plain(smooth, x, n, rows),
    }
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(options.repeats + 1):
        for name, side in sides.items():
            found[name].append(seconds(side) * 10_000 / (n * len(x)))
    kept = {name: measured[1:] for name, measured in found.items()}  # the first round compiles
    table: list[tuple] = [("side", "seconds per 10,000", "ratio to passes alone")]
    for name, measured in kept.items():
        ratios = [own / base for own, base in zip(measured, kept["passes alone"], strict=True)]
        table.append((name, statistics.median(measured), statistics.median(ratios)))
    return table


@torch.inference_mode()
def alone(smooth: SmoothedNetwork, ready: Tensor, passes: int) -> None:
    """Make as many passes as votes do."""
    for _ in range(passes):
        smooth.network(ready)


@torch.inference_mode()
def plain(smooth: SmoothedNetwork, x: Tensor, n: int, rows: int) -> None:
    """Vote as a loop of plain torch does, image by image."""
    for image in x:
        counts = torch.zeros(10, dtype=torch.long)
        for first in range(0, n, rows):
            batch = image.expand(min(rows, n - first), *image.shape)
            logits = smooth.network(batch + 0.25 * torch.randn(batch.shape))
            counts += torch.bincount(logits.argmax(1), minlength=10)


def votes(options: argparse.Namespace, smooth: SmoothedNetwork) -> list[tuple]:
    """Return certified accuracies and votes of both procedures."""
    x, y = MNIST().test().batch(slice(0, options.examples))
    x, y = x.to(options.device), y.to(options.device)
    table: list[tuple] = [("procedure", *(f"certified at {r:g}" for r in options.radii), "mean votes", "seconds")]
    for rule in (FixedSample(), Sequential(radii=tuple(options.radii))):
        begin = time.perf_counter()
        parts = [rule.answer(smooth, part) for part in x.split(100)]
        took = time.perf_counter() - begin
        radius, label, drawn = (torch.cat([getattr(p, f) for p in parts]) for f in ("radius", "label", "samples"))
        shares = [float(((label == y) & (radius >= r)).double().mean()) for r in options.radii]
        table.append((rule.name, *shares, float(drawn.double().mean()), took))
    return table


def times(options: argparse.Namespace, smooth: SmoothedNetwork) -> list[tuple]:
    """Return seconds per image, of single images one after the other."""
    x = torch.rand(options.images, 1, 28, 28, device=options.device)
    few = SmoothedNetwork(smooth.network, Smoothing(smooth.by.noise, 100, rows=128))
    sides: dict[str, Callable[[Tensor], object]] = {
        "the network itself": lambda one: smooth.network(one).argmax(1).tolist(),
        "smoothed, 100 votes": few.predict,
        "smoothed, 1,000 votes": smooth.predict,
        "certificate, sequential": lambda one: Sequential().answer(smooth, one),
    }
    medians = {}
    for name, side in sides.items():
        with torch.no_grad():
            side(x[:1])  # the first call compiles
            medians[name] = statistics.median(seconds(lambda one=one, side=side: side(one)) for one in x.split(1))
    base = medians["the network itself"]
    return [("answer", "seconds per image", "ratio"), *((name, took, took / base) for name, took in medians.items())]


def seconds(side: Callable[[], object]) -> float:
    """Return the wall-clock time of a call."""
    begin = time.perf_counter()
    side()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
