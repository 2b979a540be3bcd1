"""Compare bounds and certified training steps with the peers' own on the same network, batch and set.

    python benchmarks/bound_peers.py --peer peers/bin/python [--cases NAME ...] [--repeats 5] [--rounds 3] [--csv FILE]

The peers are auto_LiRPA (patches) and convex_adversarial, in an environment of their own (see old_names.py) that runs
this file with Hauberk's sources on the path. Each side runs on one core, in a process of its own; the sides take turns,
`--rounds` times, and a round's figure is the median of `--repeats` calls. Times are CPU times, memory the process's
peak above what it held before the first call. Hauberk's bounds are rounded outward, the peers' are not. Margins are
means over batch and classes: the tighter bound has the larger one; of a training step it is the loss.
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
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from hauberk.allocator import keep_freed_memory

RESULTS = Path(__file__).parents[1] / "results"
RUNS = {
    "by PGD": "2026-11-21_attacks/network",
    "by projections": "2026-11-21_mnist-projected/network",
    "by intervals": "2026-11-22_certified-training/networks/ibp-0.3",
    "by MTL-IBP": "2026-11-22_certified-training/networks/mtl-ibp-0.3",
}


@dataclass(frozen=True)
class Case:
    """A method to time.

    Args:
        network: the name of a recorded network; "CIFAR" for a random one of that size.
        batch: the number of examples.
        eps: the radius.
        method: our method, and the peer's name of it.
        norm: the norm of the ball.
    """

    network: str
    batch: int
    eps: float
    method: tuple[str, str]
    norm: str = "linf"


CROWN_IBP, CROWN = ("CROWN-interval", "CROWN-IBP"), ("CROWN", "CROWN")
CASES = {
    "interval margins": Case("by MTL-IBP", 200, 0.3, ("interval", "IBP")),
    "CROWN-interval margins": Case("by MTL-IBP", 200, 0.3, CROWN_IBP),
    "CROWN-interval margins, CIFAR-10": Case("CIFAR", 200, 2 / 255, CROWN_IBP),
    "CROWN margins": Case("by projections", 32, 0.1, CROWN),
    "alpha-CROWN, 20 iterations": Case("by projections", 32, 0.1, ("alpha-CROWN", "CROWN-Optimized")),
    "alpha-CROWN, hidden bounds too": Case("by projections", 32, 0.1, ("alpha-CROWN, all", "CROWN-Optimized")),
    "projected step, linf": Case("by projections", 50, 0.1, ("projections", "l1_median")),
    "projected step, l2": Case("by projections", 50, 0.3, ("projections", "l2_normal"), "l2"),
}


def main() -> None:
    """Time every case in processes in turns, and print a table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--peer", help="the Python of an environment with the peers")
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES), metavar="NAME")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--side", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        side, name = options.side
        print(json.dumps(measured(side, name, options.repeats)))
        return
    pythons = {"ours": sys.executable} | ({"peer": options.peer} if options.peer else {})
    rows = []
    for name in options.cases:
        turns = [
            {side: asked(python, side, name, options.repeats) for side, python in pythons.items()}
            for _ in range(options.rounds)
        ]
        row: dict[str, object] = {"case": name, "batch": CASES[name].batch}
        for side in pythons:
            for key in ("ms", "mib", "margin"):
                row[f"{key}, {side}"] = median(turn[side][key] for turn in turns)
        row["ratio"] = median(turn["peer"]["ms"] / turn["ours"]["ms"] for turn in turns) if options.peer else math.nan
        rows.append(row)
        print(row, file=sys.stderr, flush=True)
    table = Table(*rows[0], title="ours and the peers', one core")
    for row in rows:
        table.add_row(*(f"{value:.3g}" if isinstance(value, float) else str(value) for value in row.values()))
    Console(width=160).print(table)
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


def asked(python: str, side: str, name: str, repeats: int) -> dict[str, float]:
    """Return what a process of its own measures of one side."""
    command = [python, "-W", "ignore", __file__, "--repeats", str(repeats), "--side", side, name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    found = json.loads(done.stdout.splitlines()[-1]) if not done.returncode and done.stdout else {}
    return {"ms": math.nan, "mib": math.nan, "margin": math.nan} | found


def measured(side: str, name: str, repeats: int) -> dict[str, float]:
    """Return the median CPU time of a call, its peak memory and its margin."""
    torch.set_num_threads(1)
    keep_freed_memory()
    case = CASES[name]
    network, x, y = problem(case)
    run = {"ours": ours, "peer": peers}[side](case, network, x, y)
    before = peak_bytes()
    margin, times = run(), []
    for _ in range(repeats):
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return {"ms": 1e3 * median(times), "mib": (peak_bytes() - before) / 2**20, "margin": margin}


def problem(case: Case) -> tuple[nn.Module, Tensor, Tensor]:
    """Return a network, inputs and labels."""
    if case.network == "CIFAR":
        from hauberk.architectures import Small

        torch.manual_seed(0)
        generator = torch.Generator().manual_seed(1)
        x, y = torch.rand(case.batch, 3, 32, 32, generator=generator), torch.arange(case.batch) % 10
        return Small((3, 32, 32), 10).eval(), x, y
    from safetensors.torch import load_file

    from hauberk.architectures import Small
    from hauberk.datasets import MNIST

    network = Small((1, 28, 28), 10).eval()
    network.load_state_dict(load_file(RESULTS / RUNS[case.network] / "model.safetensors"))
    return network, *MNIST().test().batch(slice(0, case.batch))


def ours(case: Case, network: nn.Module, x: Tensor, y: Tensor) -> Callable[[], float]:
    """Return a call of Hauberk."""
    from hauberk.bounds import BackwardLinear, Interval, OptimizedLinear, Projected
    from hauberk.capture import capture
    from hauberk.concepts.noise import Noise
    from hauberk.concepts.schedule import Progress
    from hauberk.concepts.specification import LinearSpec
    from hauberk.losses import CrossEntropy
    from hauberk.objectives import Certified
    from hauberk.schedules import Constant
    from hauberk.threats import L2Ball, LinfBall

    threat = LinfBall(case.eps) if case.norm == "linf" else L2Ball(case.eps, within=None)
    graph = capture(network, x)
    if case.method[0] == "projections":
        objective, noise = Certified(Projected(50), CrossEntropy(), Constant(0.0)), Noise.of(0, torch.arange(len(x)))

        def step() -> float:
            value = objective(graph, x, y, threat, progress=Progress(0, 1, 1), noise=noise)
            network.zero_grad()
            value.loss.backward()
            return value.loss.item()

        return step
    bounders = {
        "interval": Interval(),
        "CROWN-interval": BackwardLinear(Interval()),
        "CROWN": BackwardLinear(),
        "alpha-CROWN": OptimizedLinear(20, BackwardLinear()),
        "alpha-CROWN, all": OptimizedLinear(20),
    }
    bounder, S, spec = bounders[case.method[0]], threat.at(x), LinearSpec.margins(y, 10)

    def bound() -> float:
        with torch.no_grad():
            return bounder(graph.frozen(), S, spec).lower.mean().item()

    return bound


def peers(case: Case, network: nn.Module, x: Tensor, y: Tensor) -> Callable[[], float]:
    """Return a call of the peer."""
    if case.method[0] == "projections":
        from convex_adversarial import robust_loss

        layers = nn.Sequential(*network.children())

        def step() -> float:
            loss, _ = robust_loss(layers, case.eps, x, y, bounded_input=False, proj=50, norm_type=case.method[1])
            network.zero_grad()
            loss.backward()
            return loss.item()

        return step
    import old_names  # noqa: F401  (before auto_LiRPA)
    from auto_LiRPA import BoundedModule, BoundedTensor, PerturbationLpNorm

    options = {"conv_mode": "patches", "optimize_bound_args": {"iteration": 20}}
    bounded = BoundedModule(network, torch.empty_like(x), device="cpu", bound_opts=options)
    ends = {"x_L": (x - case.eps).clamp(min=0), "x_U": (x + case.eps).clamp(max=1)}
    z = BoundedTensor(x, PerturbationLpNorm(norm=math.inf, eps=case.eps, **ends))
    classes = torch.arange(10)
    rows = [torch.eye(10)[label] - torch.eye(10)[classes != label] for label in y]
    margins = torch.stack(rows)

    def bound() -> float:
        return bounded.compute_bounds(x=(z,), C=margins, method=case.method[1], bound_upper=False)[0].mean().item()

    return bound


def peak_bytes() -> int:
    """Return the largest memory that this process has held so far."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
