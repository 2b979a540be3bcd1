import torch

from hauberk.training.order import epoch_order, held_out


def test_held_out_examples_are_disjoint_from_the_others():
    trained_on, held = held_out(60_000, 1000, seed=3)
    assert len(held) == 1000
    assert torch.equal(torch.cat([trained_on, held]).sort().values, torch.arange(60_000))


def test_every_epoch_is_another_permutation():
    first, second = epoch_order(500, 0, 0), epoch_order(500, 0, 1)
    assert torch.equal(first.sort().values, torch.arange(500))
    assert not torch.equal(first, second)
    assert torch.equal(first, epoch_order(500, 0, 0))
