import torch

from hauberk.training.order import epoch_order, half_and_half, held_out, pool_order


def test_held_out_examples_are_disjoint_from_the_others():
    trained_on, held = held_out(60_000, 1000, seed=3)
    assert len(held) == 1000
    assert torch.equal(torch.cat([trained_on, held]).sort().values, torch.arange(60_000))


def test_every_epoch_is_another_permutation():
    first, second = epoch_order(500, 0, 0), epoch_order(500, 0, 1)
    assert torch.equal(first.sort().values, torch.arange(500))
    assert not torch.equal(first, second)
    assert torch.equal(first, epoch_order(500, 0, 0))


def test_an_epoch_takes_from_a_pool_what_has_waited_longest():
    epochs = [pool_order(70, 30, 0, epoch) for epoch in range(7)]
    assert all(len(order) == 30 for order in epochs)
    drawn = torch.cat(epochs)
    for begin in (0, 70, 140):
        assert torch.equal(drawn[begin : begin + 70].sort().values, torch.arange(70))
    assert not torch.equal(drawn[:70], drawn[70:140])


def test_a_small_pool_comes_several_times():
    drawn = pool_order(4, 10, 0, 1)  # the last two of a pass, and two whole passes
    assert len(drawn[:2].unique()) == 2
    assert torch.equal(drawn[2:6].sort().values, torch.arange(4))
    assert torch.equal(drawn[6:].sort().values, torch.arange(4))


def test_a_pool_does_not_go_in_step_with_the_labelled_examples():
    assert not torch.equal(epoch_order(50, 3, 1), pool_order(50, 50, 3, 1))


def test_half_of_every_batch_is_of_either_part():
    first, second = torch.arange(10), torch.arange(100, 110)
    order = half_and_half(first, second, 6)
    assert torch.equal(order.sort().values, torch.cat([first, second]))
    for batch in order.split(6):
        assert (batch < 100).sum() * 2 == len(batch)
