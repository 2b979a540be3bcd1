"""Checkpoints: what is written comes back, and only the newest stays."""

import re
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
    (tmp_path / ".000000011.unfinished-5").mkdir()
    network, optimizer = made(2)
    assert load_checkpoint(tmp_path, EXPERIMENT, network, optimizer)[0] == 10
    write(tmp_path, 10)
    assert [path.name for path in tmp_path.iterdir()] == ["000000010"]
    with pytest.raises(InputError, match="000000010 cannot be restored"):
        load_checkpoint(tmp_path, EXPERIMENT, nn.Linear(5, 2), optimizer)


NUMBERS = {
    "another step": lambda text: text.replace('"step": 12', '"step": 1000000000'),
    "no counters": lambda text: re.sub(r'"counters": {.*?}', '"counters": {}', text),
    "infinity": lambda text: text.replace("0.5", "Infinity"),
    "no JSON": lambda text: text[:-1],
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_a_changed_number_is_damage(kind: str, tmp_path: Path):
    write(tmp_path, 12)
    state = tmp_path / "000000012" / "state.json"
    text = state.read_text()
    state.write_text(NUMBERS[kind](text))
    assert state.read_text() != text
    with pytest.raises(InputError, match=r"000000012 cannot be restored: not as they were written are state\.json"):
        load_checkpoint(tmp_path, EXPERIMENT, *made(0))


def test_files_that_came_or_went_are_damage(tmp_path: Path):
    write(tmp_path, 12)
    (tmp_path / "000000012" / "memory.safetensors").rename(tmp_path / "000000012" / "other.safetensors")
    with pytest.raises(InputError, match=r"written are memory\.safetensors, other\.safetensors"):
        load_checkpoint(tmp_path, EXPERIMENT, *made(0))
    (tmp_path / "000000012" / "digests.json").unlink()
    with pytest.raises(InputError, match="Delete it to start afresh"):
        load_checkpoint(tmp_path, EXPERIMENT, *made(0))


def test_what_others_put_beside_checkpoints_stays(tmp_path: Path):
    (tmp_path / "notes").mkdir()
    (tmp_path / ".DS_Store").touch()
    (tmp_path / "000000099").symlink_to(tmp_path / "notes")
    write(tmp_path, 9)
    write(tmp_path, 10)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".DS_Store", "000000010", "000000099", "notes"]
    assert load_checkpoint(tmp_path, EXPERIMENT, *made(0))[0] == 10
