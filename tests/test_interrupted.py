"""Ctrl-C and SIGTERM at any moment: one line and the status that shells expect."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from longer import mostly_later

DATA = "data={class: datasets.Generated, shape: [1, 28, 28], classes: 10, train: 2000, test: 10}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("seconds", mostly_later([1.0, 0.2, 0.5, 2.0, 3.0, 4.0, 6.0, 9.0], every=8))
def test_one_line_and_the_status(number: signal.Signals, seconds: float, tmp_path: Path):
    changes = ["--set", DATA, "--set", "trainer.held_out=100"]
    command = [sys.executable, "-m", "hauberk", "train", "mnist-demo", "--run", str(tmp_path / "run"), *changes]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    began = time.monotonic()
    while not started(process.pid) or time.monotonic() < began + seconds:
        time.sleep(0.01)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number, errors
    said = "terminated" if number == signal.SIGTERM else "interrupted"
    lines = [line for line in errors.splitlines() if not line.startswith(("step", "epoch"))]
    assert lines == [f"{said}: --resume goes on from here"]
    assert not output
    assert not list(tmp_path.rglob(".*"))


def test_an_import_that_swallows_interruptions_is_ended(tmp_path: Path):
    (tmp_path / "stubborn.py").write_text(
        "import os, signal\n"
        "try:\n    os.kill(os.getpid(), signal.SIGTERM)\n"
        "except BaseException:\n    print('swallowed')\n"
    )
    program = (
        "import signal, sys\nfrom hauberk.__main__ import interrupt\nsignal.signal(signal.SIGTERM, interrupt)\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\nimport stubborn\n"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert answer.returncode == 128 + signal.SIGTERM
    assert answer.stdout == ""
    assert answer.stderr == "terminated: --resume goes on from here\n"


def started(pid: int) -> bool:
    """Return whether a process has a handler of its own for SIGTERM."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return True
    (caught,) = (line for line in status.read_text().splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
