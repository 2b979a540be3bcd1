"""What do bounds and training steps cost, in natural training steps of the same network, on one core?

    python benchmarks/steps.py --run RUN [--batch 128] [--repeats 7]

A natural step is forward, backward and update on clean examples. Everything is timed in this one process, per image, as
the median of the repeats, on the network of a finished run: what CROWN costs grows with the number of unstable neurons,
so initial weights would say nothing.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from safetensors.torch import load_file

from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective
from hauberk.concepts.schedule import Progress
from hauberk.concepts.slopes import Parallel
from hauberk.concepts.specification import LinearSpec
from hauberk.datasets import MNIST
from hauberk.losses import CrossEntropy
from hauberk.objectives import Certified, Natural
from hauberk.recipe import build, read_recipe
from hauberk.schedules import Constant
from hauberk.threats import LinfBall


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = MNIST()
    network = build(read_recipe(str(options.run / "recipe.yaml"), [])).network
    network.load_state_dict(load_file(options.run / "model.safetensors"))
    x, y = data.test().batch(slice(0, options.batch))
    graph, threat = capture(network, x), LinfBall(0.1)
    noise, progress = Noise.of(0, torch.arange(len(x))), Progress(0, 1, 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.0)  # the weights must stay those of the run

    def step(objective: Objective) -> None:
        network.train()
        value = objective(graph, x, y, threat, progress=progress, noise=noise)
        optimizer.zero_grad(set_to_none=True)
        value.loss.backward()
        optimizer.step()

    def bound(bounder: Bounder) -> None:
        network.eval()
        with torch.no_grad():
            bounder(graph.frozen(), threat.at(x), LinearSpec.margins(y, graph.classes))

    loss, crown_ibp = CrossEntropy(), BackwardLinear(Interval())
    cases: dict[str, Callable[[], None]] = {
        "natural step": lambda: step(Natural(loss)),
        "interval step": lambda: step(Certified(Interval(), loss, Constant(0.0))),
        "interval step with clean term": lambda: step(Certified(Interval(), loss, Constant(0.5))),
        "CROWN-IBP step, all rows": lambda: step(Certified(crown_ibp, loss, Constant(0.5))),
        "interval margins": lambda: bound(Interval()),
        "CROWN-IBP margins": lambda: bound(crown_ibp),
        "CROWN margins": lambda: bound(BackwardLinear()),
        "Fast-Lin margins": lambda: bound(BackwardLinear(slopes=Parallel())),
    }
    title = f"{type(network).__name__}, batch {options.batch}"
    table = Table("one core, per image", "ms", "natural steps", title=title)
    natural = 0.0
    for name, case in cases.items():
        ms = 1000 * seconds(case, options.repeats) / len(x)
        natural = natural or ms
        table.add_row(name, f"{ms:.3f}", f"{ms / natural:.1f}")
    Console().print(table)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


def seconds(case: Callable[[], None], repeats: int) -> float:
    case()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        case()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


if __name__ == "__main__":
    main()
