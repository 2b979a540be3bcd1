"""Training by several processes ends where training by one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from hauberk.training.team import Team
from training.trained_together import OBJECTIVES, trained

SCRIPT = Path(__file__).with_name("trained_together.py")


def together(objective: str, folder: Path, *options: str) -> int:
    """Run the script in two processes and return the exit status."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", SCRIPT]
    tests = str(SCRIPT.parents[1])
    path = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    done = subprocess.run([*command, objective, folder, *options], env=environment, capture_output=True, text=True)
    if done.returncode and "--die" not in options:
        print(done.stderr)
    return done.returncode


def furthest_apart(network: nn.Module, folder: Path) -> float:
    found = load_file(folder / "together.safetensors")
    return max(float((tensor - found[name]).abs().max()) for name, tensor in network.state_dict().items())


def journal(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in ("seconds", "cpu_seconds")} for line in lines]


@pytest.mark.parametrize(
    ("objective", "normalized"),
    [
        *(pytest.param(name, False, marks=pytest.mark.product) for name in OBJECTIVES),
        pytest.param("adversarial", True, marks=pytest.mark.product),
        ("certified", True),
    ],
)
def test_two_processes_end_where_one_does(objective: str, normalized: bool, tmp_path: Path):
    alone = trained(objective, tmp_path / "alone", normalized=normalized)
    assert together(objective, tmp_path / "pair", *["--normalized"][:normalized]) == 0
    assert furthest_apart(alone, tmp_path / "pair") < 1e-10
    for one, two in zip(journal(tmp_path / "alone"), journal(tmp_path / "pair"), strict=True):
        assert one.pop("loss") == pytest.approx(two.pop("loss"), rel=0, abs=1e-10)
        assert one.pop("validation_loss", 0) == pytest.approx(two.pop("validation_loss", 0), rel=0, abs=1e-10)
        assert one == two


@pytest.mark.product
@pytest.mark.parametrize("survivors", [1, 2])
def test_after_a_process_was_killed_as_many_as_there_are_go_on(survivors: int, tmp_path: Path):
    alone = trained("free", tmp_path / "alone")
    assert together("free", tmp_path / "pair", "--die", "17") != 0
    assert [path.name for path in (tmp_path / "pair" / "checkpoint").iterdir()] == ["000000015"]
    if survivors == 2:
        assert together("free", tmp_path / "pair", "--resume") == 0
        assert furthest_apart(alone, tmp_path / "pair") < 1e-10
    else:
        resumed = trained("free", tmp_path / "pair", resume=True)
        for first, second in zip(alone.parameters(), resumed.parameters(), strict=True):
            torch.testing.assert_close(first, second, rtol=0, atol=1e-10)
    assert [line["step"] for line in journal(tmp_path / "pair")] == [
        line["step"] for line in journal(tmp_path / "alone")
    ]


def test_alone_everything_is_mine():
    team, index = Team("no"), torch.arange(5)
    assert team.first
    assert torch.equal(team.share(index), index)
    assert torch.equal(team.total(index.double()), index.double())
    assert torch.equal(team.gathered(index.double()), index.double())


def test_every_tensor_is_overwritten_with_the_first_processes(monkeypatch: pytest.MonkeyPatch):
    def from_the_first(tensor: torch.Tensor) -> None:
        tensor.fill_(7)

    monkeypatch.setattr("hauberk.training.team.broadcast", from_the_first)
    tensors = [torch.zeros(2), torch.ones(3)]
    Team("no").agree(tensors)
    assert all((tensor == 7).all() for tensor in tensors)
