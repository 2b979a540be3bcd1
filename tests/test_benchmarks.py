"""The soundness benchmark runs on every architecture; its figures come from longer runs."""

import subprocess
import sys
from pathlib import Path

SOUNDNESS = Path(__file__).parents[1] / "benchmarks" / "soundness.py"


def test_no_bound_is_crossed():
    command = [sys.executable, SOUNDNESS, "--samples", "1", "--attacked", "1"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.endswith(" 0 crossings\n")
