"""Measure how time and memory of a training step grow with the number of hidden units.

    python benchmarks/scaling.py --csv FILE [--largest 4000000] [--repeats 3]

One 3 x 3 convolution on one 28 x 28 digit, with more and more filters, a ReLU, 100 units, a ReLU, 10 logits: a step of
certified training at l_inf 0.1 with 50 random projections, with exact bounds by backward rows, and with exact bounds
carried forward (the published algorithm: a row for every pixel and every unstable neuron). Every point runs on one core
in a process of its own; bytes are the process's peak above what it held before the step, gradients included. A method
that has needed more than 12 GiB or 60 s is not tried on larger networks. After Wong 2020 (thesis), figure 3.20.
"""

import argparse
import csv
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import torch
from torch import nn

from hauberk.allocator import keep_freed_memory
from hauberk.bounds import BackwardLinear, ForwardLinear, Projected
from hauberk.capture import capture
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.concepts.slopes import Parallel
from hauberk.datasets import MNIST
from hauberk.losses import CrossEntropy
from hauberk.objectives import Certified
from hauberk.schedules import Constant
from hauberk.threats import LinfBall

PIXELS = 784
METHODS: dict[str, Bounder] = {
    "50 projections": Projected(50),
    "exact, backward rows": BackwardLinear(slopes=Parallel()),
    "exact, carried forward": ForwardLinear(intersect=True),
}


def main() -> None:
    """Measure every method on larger and larger networks."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--largest", type=int, default=4_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--point", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.point:
        print(json.dumps(measured(options.point[0], int(options.point[1]), options.repeats)))
        return
    filters = [1]
    while 2 * filters[-1] * PIXELS < options.largest:
        filters.append(2 * filters[-1])
    filters.append(options.largest // PIXELS)
    with options.csv.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["hidden_units", "method", "seconds", "bytes"])
        writer.writeheader()
        for method in METHODS:
            for count in filters:
                command = [sys.executable, *sys.argv, "--point", method, str(count)]
                answer = subprocess.run(command, capture_output=True, text=True)
                if answer.returncode:
                    print(f"{method}, {count * PIXELS:,} hidden units: failed", flush=True)
                    break
                row = {"hidden_units": count * PIXELS, "method": method} | json.loads(answer.stdout.splitlines()[-1])
                print(row, flush=True)
                writer.writerow(row)
                if row["seconds"] > 60 or row["bytes"] > 12 * 2**30:
                    break


def measured(method: str, filters: int, repeats: int) -> dict[str, float]:
    """Return the median CPU time of a step, and its peak memory."""
    torch.set_num_threads(1)
    keep_freed_memory()
    torch.manual_seed(0)
    x, y = MNIST().test().batch(slice(0, 1))
    network = nn.Sequential(
        *(nn.Conv2d(1, filters, 3, padding=1), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(filters * PIXELS, 100), nn.ReLU(), nn.Linear(100, 10)),
    )
    graph = capture(network, torch.cat([x, x]))
    network.train()
    objective = Certified(METHODS[method], CrossEntropy(), Constant(0.0))
    before, times = peak_bytes(), []
    for number in range(repeats + 1):
        began = time.process_time()
        noise = Noise.of(number, torch.zeros(1, dtype=torch.long))
        value = objective(graph, x, y, LinfBall(0.1), progress=Progress(0, 1, 1), noise=noise)
        network.zero_grad(set_to_none=True)
        value.loss.backward()
        times.append(time.process_time() - began)
    return {"seconds": median(times[1:]), "bytes": peak_bytes() - before}


def peak_bytes() -> int:
    """Return the largest memory that this process has held so far."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
