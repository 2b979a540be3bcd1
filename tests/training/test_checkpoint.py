"""Checkpoints: what is written comes back, and only the newest stays."""

from pathlib import Path

import pytest
import torch
from torch import nn

from hauberk.errors import InputError
from hauberk.identity import stamped
from hauberk.training.checkpoint import OTHERS, load_checkpoint, save_checkpoint

EXPERIMENT = stamped({"seed": 0})


def made(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    network = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1 * (seed + 1))
    network(torch.rand(4, 3)).sum().backward()
    optimizer.step()
    optimizer.state[network.bias]["count"] = 7 + seed  # some optimisers keep plain numbers, too
    return network, optimizer


def write(folder: Path, step: int, seed: int = 0) -> tuple[nn.Module, torch.optim.Optimizer]:
    network, optimizer = made(seed)
    others = {name: {"rows": torch.arange(3.0).add(number)} for number, name in enumerate(OTHERS)}
    save_checkpoint(folder, step, EXPERIMENT, network, optimizer, {"best": 0.5, "collapsed": False}, others)
    return network, optimizer


def test_weights_optimiser_counters_and_other_tensors_come_back(tmp_path: Path):
    network, optimizer = write(tmp_path, 12)
    other, restored = made(3)
    step, counters, others = load_checkpoint(tmp_path, EXPERIMENT, other, restored)
    assert (step, counters) == (12, {"best": 0.5, "collapsed": False})
    assert {name: rows["rows"].tolist() for name, rows in others.items()} == {
        name: [number, number + 1.0, number + 2.0] for number, name in enumerate(OTHERS)
    }
    for one, same in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, same)
        first, second = optimizer.state[one], restored.state[same]
        assert first.keys() == second.keys()
        assert all(torch.equal(torch.as_tensor(first[key]), torch.as_tensor(second[key])) for key in first)
    assert restored.state[other.bias]["count"] == 7
    assert restored.param_groups[0]["lr"] == 0.1


def test_only_the_newest_stays_and_what_is_half_written_is_no_checkpoint(tmp_path: Path):
    assert load_checkpoint(tmp_path / "none", EXPERIMENT, *made(0)) is None
    write(tmp_path, 9)
    write(tmp_path, 10, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["000000010"]
    (tmp_path / ".000000011.5").mkdir()
    network, optimizer = made(2)
    assert load_checkpoint(tmp_path, EXPERIMENT, network, optimizer)[0] == 10
    write(tmp_path, 10)
    assert [path.name for path in tmp_path.iterdir()] == ["000000010"]
    with pytest.raises(InputError, match="000000010 cannot be restored"):
        load_checkpoint(tmp_path, EXPERIMENT, nn.Linear(5, 2), optimizer)
