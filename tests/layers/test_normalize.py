"""Normalize: its values, its place in a network, and what it refuses."""

import pytest
import torch
from torch import nn

from hauberk.errors import InputError
from hauberk.layers import Normalize, Normalized

MEAN, STD = [0.5, 0.25, 0.0], [0.25, 0.5, 2.0]


def test_normalises_each_channel():
    x = torch.full((2, 3, 4, 5), 0.75)
    expected = torch.tensor([1.0, 1.0, 0.375])[None, :, None, None].expand(2, 3, 4, 5)
    assert torch.equal(Normalize(MEAN, STD)(x), expected)


def test_adds_nothing_to_the_state():
    network = nn.Conv2d(3, 2, 3)
    normalised = nn.Sequential(Normalize(MEAN, STD), network)
    assert list(Normalize(MEAN, STD).state_dict()) == []
    assert list(Normalize(MEAN, STD).parameters()) == []
    assert list(normalised.state_dict()) == ["1.weight", "1.bias"]


def test_follows_the_precision_of_the_module():
    x = torch.rand(2, 3, 4, 4, dtype=torch.float64)
    assert Normalize(MEAN, STD).double()(x).dtype == torch.float64
    assert Normalize(MEAN, STD).double().mean.dtype == torch.float64


def test_exports_with_a_dynamic_batch():
    module = Normalize(MEAN, STD).eval()
    batch = torch.export.Dim("batch")
    exported = torch.export.export(module, (torch.rand(2, 3, 4, 4),), dynamic_shapes=({0: batch},)).module()
    x = torch.rand(5, 3, 4, 4)
    assert torch.equal(exported(x), module(x))


@pytest.mark.parametrize(
    ("mean", "std", "fault"),
    [
        ([0.5], [0.5, 0.5], "has 1 and 2"),
        ([], [], "has 0 and 0"),
        ([0.5, 0.5], [0.5, 0.0], r"std\[1\].* 0\.0\."),
        ([0.5], [-1.0], r"std\[0\].* -1\.0\."),
        ([float("nan")], [1.0], r"mean\[0\].* nan\."),
        ([0.5], [float("inf")], r"std\[0\].* inf\."),
        ([0.5], [float("nan")], r"std\[0\].* nan\."),
    ],
)
def test_refuses_impossible_statistics(mean, std, fault):
    with pytest.raises(InputError, match=fault):
        Normalize(mean, std)


def test_a_normalised_network_is_the_sequence_of_both():
    network, x = nn.Conv2d(3, 2, 3), torch.rand(2, 3, 5, 5)
    made, plain = Normalized(MEAN, STD, network), nn.Sequential(Normalize(MEAN, STD), network)
    assert torch.equal(made(x), plain(x))
    assert list(made.state_dict()) == list(plain.state_dict()) == ["1.weight", "1.bias"]
