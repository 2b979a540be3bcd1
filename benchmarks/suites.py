"""Compare attacks on an MNIST network, ball by ball, alone and together.

Every attack of a suite runs on every correctly classified test image, so that rows are comparable. With --worst each
suite and, the last one first, each of its attacks runs on what those before it left: that costs much less and gives the
same worst case up to chance, but no figures of single attacks. The last row of a suite is its per-example worst case;
the last line of all is that over the union of the balls. The suites are those of the multi-threat tables (Maini, Wong &
Kolter 2020; Wong 2020, tables 5.2 to 5.5), and the stronger attacks that came after.

    python benchmarks/suites.py RUN --images 1000 --out FOLDER [--suites linf,l2,l1,l0,union]

A folder that holds shards is completed. The suite "union" compares MSD with PGD in each ball.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from hauberk.attacks import (
    DDN,
    FGSM,
    FMN,
    PGD,
    BlendedNoise,
    Boundary,
    CarliniWagner,
    DeepFool,
    EachMember,
    ElasticNet,
    GaussianNoise,
    MultiSteepestDescent,
    Pointwise,
    Restarts,
    SaltAndPepper,
    Unperturbed,
)
from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.evaluation import Evaluator
from hauberk.evaluation.records import read_records
from hauberk.evaluation.statistics import share
from hauberk.losses import CrossEntropy, Margin
from hauberk.presets import Ensemble
from hauberk.recipe import Recipe
from hauberk.threats import L0Ball, L1Ball, L2Ball, LinfBall, Union
from hauberk.workflow import trained


@dataclass(frozen=True)
class Suite:
    """A ball and the attacks that search it."""

    threat: ThreatModel
    attacks: Mapping[str, Attack | MinimumDistanceAttack]


ENTROPY, MARGIN = CrossEntropy(), Margin()
SPREAD = L1Ball(12.0, coordinates=(5, 20))
BALLS = Union([LinfBall(0.3), L2Ball(1.5), SPREAD])
STEPS = (0.01 / 0.3, 0.1 / 1.5, 1 / 12)
SUITES = {
    "linf": Suite(
        LinfBall(0.3),
        {
            "FGSM": FGSM(ENTROPY),
            "MIM": PGD(ENTROPY, 10, 0.2, momentum=1.0, start=Unperturbed()),
            "PGD-100": PGD(ENTROPY, 100, STEPS[0]),
            "PGD-50 x 10": Restarts(PGD(ENTROPY, 50, STEPS[0]), 10),
            "Ensemble": Ensemble(),
        },
    ),
    "l2": Suite(
        L2Ball(1.5),
        {
            "Gaussian noise": GaussianNoise(),
            "PGD-200": PGD(ENTROPY, 200, STEPS[1]),
            "DeepFool": DeepFool(),
            "DDN": DDN(),
            "C&W": CarliniWagner(steps=200, rate=0.025),
            "Boundary, 2000 steps": Boundary(BlendedNoise(), steps=2000),
            "Pointwise": Pointwise(SaltAndPepper()),
            "FMN": FMN(200),
            "Ensemble": Ensemble(),
        },
    ),
    "l1": Suite(
        SPREAD,
        {
            "salt and pepper": SaltAndPepper(),
            "Pointwise": Pointwise(SaltAndPepper()),
            "PGD-100": PGD(ENTROPY, 100, STEPS[2]),
            "EAD": ElasticNet(steps=100),
            "FMN": FMN(200),
            "Ensemble": Ensemble(),
        },
    ),
    "l0": Suite(
        L0Ball(10),
        {
            "salt and pepper": SaltAndPepper(),
            "Pointwise": Pointwise(SaltAndPepper()),
            "PGD-40 x 5": Restarts(PGD(MARGIN, 40, 0.1), 5),
            "FMN": FMN(200),
            "Ensemble": Ensemble(),
        },
    ),
    "union": Suite(
        BALLS,
        {
            "MSD-100": MultiSteepestDescent(ENTROPY, 100, list(STEPS)),
            **{
                f"PGD-100 {name}": EachMember(PGD(ENTROPY, 100, step), only=number)
                for number, (name, step) in enumerate(zip(("linf", "l2", "l1"), STEPS, strict=True))
            },
        },
    ),
}


def evaluated(run: Recipe, name: str, rows: Tensor, out: Path, *, worst: bool) -> Tensor:
    """Print the table of one suite, and return a mask of the test images with these numbers that it leaves."""
    data, suite = run.data.test().select(rows), SUITES[name]
    attacks = dict(list(suite.attacks.items())[::-1]) if worst else suite.attacks
    evaluator = Evaluator(attacks, [], every_attack=not worst, illustrated=0, shard=250)
    summary = evaluator.evaluate(run.network, data, suite.threat, out / name)
    table = Table("attack", title=f"{name}: {suite.threat.name}, {len(rows)} test images")
    for heading in ("accuracy left, %", "95 % interval", "median distance", "ms per image"):
        table.add_column(heading, justify="right")
    for row in summary["attacks"]:
        table.add_row(row["name"], *shown(row["alone"]), number(row["median_distance"]), per_image(row, len(rows)))
    table.add_row("all, worst case per example", *shown(summary["attacked"]), "", "")
    table.add_row("clean", *shown(summary["clean"]), "", "")
    Console(width=110).print(table)
    for sign in summary["masking"] or []:
        print(f"sign of masking: {sign['flag']}: {sign['evidence']}")
    records = read_records(out / name / "records")
    return torch.tensor((records["broken_by"].is_null() & (records["prediction"] == records["label"])).to_list())


def shown(part: dict[str, float] | None) -> tuple[str, str]:
    """Return a share and its interval in percent, or empty text."""
    if part is None:  # an attack that saw only what others had left
        return "", ""
    return f"{part['share'] * 100:.1f}", f"{part['low'] * 100:.1f} - {part['high'] * 100:.1f}"


def number(value: float | None) -> str:
    """Return a number with two decimals, or empty text."""
    return "" if value is None else f"{value:.2f}"


def per_image(row: dict[str, float], images: int) -> str:
    """Return the time per image in milliseconds."""
    return f"{row['seconds'] / images * 1e3:.1f}"


def main() -> None:
    """Run the suites, and print a table of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--suites", default=",".join(SUITES))
    parser.add_argument("--worst", action="store_true", help="attack what is left only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    run = trained(options.run, [])
    left = torch.ones(options.images, dtype=torch.bool)
    for name in options.suites.split(","):
        rows = left.nonzero()[:, 0] if options.worst else torch.arange(options.images)
        left[rows] &= evaluated(run, name, rows, options.out, worst=options.worst)
    found = share(int(left.sum()), options.images)
    print(f"worst case over {options.suites}: {json.dumps(found)}")


if __name__ == "__main__":
    main()
