"""Weights out of files: from safetensors and torch.save, and nothing else out of them."""

import os
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from hauberk.errors import InputError
from hauberk.weights import load_weights


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


@pytest.mark.parametrize("ending", ["safetensors", "pt", "pth"])
def test_weights_are_those_of_the_file(ending: str, tmp_path: Path):
    given, taker, file = network(1), network(2), tmp_path / f"weights.{ending}"
    (save_file if ending == "safetensors" else torch.save)(given.state_dict(), file)
    load_weights(taker, file)
    assert same(given, taker)


def test_an_entry_of_a_file_and_names_with_a_prefix(tmp_path: Path):
    given, taker, file = network(1), network(2), tmp_path / "weights.pt"
    state = {f"module.{name}": value for name, value in given.state_dict().items()} | {"step": torch.tensor(3)}
    torch.save({"epoch": 7, "state_dict": state}, file)
    load_weights(taker, file, entry="state_dict", prefix="module.")
    assert same(given, taker)
    with pytest.raises(InputError, match="no entry 'model': it has epoch, state_dict"):
        load_weights(taker, file, entry="model")


class Hostile:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_a_hostile_pickle_is_refused_before_anything_runs(tmp_path: Path):
    file, made = tmp_path / "weights.pt", tmp_path / "made"
    torch.save({"0.weight": Hostile(made)}, file)
    with pytest.raises(InputError, match=re.escape(str(file))):
        load_weights(network(1), file)
    assert not made.exists()


@pytest.mark.parametrize("ending", ["safetensors", "pt"])
@pytest.mark.parametrize("content", [None, b"", b"no weights", 7, [1.0], {"0.weight": 3}])
def test_what_holds_no_weights_of_the_network_is_refused(ending: str, content: object, tmp_path: Path):
    file = tmp_path / f"weights.{ending}"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        torch.save(content, file)
    before, taker = network(1), network(1)
    with pytest.raises(InputError, match="does not hold the weights of the network"):
        load_weights(taker, file)
    assert same(before, taker)


def test_weights_of_another_network_are_refused_by_name(tmp_path: Path):
    file = tmp_path / "weights.safetensors"
    save_file(nn.Linear(3, 4).state_dict(), file)
    with pytest.raises(InputError, match=r"0\.weight"):
        load_weights(network(1), file)
