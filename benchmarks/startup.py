"""Measure how long commands take that need no torch, beside an import of torch.

    python benchmarks/startup.py [--repeats 9] [--csv FILE]

Each command is a process of its own, with compiled modules and files in the caches of Python and the system: a first
round is not counted. Commands take turns, so that a change of the machine's speed affects them all. Mistakes are in
the table because whoever makes one waits for its message.
"""

import argparse
import csv
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

HAUBERK = (sys.executable, "-m", "hauberk")
CASES = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "python -c 'import torch'": (sys.executable, "-c", "import torch"),
    "hauberk --help": (*HAUBERK, "--help"),
    "hauberk --version": (*HAUBERK, "--version"),
    "hauberk train --help": (*HAUBERK, "train", "--help"),
    "hauberk info": (*HAUBERK, "info"),
    "hauberk info attacks": (*HAUBERK, "info", "attacks"),
    "hauberk info attacks.PGD": (*HAUBERK, "info", "attacks.PGD"),
    "hauberk info mnist-demo": (*HAUBERK, "info", "mnist-demo"),
    "hauberk trian (unknown command)": (*HAUBERK, "trian"),
    "hauberk train mnist-demo --ressume (unknown option)": (*HAUBERK, "train", "mnist-demo", "--ressume"),
    "hauberk train (missing argument)": (*HAUBERK, "train"),
    "hauberk train mnist-dem (misspelt recipe)": (*HAUBERK, "train", "mnist-dem"),
}


def main() -> None:
    """Start every command several times and print the medians."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(options.repeats + 1):
        for name, command in CASES.items():
            times[name].append(seconds(command))
    rows = [(name, median(found[1:]), max(found[1:])) for name, found in times.items()]
    table = Table("command", "median s", "largest s", title=f"{options.repeats} starts each")
    for name, middle, largest in rows:
        table.add_row(name, f"{middle:.2f}", f"{largest:.2f}")
    Console().print(table)
    if options.csv:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("command", "median_s", "largest_s"), *rows])


def seconds(command: tuple[str, ...]) -> float:
    """Return the seconds that a command takes, from its start to its end."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
