"""Time the attacks on transformations and perceptual distances as multiples of PGD in l_inf with equal steps.

    python benchmarks/unforeseen.py [--channels 1] [--images 50] [--steps 20] [--rounds 5] [--csv FILE]

The network is AlexNet for small images with random weights, a quarter as wide as published, and so is the one that
perceptual distances are measured by. A network that is always right keeps every image in the batch, so all take all
their steps. Attacks take turns in one process on one core; printed are medians of CPU milliseconds per image and step,
and of the ratios to PGD in the same round.
"""

import argparse
import csv
import statistics
import time
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from hauberk.architectures import AlexNet
from hauberk.attacks import PGD, Lagrangian
from hauberk.concepts.attack import Attack
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.losses import Margin
from hauberk.presets import PPGD, JPEGAscent, ReColorAdv, StAdv
from hauberk.threats import JPEG, Flow, LinfBall, Perceptual, Recolor

COLUMNS = ("attack", "threat", "ms per image and step", "times PGD")


class Right(nn.Module):
    """A network that answers with class 0 whatever it is shown."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        logits = self.network(x)
        return torch.cat([logits[:, :1] + 1e3, logits[:, 1:]], 1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    shape = (options.channels, 28, 28) if options.channels == 1 else (options.channels, 32, 32)
    x, y = torch.rand(options.images, *shape), torch.zeros(options.images, dtype=torch.long)
    network, other = Right(AlexNet(shape, 10, 16)).eval(), AlexNet(shape, 10, 16).eval()
    steps, near = options.steps, Perceptual(other)
    problems: dict[str, tuple[Attack, PerturbationSet]] = {
        "PGD": (PGD(Margin(), steps), LinfBall(0.1).at(x)),
        "StAdv": (StAdv(steps=steps), Flow().at(x)),
        "ReColorAdv": (ReColorAdv(steps=steps), Recolor().at(x)),
        "JPEGAscent": (JPEGAscent(steps=steps), JPEG().at(x)),
        "Lagrangian": (Lagrangian(Margin(), rounds=1, steps=steps), near.at(x)),
        "PPGD": (PPGD(steps=steps), near.at(x)),
    }
    rows = compared(network, y, problems, steps, options.rounds)
    table = Table(*COLUMNS, title=f"{options.images} images of {options.channels} channels, {steps} steps, one thread")
    for row in rows:
        table.add_row(*(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row))
    Console().print(table)
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *rows])


def compared(
    network: nn.Module, y: Tensor, problems: dict[str, tuple[Attack, PerturbationSet]], steps: int, rounds: int
) -> list[tuple]:
    """Return a row for each attack."""
    times: dict[str, list[float]] = {name: [] for name in problems}
    for number in range(rounds + 1):
        for name, (attack, S) in problems.items():
            noise, began = Noise.of(0, torch.arange(len(y))), time.process_time()
            attack(network, S, y, noise=noise)
            if number:  # the first round warms up
                times[name].append(1e3 * (time.process_time() - began) / len(y) / steps)
    return [
        (name, type(S).__name__, statistics.median(times[name]), ratio(times[name], times["PGD"]))
        for name, (_, S) in problems.items()
    ]


def ratio(own: list[float], base: list[float]) -> float:
    """Return the median of the ratios of two sides, round by round."""
    return statistics.median(a / b for a, b in zip(own, base, strict=True))


if __name__ == "__main__":
    main()
