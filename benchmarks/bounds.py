"""Measure the time of bounds and training steps, in natural steps of the same network, and their memory.

    python benchmarks/bounds.py RUN [--set threat.eps=0.1] [--repeats 7] [--cases NAME ...] [--csv FILE]

A natural step is forward, backward and update on 128 clean examples. Every case runs on one core in a process of its
own, which measures natural steps and the case in turns, so that both see the same machine; the table gives medians, per
image, and the peak of the process's memory above what it held before. RUN is the folder of a finished run: the cost of
bounds grows with the number of unstable neurons, so initial weights would say nothing. Bounds are computed with outward
rounding, as certificates are. Times are CPU times.

Methods of more than one pass are also compared with a single one, measured in the same turns: the dual network both
ways with either way, the two members of a union (the run's threat, and half of it) with the threat by itself.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from safetensors.torch import load_file
from torch import Tensor

from hauberk.allocator import keep_freed_memory
from hauberk.bounds import BackwardLinear, DualNetwork, Interval, OptimizedLinear, Projected
from hauberk.capture import capture
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.concepts.slopes import Parallel
from hauberk.concepts.specification import LinearSpec
from hauberk.losses import CrossEntropy
from hauberk.objectives import Certified, FusedCertified, Natural
from hauberk.recipe import build, read_recipe
from hauberk.schedules import Constant
from hauberk.threats import Union

LOSS, NONE, HALF = CrossEntropy(), Constant(0.0), Constant(0.5)
FAST_LIN, CROWN_IBP = BackwardLinear(slopes=Parallel()), BackwardLinear(Interval())


@dataclass(frozen=True)
class Case:
    """A method to time.

    Args:
        batch: the number of examples.
        method: a bounder, or an objective for a training step.
        single: the single pass that a bounder is compared with; None for no comparison.
        union: whether the bounder's set is the union of the run's threat and half of it.
    """

    batch: int
    method: Bounder | Objective
    single: Bounder | None = None
    union: bool = False


CASES: dict[str, Case] = {
    "interval margins": Case(200, Interval()),
    "CROWN-interval margins": Case(200, CROWN_IBP),
    "dual network, exact bounds": Case(10, FAST_LIN),
    "dual network both ways": Case(32, DualNetwork(), DualNetwork(intersect=True)),
    "dual network both ways, against the published one": Case(32, DualNetwork(), DualNetwork(intersect=False)),
    "interval, members apart": Case(200, Interval(), Interval(), union=True),
    "CROWN, members apart": Case(32, BackwardLinear(), BackwardLinear(), union=True),
    "CROWN, every layer by itself": Case(32, BackwardLinear()),
    "CROWN, every layer by itself ": Case(200, BackwardLinear()),
    "alpha-CROWN, 20 iterations": Case(32, OptimizedLinear(iterations=20)),
    "training: interval": Case(128, Certified(Interval(), LOSS, NONE)),
    "training: interval, clean term": Case(128, Certified(Interval(), LOSS, HALF)),
    "training: CROWN-interval, all rows": Case(128, Certified(CROWN_IBP, LOSS, HALF)),
    "training: CROWN-interval, loss fusion": Case(128, FusedCertified(Interval(), LOSS, HALF)),
    "training: dual network, exact": Case(10, Certified(FAST_LIN, LOSS, NONE)),
    "training: dual network, exact ": Case(50, Certified(FAST_LIN, LOSS, NONE)),
    "training: dual network, exact, frugal": Case(
        50, Certified(BackwardLinear(slopes=Parallel(), frugal=True), LOSS, NONE)
    ),
    "training: dual network, 50 projections": Case(50, Certified(Projected(50), LOSS, NONE)),
}


def main() -> None:
    """Measure every case in a process of its own, and print a table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--set", action="append", default=[], help="change the run's recipe, as in threat.eps=0.1")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES), metavar="NAME")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measured(options)))
        return
    table = Table("one core, per image", "batch", "ms", "natural steps", "single passes", "GiB", title=str(options.run))
    found = []
    for name in options.cases:
        command = [sys.executable, *sys.argv, "--case", name]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found.append({"case": name.strip(), "batch": CASES[name].batch} | json.loads(answer.splitlines()[-1]))
        row = found[-1]
        shown = [f"{row['ms']:.3f}", f"{row['ms'] / row['natural_ms']:.1f}", share(row), f"{row['gib']:.2f}"]
        table.add_row(name, str(row["batch"]), *shown)
    Console().print(table)
    print(found[-1]["facts"])
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, found[0])
            writer.writeheader()
            writer.writerows(found)


def share(row: dict[str, float | None]) -> str:
    """Return a case's time in single passes, as text; "" if it is compared with none."""
    return f"{row['ms'] / row['single_ms']:.2f}" if row["single_ms"] else ""  # pyright: ignore[reportOptionalOperand]


def measured(options: argparse.Namespace) -> dict[str, object]:
    """Time one case, natural steps and any single pass in turns."""
    torch.set_num_threads(1)
    keep_freed_memory()
    recipe = build(read_recipe(str(options.run / "recipe.yaml"), options.set))
    network, threat = recipe.network, recipe.threat
    network.load_state_dict(load_file(options.run / "model.safetensors"))
    case = CASES[options.case]
    batch = case.batch
    x, y = recipe.data.test().batch(slice(0, max(batch, 128)))
    graph = capture(network, x)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.0)  # the weights must stay those of the run
    noise = Noise.of(0, torch.arange(batch))

    def step(objective: Objective, x: Tensor, y: Tensor) -> None:
        network.train()
        value = objective(graph, x, y, threat, progress=Progress(0, 1, 1), noise=noise)
        optimizer.zero_grad(set_to_none=True)
        value.loss.backward()
        optimizer.step()

    def bound(bounder: Bounder, threat: ThreatModel) -> None:
        network.eval()
        spec = LinearSpec.margins(y[:batch], graph.classes)
        with torch.no_grad():
            bounder(graph.frozen(), threat.at(x[:batch]), spec)  # pyright: ignore[reportArgumentType]

    def once() -> None:
        if isinstance(case.method, Bounder):
            bound(case.method, Union([threat, threat.scaled(0.5)]) if case.union else threat)
        else:
            step(case.method, x[:batch], y[:batch])

    def single() -> None:
        if case.single is not None:
            bound(case.single, threat)

    natural = lambda: step(Natural(LOSS), x[:128], y[:128])  # noqa: E731
    natural()
    before = peak_bytes()
    once()
    held = peak_bytes() - before
    single()
    turns = [[seconds(timed) for timed in (natural, once, single)] for _ in range(options.repeats)]
    steps, own, passes = (1000 * statistics.median(turn) for turn in zip(*turns, strict=True))
    return {
        "ms": own / batch,
        "natural_ms": steps / 128,
        "single_ms": passes / batch if case.single is not None else None,
        "gib": held / 2**30,
        "facts": unstable(graph.frozen(), threat.at(x[:100])),
    }


def unstable(graph, S) -> str:
    """Return the mean numbers of unstable neurons per image, by CROWN's boxes and by intervals, as text."""
    network = {}
    for name, bounder in (("interval", Interval()), ("CROWN", BackwardLinear())):
        with torch.no_grad():
            boxes = bounder.boxes(graph, S, outward=False)
        network[name] = [round(boxes[i].unstable.flatten(1).sum(1).float().mean().item(), 1) for i in graph.relaxed]
    return f"unstable neurons per image, layer by layer: {network}"


def seconds(case: Callable[[], None]) -> float:
    """Return the CPU time of a call."""
    began = time.process_time()
    case()
    return time.process_time() - began


def peak_bytes() -> int:
    """Return the largest memory that this process has held so far."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
