"""Measure the cost of a step of robust training, as a multiple of an ordinary step of the same network.

    python benchmarks/training.py [--training adversarial | certified] [--networks small,preact] [--batch 128]
                                  [--repeats 7] [--threads 1] [--compile] [--csv FILE]

Each step is the trainer's own, optimizer and bookkeeping included, on MNIST digits (small: Wong's small network) or on
random images of CIFAR-10's size (preact: PreActResNet18). Methods take turns, so that a change of the machine's speed
affects them all; ratios are those of the medians. Free counts one replay. With --compile the network goes through
torch.compile first.
"""

import argparse
import csv
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import cast

import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from hauberk.allocator import keep_freed_memory
from hauberk.architectures import PreActResNet18, Small
from hauberk.attacks import FGSM, PGD, Jittered, RandomMember
from hauberk.bounds import Interval, Projected
from hauberk.concepts.dataset import Split
from hauberk.concepts.objective import Objective
from hauberk.concepts.schedule import Progress
from hauberk.concepts.slopes import Adaptive
from hauberk.datasets import MNIST
from hauberk.losses import CrossEntropy
from hauberk.objectives import (
    CROWNIBP,
    MTLIBP,
    SABR,
    TRADES,
    Adversarial,
    BoundRegularized,
    Certified,
    Free,
    FusedCertified,
    Hamming,
    Natural,
    Tightened,
)
from hauberk.regularizers import FastIBP, ReLUStability
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import Trainer
from hauberk.training.run import Run

ENTROPY = CrossEntropy()


def pgd(steps: int) -> PGD:
    """Return a PGD of this many steps, all of which it takes."""
    return PGD(ENTROPY, steps, 0.25, stop_when_broken=False)


ONE, NONE = Constant(1.0), Constant(0.0)
ONE_STEP = FGSM(ENTROPY, 1.25, RandomMember())
PROJECTED = Projected(10)
OBJECTIVES: dict[str, dict[str, Objective]] = {
    "adversarial": {
        "standard": Natural(ENTROPY),
        "FGSM, random start": Adversarial(ONE_STEP, ENTROPY),
        "Free, a replay": Free(ENTROPY),
        "PGD-7": Adversarial(pgd(7), ENTROPY),
        "TRADES, 10 steps": TRADES(replace(pgd(10), start=Jittered()), ENTROPY),
    },
    "certified": {
        "standard": Natural(ENTROPY),
        "IBP": Certified(Interval(), ENTROPY, NONE),
        "IBP, fast regularizers": Certified(Interval(), ENTROPY, NONE, [FastIBP()]),
        "CROWN-IBP": CROWNIBP(Interval(), ENTROPY, NONE, Constant(0.5)),
        "CROWN-IBP, fused": FusedCertified(Interval(), ENTROPY, NONE),
        "CROWN-IBP, r": Tightened(Interval(), ENTROPY, NONE, NONE, ONE, slopes=Adaptive()),
        "polytope, 10 projections": Certified(PROJECTED, ENTROPY, NONE),
        "polytope, 10 projections, d": Tightened(PROJECTED, ENTROPY, NONE, ONE, NONE),
        "polytope, 10 projections, r": Tightened(PROJECTED, ENTROPY, NONE, NONE, ONE),
        "polytope, 10 projections, d and r": Tightened(PROJECTED, ENTROPY, NONE, ONE, ONE),
        "SABR, 5 steps": SABR(Interval(), pgd(5), 0.4, ENTROPY, NONE),
        "MTL-IBP, 1 step": MTLIBP(Interval(), ONE_STEP, Constant(0.5), ENTROPY, NONE),
        "Hamming": Hamming(ENTROPY, ONE, ONE),
        "RS loss, PGD-7": BoundRegularized(Adversarial(pgd(7), ENTROPY), Interval(), [ReLUStability(ONE)]),
    },
}


def main() -> None:
    """Measure the objectives on every network, and print a table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--training", choices=OBJECTIVES, default="adversarial")
    parser.add_argument("--networks", default="small,preact")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    rows = [
        row
        for name in options.networks.split(",")
        for row in measured(name, OBJECTIVES[options.training], options.batch, options.repeats, options.compile)
    ]
    table = Table("network", "objective", "ms per step", "images per second", "times standard", title="Training")
    for row in rows:
        table.add_row(*(f"{value:.2f}" if isinstance(value, float) else str(value) for value in row.values()))
    Console().print(table)
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


def subject(name: str, batch: int) -> tuple[nn.Module, Split, LinfBall]:
    """Return a network, one batch of data for it, and a threat."""
    torch.manual_seed(0)
    if name == "small":
        data = MNIST().train().select(slice(0, batch))
        return Small((1, 28, 28), 10), data, LinfBall(0.3)
    if name == "preact":
        data = Split(torch.randint(0, 256, (batch, 3, 32, 32), dtype=torch.uint8), torch.randint(0, 10, (batch,)))
        return PreActResNet18((3, 32, 32), 10), data, LinfBall("8/255")
    raise SystemExit(f"there is no network {name}: there are small and preact")


def measured(
    name: str, objectives: dict[str, Objective], batch: int, repeats: int, compile: bool
) -> list[dict[str, object]]:
    """Return one row per objective; an epoch is one batch."""
    with tempfile.TemporaryDirectory() as folder:
        runs = {}
        for label, objective in objectives.items():
            plain, data, threat = subject(name, batch)
            network = cast(nn.Module, torch.compile(plain)) if compile else plain
            trainer = Trainer(objective, 1, Constant(1e-3), batch, held_out=0)
            runs[label] = Run(trainer, network, data, threat, Path(folder))
        times: dict[str, list[float]] = {label: [] for label in runs}
        for _ in range(repeats + 1):
            for label, run in runs.items():
                began = time.process_time()
                run.step(0, Progress(0, 1, 1), 1e-3)
                times[label].append(time.process_time() - began)
    seconds = {label: median(found[1:]) for label, found in times.items()}
    return [
        {
            "network": name,
            "objective": label,
            "ms": 1000 * spent,
            "images per second": batch / spent,
            "ratio": spent / seconds["standard"],
        }
        for label, spent in seconds.items()
    ]


if __name__ == "__main__":
    main()
