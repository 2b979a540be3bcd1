"""Compare what attacks break, and what they cost, with torchattacks, foolbox and adv-lib at the same budgets.

    python benchmarks/attacks.py RUN [--peers PYTHON] [--images 100] [--cases pgd,ddn] [--seed 0] [--csv FILE]

RUN is the folder of a finished run on MNIST. PYTHON is the interpreter of an environment that holds the peers, made as
attack_peers.py says; without it only Hauberk's attacks run. Networks are Sequentials of torch's own layers, which both
sides call eagerly on one thread; both see the same correctly classified images, in the same batches, after a first call
on four of them. Times are CPU times of the search alone.

All adversarial examples are judged here, one by one: misclassified, and in the set up to 1e-5. The last column counts
those that are misclassified and outside. Minimum-distance attacks have no set; the median of their distances is over
correctly classified images, infinite where nothing was found. Hauberk's FAB stops at the first point inside the set,
while its peers go on to the nearest; where adv-lib's point is outside, it found none inside.

One seed says little when accuracy is far from both ends: run several. torchattacks' APGD, FAB and Square always seed
themselves with 0.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import torch
from attack_peers import PEERS, POWERS, RADII, timed
from rich.console import Console
from rich.table import Table
from safetensors.torch import load_file
from torch import Tensor, nn

from hauberk.attacks import (
    APGD,
    DDN,
    FAB,
    FMN,
    PGD,
    CarliniWagner,
    DeepFool,
    MultiSteepestDescent,
    Restarts,
    SparseAPGD,
    Square,
    SquareWindows,
    Targeted,
    Within,
)
from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.losses import DLR, CrossEntropy, Margin
from hauberk.presets import AutoAttack, Ensemble
from hauberk.recipe import build, read_recipe
from hauberk.threats import L1Ball, L2Ball, LinfBall, Union

BALLS: dict[str, ThreatModel] = {
    "linf": LinfBall(RADII["linf"]),
    "l2": L2Ball(RADII["l2"]),
    "l1": L1Ball(RADII["l1"]),
}
UNION = Union([LinfBall(RADII["linf"]), L2Ball(RADII["l2"]), L1Ball(RADII["l1"], coordinates=(5, 20))])
TOLERANCE = 1e-5


def parts(norm: str) -> dict[str, Attack]:
    """Return the four attacks of AutoAttack in this norm."""
    if norm == "l1":
        ce, targeted = SparseAPGD(CrossEntropy()), Targeted(SparseAPGD(DLR()), 5)
    else:
        ce, targeted = APGD(CrossEntropy()), Targeted(APGD(DLR()), 9)
    square = Square(Margin()) if norm == "linf" else SquareWindows(Margin())
    return {"apgd-ce": ce, "apgd-t": targeted, "fab-t": Within(FAB(steps=100, targets=9)), "square": square}


CASES: dict[str, tuple[ThreatModel, Attack | MinimumDistanceAttack]] = {
    "pgd": (BALLS["linf"], Restarts(PGD(CrossEntropy(), 50, 1 / 30), 10)),
    **{f"{name}-{norm}": (ball, attack) for norm, ball in BALLS.items() for name, attack in parts(norm).items()},
    **{f"autoattack-{norm}": (ball, AutoAttack()) for norm, ball in BALLS.items()},
    **{f"ensemble-{norm}": (ball, Ensemble()) for norm, ball in BALLS.items()},
    "msd": (UNION, MultiSteepestDescent(CrossEntropy(), 100, [1 / 30, 1 / 15, 1 / 12])),
    "ddn": (BALLS["l2"], DDN(100, levels=None)),
    "cw": (BALLS["l2"], CarliniWagner(steps=200, rounds=9)),
    "deepfool": (BALLS["l2"], DeepFool(50)),
    "fmn": (BALLS["l2"], FMN(100)),
}


@dataclass(frozen=True)
class Subject:
    """A network, and the images that it classifies correctly among the first `images`."""

    network: nn.Sequential
    images: int
    index: Tensor
    x: Tensor
    y: Tensor
    batch: int
    seed: int


def main() -> None:
    """Run the cases and print a table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--peers", type=Path, help="the python of the peers' environment")
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    cases = options.cases.split(",")
    if unknown := set(cases) - set(CASES):
        parser.error(f"there is no case {', '.join(sorted(unknown))}: there are {', '.join(CASES)}")
    torch.set_num_threads(1)
    subject = subject_of(options.run, options.images, options.batch, options.seed)
    found = []
    for case in cases:
        own = row(subject, case, "hauberk", *searched(subject, case))
        others = PEERS.get(case, {}) if options.peers else {}
        answers = {name: asked(options.peers, subject, case, name) for name in others}
        theirs = [row(subject, case, name, *answer) for name, answer in answers.items() if answer]
        found += [line | {"ratio": line["seconds"] / own["seconds"]} for line in [own, *theirs]]
        print(f"{case} is done", file=sys.stderr)
    Console(width=None if sys.stdout.isatty() else 120).print(table(found, str(options.run)))
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, found[0])
            writer.writeheader()
            writer.writerows(found)


def subject_of(run: Path, images: int, batch: int, seed: int) -> Subject:
    """Return the network of a run and the first test images that it classifies correctly."""
    recipe = build(read_recipe(str(run / "recipe.yaml"), []))
    recipe.network.load_state_dict(load_file(run / "model.safetensors"))
    inner = [type(module) for module in recipe.network.modules()][1:]
    if not isinstance(recipe.network, nn.Sequential) or any(not t.__module__.startswith("torch.nn.") for t in inner):
        sys.exit(f"peers cannot load a {type(recipe.network).__name__}: it must be a Sequential of torch's own layers.")
    network = nn.Sequential(*recipe.network.children()).eval()
    x, y = recipe.data.test().batch(slice(0, images))
    with torch.no_grad():
        index = (network(x).argmax(1) == y).nonzero()[:, 0]
    return Subject(network, len(y), index, x[index], y[index], batch, seed)


def searched(subject: Subject, case: str) -> tuple[Tensor, float]:
    """Return Hauberk's answers, and the seconds that they took."""
    threat, attack = CASES[case]

    def search(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        S, noise = threat.at(x), Noise.of(subject.seed, torch.arange(len(y)))
        return S.decode(attack(network, S, y, noise=noise))

    return timed(search, subject.network, subject.x, subject.y, subject.batch, subject.seed)


def asked(python: Path, subject: Subject, case: str, library: str) -> tuple[Tensor, float] | None:
    """Return a peer's answers, and the seconds that they took; None, with a message, if it failed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, value in (("network", subject.network), ("x", subject.x), ("y", subject.y)):
            torch.save(value, folder / f"{file}.pt")
        script = Path(__file__).with_name("attack_peers.py")
        command = [python, script, folder, case, library, "--batch", str(subject.batch), "--seed", str(subject.seed)]
        answer = subprocess.run(command, capture_output=True, text=True)
        if answer.returncode:
            print(f"{library} failed at {case}:\n{answer.stderr}", file=sys.stderr)
            return None
        said = json.loads(answer.stdout.splitlines()[-1])
        if said["torch"] != torch.__version__:
            print(f"{library} runs on torch {said['torch']}, Hauberk on {torch.__version__}", file=sys.stderr)
        return torch.load(folder / "answers.pt"), said["seconds"]


def row(subject: Subject, case: str, library: str, z: Tensor, seconds: float) -> dict[str, Any]:
    """Judge the answers and return a row of the table."""
    threat, attack = CASES[case]
    with torch.no_grad():
        wrong = torch.cat([subject.network(part).argmax(1) for part in z.split(subject.batch)]) != subject.y
    found: dict[str, Any] = {
        "case": case,
        "library": library,
        "images": subject.images,
        "robust_accuracy": None,
        "distance": None,
    }
    found |= {"seconds": seconds, "ms": 1000 * seconds / subject.images, "outside": None}
    if isinstance(attack, MinimumDistanceAttack):
        valid = ((z >= -TOLERANCE) & (z <= 1 + TOLERANCE)).flatten(1).all(1)
        length = torch.linalg.vector_norm((z - subject.x).flatten(1), POWERS["l2"], dim=1)
        found["distance"] = torch.where(wrong & valid, length, inf).median().item()
        found["outside"] = int((wrong & ~valid).sum())
    else:
        inside = threat.at(subject.x).contains(z, atol=TOLERANCE)
        found["robust_accuracy"] = 100 * (len(wrong) - int((wrong & inside).sum())) / subject.images
        found["outside"] = int((wrong & ~inside).sum())
    return found


def table(found: list[dict[str, Any]], title: str) -> Table:
    """Return the table of all rows."""
    columns = "library", "images", "robust %", "median distance", "CPU s", "ms per image", "times ours", "outside"
    made = Table("case", *columns, title=title)
    for line in found:
        accuracy, distance = line["robust_accuracy"], line["distance"]
        made.add_row(
            line["case"],
            line["library"],
            str(line["images"]),
            "" if accuracy is None else f"{accuracy:.1f}",
            "" if distance is None else f"{distance:.4f}",
            f"{line['seconds']:.2f}",
            f"{line['ms']:.1f}",
            f"{line['ratio']:.2f}",
            str(line["outside"] or ""),
            end_section=line is found[-1] or found[found.index(line) + 1]["case"] != line["case"],
        )
    return made


if __name__ == "__main__":
    main()
