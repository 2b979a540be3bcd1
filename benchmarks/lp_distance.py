"""Time l_p distances of rows on one core, or on several, against torch.cdist.

    python benchmarks/lp_distance.py [--batch 128] [--size 5120] [--threads 1] [--repeats 5] [--csv FILE]

Forward, and forward and backward, for p = inf, 8, a whole and a broken exponent. Both sides take turns in one process;
torch.cdist, which is slower by orders of magnitude, gets fewer rows of w, and figures are rates: 10^9 operations per
second, two for every |x - w|. Printed are medians and the median of the ratios of a round.
"""

import argparse
import csv
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from hauberk.kernels.lp_distance import lp_distance

EXPONENTS = (math.inf, 8.0, 20.0, 20.5, 100.0, 1000.0)
COLUMNS = ("p", "pass", "ours", "cdist", "ratio")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--size", type=int, default=5120, help="inputs, and neurons")
    parser.add_argument("--peer-rows", type=int, default=160, help="neurons for torch.cdist")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    x, w = torch.randn(options.batch, options.size), torch.randn(options.size, options.size)
    few = w[: options.peer_rows].clone()
    rows = [row for p in EXPONENTS for row in compared(p, x, w, few, options.repeats)]
    title = f"10^9 operations per second, {options.threads} thread(s), batch {options.batch}, size {options.size}"
    table = Table(*COLUMNS, title=title)
    for row in rows:
        table.add_row(*(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row))
    Console().print(table)
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *rows])


def compared(p: float, x: Tensor, w: Tensor, few: Tensor, repeats: int) -> list[tuple[str | float, ...]]:
    """Return the rows of one exponent."""
    exponent, found = torch.tensor(p), []
    for name, differentiated in (("forward", False), ("forward and backward", True)):
        ours, theirs = [], []
        for _ in range(repeats + 1):
            ours.append(rate(lambda a, b: lp_distance(a, b, exponent), x, w, differentiated))
            theirs.append(rate(lambda a, b: torch.cdist(a, b, p=p), x, few, differentiated))
        ratios = [one / other for one, other in zip(ours[1:], theirs[1:], strict=True)]  # the first round compiles
        medians = (statistics.median(times) for times in (ours[1:], theirs[1:], ratios))
        found.append((f"{p:g}", name, *medians))
    return found


def rate(distance: Callable[[Tensor, Tensor], Tensor], x: Tensor, w: Tensor, differentiated: bool) -> float:
    """Return 10^9 operations per second of wall-clock time."""
    x, w = x.detach().requires_grad_(differentiated), w.detach().requires_grad_(differentiated)
    begin = time.perf_counter()
    u = distance(x, w)
    if differentiated:
        u.sum().backward()
    return 2e-9 * len(x) * w.numel() / (time.perf_counter() - begin)


if __name__ == "__main__":
    main()
