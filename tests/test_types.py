"""Users' type checkers see Hauberk's types."""

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

CONSUMER = """
import torch
from hauberk.bounds import Interval
from hauberk.threats import LinfBall
from hauberk.verification import ByBound

threat = LinfBall("8/255")
verifier = ByBound(Interval())
reveal_type(threat.at(torch.zeros(2, 3)))
reveal_type(verifier.name)
LinfBall(radius=0.1)
"""


def test_the_package_says_that_it_has_types():
    assert files("hauberk").joinpath("py.typed").is_file()


@pytest.mark.product
@pytest.mark.parametrize(
    "command",
    [["mypy", "--no-incremental", "--follow-imports=silent"], ["pyright", "--pythonpath", sys.executable]],
    ids=["mypy", "pyright"],
)
def test_a_consumer_sees_the_types_and_a_wrong_argument(command, tmp_path: Path):
    consumer = tmp_path / "consumer.py"
    consumer.write_text(CONSUMER)
    answer = subprocess.run(
        [sys.executable, "-m", *command, str(consumer)], capture_output=True, text=True, cwd=tmp_path
    )
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert "LinfSet" in answer.stdout
    assert '"str"' in answer.stdout or '"builtins.str"' in answer.stdout
    wrong = [line for line in answer.stdout.splitlines() if ": error:" in line or "- error:" in line]
    assert len(wrong) in (1, 2), answer.stdout  # pyright also names the argument that is missing
    assert any("radius" in line for line in wrong)
