"""The order of maps in memory."""

import pytest
import torch
from torch import nn

from hauberk.concepts.rows import Rows
from hauberk.kernels.layout import channels_last, from_order, in_order, lay_out

MAPS = torch.arange(120.0).view(2, 3, 4, 5)


@pytest.mark.parametrize("last", [False, True])
def test_an_order_can_be_undone(last):
    assert torch.equal(from_order(in_order(MAPS, last), (3, 4, 5), last), MAPS)
    blocks = MAPS.unsqueeze(1).expand(-1, 6, -1, -1, -1)
    assert torch.equal(from_order(in_order(blocks, last, 2), (3, 4, 5), last), blocks)


def test_convolutions_results_are_recognised():
    maps = MAPS.contiguous(memory_format=torch.channels_last)
    assert channels_last(maps)
    assert channels_last(maps.unflatten(0, (1, 2)), 2)
    assert not channels_last(maps.unflatten(0, (1, 2)))
    assert in_order(maps, last=True).data_ptr() == maps.data_ptr()
    assert not channels_last(MAPS)
    assert not channels_last(MAPS.flatten(1))
    assert not channels_last(MAPS[:, :, ::2])


def test_rows_meet_tables_in_their_own_order():
    weights = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    owner = torch.tensor([0, 1])
    first = Rows(MAPS, owner)
    last = Rows(MAPS.contiguous(memory_format=torch.channels_last), owner)
    assert last.last
    assert not first.last
    expected = (MAPS * weights).flatten(1).sum(1)
    for rows in (first, last):
        torch.testing.assert_close((rows.flat * rows.table(weights)).sum(1), expected)
        assert torch.equal(rows.with_flat(rows.flat * 2).values, MAPS * 2)


def test_the_kernels_of_convolutions_are_laid_out_and_nothing_else():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv1d(4, 4, 3), nn.Linear(4, 2))
    before = {name: t.clone() for name, t in network.state_dict().items()}
    assert lay_out(network, torch.channels_last) == [network[0]]
    assert lay_out(network, torch.channels_last) == []
    assert channels_last(network[0].weight)
    assert channels_last(network[0](MAPS[:, :, :3, :3].repeat(1, 1, 2, 2)))
    assert all(t.is_contiguous() for name, t in network.state_dict().items() if name != "0.weight")
    assert all(torch.equal(t, before[name]) for name, t in network.state_dict().items())
    lay_out(network, torch.contiguous_format)
    assert network[0].weight.is_contiguous()
