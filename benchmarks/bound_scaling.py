"""Measure how time and memory of bounds grow with the width of a residual network, beside auto_LiRPA.

    python benchmarks/bound_scaling.py --csv FILE [--peer peers/bin/python] [--repeats 3] [--cases NAME ...]

One random PreActResNet18 after another, each twice as wide, and one random 32 x 32 image at l_inf 2/255: margins by
intervals, by CROWN on intervals, and by CROWN on every layer. Every point runs on one core in a process of its own;
times are medians of CPU times per image, bytes the process's peak above what it held when the network was captured
and a narrow one had been bounded.
The last columns give the growth exponent: time is about width to that power.

The peer's side runs in the environment of `--peer`, in which Hauberk's sources are on the path and auto_LiRPA is
installed; without it, only Hauberk is measured. Hauberk's bounds are rounded outward, the peer's are not.
"""
# pyright: reportMissingImports=false

import argparse
import csv
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from hauberk.allocator import keep_freed_memory
from hauberk.architectures.preact_resnet import PreActBlock, PreActResNet18

Side = Callable[[nn.Module, Tensor, str], Callable[[], Tensor]]

EPS, SHAPE, CLASSES = 2 / 255, (3, 32, 32), 10
HIGH, LOW = [16, 32, 64], [4, 8, 16]
CASES = {"interval": ("IBP", HIGH), "CROWN-interval": ("CROWN-IBP", HIGH), "CROWN": ("CROWN", LOW)}
"""By the name of a method: the peer's name, and the widths."""


class Narrow(PreActResNet18):
    """A PreActResNet18 of another width.

    Args:
        width: the number of channels of the first stage, 64 in the original.
    """

    def __init__(self, width: int) -> None:
        nn.Module.__init__(self)
        stages = [(1, 1, 1), (1, 2, 2), (2, 4, 2), (4, 8, 2)]
        self.conv1 = nn.Conv2d(SHAPE[0], width, 3, padding=1, bias=False)
        for number, (inputs, outputs, stride) in enumerate(stages, start=1):
            blocks = PreActBlock(inputs * width, outputs * width, stride), PreActBlock(outputs * width, outputs * width)
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
        self.bn = nn.BatchNorm2d(8 * width)
        self.linear = nn.Linear(8 * width, CLASSES)


def main() -> None:
    """Measure every point in a process of its own, and print a table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--peer", help="the Python of an environment with auto_LiRPA")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES), metavar="NAME")
    parser.add_argument("--widths", nargs="*", type=int, help="instead of each case's own")
    parser.add_argument("--point", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.point:
        side, case, width = options.point
        print(json.dumps(measured(SIDES[side], case, int(width), options.repeats)))
        return
    pythons = {"ours": sys.executable} | ({"auto_LiRPA": options.peer} if options.peer else {})
    rows = []
    for case in options.cases:
        for width in options.widths or CASES[case][1]:
            for side, python in pythons.items():
                point = [python, __file__, "--repeats", str(options.repeats), "--point", side, case, str(width)]
                answer = subprocess.run(point, check=True, stdout=subprocess.PIPE, text=True).stdout
                rows.append({"case": case, "width": width, "side": side} | json.loads(answer.splitlines()[-1]))
                print(rows[-1], file=sys.stderr, flush=True)
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    Console().print(table(rows))


def table(rows: list[dict]) -> Table:
    """Return a table with a line for every method and side, and the growth from each width to the next."""
    shown = Table("one core, per image", "side", "width", "s", "MiB", "exponent of time", "of memory")
    before: dict[str, dict] = {}
    for row in rows:
        last = before.get(row["case"] + row["side"])
        grown = ["", ""] if last is None else [f"{exponent(last, row, key):.2f}" for key in ("seconds", "bytes")]
        cells = [f"{row['seconds']:.3f}", f"{row['bytes'] / 2**20:.0f}", *grown]
        shown.add_row(row["case"], row["side"], str(row["width"]), *cells)
        before[row["case"] + row["side"]] = row
    return shown


def exponent(one: dict, other: dict, key: str) -> float:
    """Return the power of the width with which a measurement grows between two points."""
    return math.log(max(other[key], 1e-9) / max(one[key], 1e-9)) / math.log(other["width"] / one["width"])


def measured(side: Side, case: str, width: int, repeats: int) -> dict:
    """Return the median CPU time of a pass, its peak memory, and the sum of the margins."""
    torch.set_num_threads(1)
    keep_freed_memory()
    torch.manual_seed(0)
    network, x = Narrow(width).eval(), torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        side(Narrow(1).eval(), x, case)()  # libraries are loaded and loops compiled before anything is measured
        run = side(network, x, case)
        before, times, margins = peak_bytes(), [], torch.zeros(1)
        for _ in range(repeats):
            began = time.process_time()
            margins = run()
            times.append(time.process_time() - began)
    return {"seconds": median(times), "bytes": peak_bytes() - before, "margins": margins.sum().item()}


def ours(network: nn.Module, x: Tensor, case: str) -> Callable[[], Tensor]:
    """Return a pass by Hauberk."""
    from hauberk.bounds import BackwardLinear, Interval
    from hauberk.capture import capture
    from hauberk.concepts.specification import LinearSpec
    from hauberk.threats import LinfBall

    bounders = {"interval": Interval(), "CROWN-interval": BackwardLinear(Interval()), "CROWN": BackwardLinear()}
    graph, bounder = capture(network, torch.cat([x, x])).frozen(), bounders[case]
    S, spec = LinfBall(EPS).at(x), LinearSpec.margins(torch.tensor([0]), CLASSES)
    return lambda: bounder(graph, S, spec).lower


def peers(network: nn.Module, x: Tensor, case: str) -> Callable[[], Tensor]:
    """Return a pass by auto_LiRPA, in its mode for convolutions that keeps patches."""
    import old_names  # noqa: F401  (before auto_LiRPA)
    from auto_LiRPA import BoundedModule, BoundedTensor, PerturbationLpNorm

    bounded = BoundedModule(network, torch.empty_like(x), device="cpu", bound_opts={"conv_mode": "patches"})
    ends = {"x_L": (x - EPS).clamp(min=0), "x_U": (x + EPS).clamp(max=1)}
    z = BoundedTensor(x, PerturbationLpNorm(norm=math.inf, eps=EPS, **ends))
    rows = torch.cat([torch.ones(CLASSES - 1, 1), -torch.eye(CLASSES - 1)], 1)[None]
    return lambda: bounded.compute_bounds(x=(z,), C=rows, method=CASES[case][0], bound_upper=False)[0]


def peak_bytes() -> int:
    """Return the largest memory that this process has held so far."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


SIDES = {"ours": ours, "auto_LiRPA": peers}


if __name__ == "__main__":
    main()
