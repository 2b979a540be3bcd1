"""Check Hauberk on an accelerator, count what its steps ask of it, and time them beside plain torch loops.

    python benchmarks/accelerator.py [--device cuda] [--tiny] [--rows NAME ...] [--seconds 1.5] [--minutes 7] [--seed 0]
                                     [--launch 5] [--bandwidth 4.8] [--teraflops 50] [--csv FILE] [--markdown FILE]

It needs one GPU, no data and no network, and starts no row after `--minutes`; the recorded networks are those of
results/. Without MNIST, images of its shape are generated. Checks come first: a failed one ends the command with an
error, after the table.

On a GPU, launches, waits and the busy share of the card come from torch's profiler, memory from torch's allocator, and
times are medians of calls in turns. On a CPU, launches are the operations that the same call dispatches when it takes
no kernel made for CPUs (so an optimizer counts one a tensor group, as it does on a GPU), and every row is foretold: the
launches times `--launch` microseconds, the bytes that operations read and write over `--bandwidth` terabytes a second,
and the arithmetic of products and convolutions over `--teraflops`. That is what a device takes if nothing holds it up,
as in a CUDA graph; on the H200 a processor that sent one operation after the other took 30 to 55 microseconds for each
of a training step, during which the device computes. The last two columns are milliseconds on that H200 in November
2026, before steps were made for GPUs: Hauberk's, and those of the plain loop or of the peer.
"""

import argparse
import csv
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from accelerator_cases import CASES
from accelerator_checks import CHECKS
from accelerator_counts import Work, work
from accelerator_setting import Setting
from rich.console import Console
from rich.table import Table

from hauberk.allocator import keep_freed_memory

MOST = 100
"""The largest number of calls of a side that are timed."""
Row = dict[str, str | float | int | None]


def main() -> None:
    """Check, count and time, and print one table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--tiny", action="store_true", help="the smallest sizes, each call once: a trial of the command"
    )
    parser.add_argument("--rows", nargs="*", choices=CASES, default=list(CASES), metavar="NAME")
    parser.add_argument("--seconds", type=float, default=1.5, help="how long a side of a row is timed; 0: once")
    parser.add_argument("--minutes", type=float, default=7, help="no row starts later")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--launch", type=float, default=5, help="microseconds a launch, for what is foretold")
    parser.add_argument("--bandwidth", type=float, default=4.8, help="terabytes a second")
    parser.add_argument("--teraflops", type=float, default=50, help="arithmetic in float32, in 10^12 a second")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    began = time.monotonic()
    setting = Setting(torch.device(options.device), options.tiny, options.seed)
    checked = {name: check(setting) for name, check in CHECKS.items()}
    rows = []
    for name in options.rows:
        if CASES[name].half and setting.device.type == "cpu":
            continue
        if time.monotonic() - began > 60 * options.minutes:
            print(f"no time is left for {name}", file=sys.stderr)
            continue
        rows.append(row(name, setting, options))
        print(f"{name} is done", file=sys.stderr)
    facts = f"{machine(setting.device)}, torch {torch.__version__}, seed {options.seed}"
    verdicts = [f"{name}: {'passed' if passed else 'FAILED'}, {said}" for name, (passed, said) in checked.items()]
    show(rows, facts, verdicts)
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    if options.markdown:
        options.markdown.write_text(markdown(rows, facts, verdicts), encoding="utf-8")
    if not all(passed for passed, _ in checked.values()):
        sys.exit("a check failed")


def row(name: str, setting: Setting, options: argparse.Namespace) -> Row:
    """Count and time a case."""
    case = CASES[name]
    own, plain = case.make(setting)
    sides = [side for side in (own, plain) if side is not None]
    for side in sides:
        side()  # compiles, chooses algorithms, makes the optimizer's state
    asked: list[Work] = [work(side, setting.device) for side in sides]
    rates = options.launch * 1e-6, options.bandwidth * 1e12, options.teraflops * 1e12
    foretold = [each.seconds(*rates) for each in asked]
    seconds = 0 if setting.tiny else options.seconds * len(sides)
    times = [median(found) for found in timed(sides, setting.device, seconds)]
    found: Row = {"row": name, "ours_ms": 1000 * times[0], "plain_ms": 1000 * times[1] if plain else None}
    found |= {"ratio": times[0] / times[1] if plain else None}
    for label, values in (
        ("launches", [each.launches for each in asked]),
        ("waits", [each.waits for each in asked]),
        ("foretold_ms", [None if each is None else 1000 * each for each in foretold]),
        ("peak_mb", [each.peak / 1e6 for each in asked]),
        ("busy", [each.busy for each in asked]),
    ):
        found |= {label: values[0], f"plain_{label}": values[1] if plain else None}
    return found | {"h200_ms": case.ours, "h200_plain_ms": case.theirs}


def timed(sides: list[Callable[[], object]], device: torch.device, seconds: float) -> list[list[float]]:
    """Return the times of calls, in turns: three of each and more while there is time; with none, one of each."""
    found: list[list[float]] = [[] for _ in sides]
    began = time.perf_counter()
    least = 3 if seconds else 1
    while len(found[0]) < least or (time.perf_counter() - began < seconds and len(found[0]) < MOST):
        for side, times in zip(sides, found, strict=True):
            times.append(once(side, device))
    return found


def once(call: Callable[[], object], device: torch.device) -> float:
    """Return the seconds of a call: of the processor on a CPU, until the device is done elsewhere."""
    if device.type == "cpu":
        began = time.process_time()
        call()
        return time.process_time() - began
    torch.cuda.synchronize()
    began = time.perf_counter()
    call()
    torch.cuda.synchronize()
    return time.perf_counter() - began


COLUMNS = {
    "ms": ("ours_ms", "plain_ms", ".2f"),
    "ratio": ("ratio", None, ".2f"),
    "launches": ("launches", "plain_launches", "d"),
    "waits": ("waits", "plain_waits", "d"),
    "foretold ms": ("foretold_ms", "plain_foretold_ms", ".2f"),
    "peak MB": ("peak_mb", "plain_peak_mb", ".0f"),
    "busy": ("busy", "plain_busy", ".0%"),
    "H200 before, ms": ("h200_ms", "h200_plain_ms", "g"),
}
"""The columns of the table: what they show of Hauberk and of the plain loop, and how."""


def cells(row: Row) -> list[str]:
    """Return a row's cells as text: Hauberk's number, and the plain loop's after a slash."""
    found = [str(row["row"])]
    for own, plain, form in COLUMNS.values():
        numbers = [row[key] for key in (own, plain) if key is not None]
        found.append(" / ".join(format(n, form) for n in numbers if n is not None))
    return found


def show(rows: list[Row], facts: str, verdicts: list[str]) -> None:
    """Print the table and the checks."""
    table = Table("Hauberk / plain torch", *COLUMNS, title=facts)
    for each in rows:
        table.add_row(*cells(each))
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)
    for verdict in verdicts:
        console.print(verdict, highlight=False)


def markdown(rows: list[Row], facts: str, verdicts: list[str]) -> str:
    """Return the same as text for a README."""
    lines = [["Hauberk / plain torch", *COLUMNS], ["---"] * (len(COLUMNS) + 1), *map(cells, rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    listed = "\n".join(f"- {verdict}" for verdict in verdicts)
    return f"{facts}\n\n`python benchmarks/{Path(__file__).name}`\n\n{table}\n\n{listed}\n"


def machine(device: torch.device) -> str:
    """Return what the figures were measured on."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{platform.machine()} CPU, one thread"


if __name__ == "__main__":
    main()
