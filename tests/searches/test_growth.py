from itertools import pairwise

import pytest
import torch

from hauberk.attacks import PGD, Growth, Unperturbed
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy
from hauberk.threats import L2Ball, LinfBall, Union


def network(x):
    return torch.stack([x.sum(1), 1 - x.sum(1)], 1)


def test_shares_grow_in_steps_to_one_and_no_further():
    growth = Growth(start=0.3, factor=1.5, every=2)
    shares = [growth.share(step) for step in range(12)]
    assert shares[:4] == pytest.approx([0.3, 0.3, 0.45, 0.45])
    assert all(a <= b <= 1 for a, b in pairwise(shares))
    assert shares[-1] == growth.share(10**9) == 1
    assert Growth(start=1.0).share(0) == 1


@pytest.mark.parametrize("wrong", [{"start": 0.0}, {"start": 1.1}, {"factor": 1.0}, {"every": 0}])
def test_growths_that_do_not_grow_are_refused(wrong):
    with pytest.raises(InputError, match="Growth needs"):
        Growth(**wrong)


@pytest.mark.parametrize("threat", [LinfBall(0.4), Union([LinfBall(0.4), L2Ball(0.5)])])
def test_each_example_is_broken_near_the_radius_that_it_withstands(threat):
    x, y = torch.tensor([[0.27, 0.27], [0.4, 0.4], [0.9, 0.9]]), torch.zeros(3, dtype=torch.long)
    S = threat.at(x)
    attack = PGD(CrossEntropy(), steps=40, step=0.5, start=Unperturbed(), growth=Growth(0.05, 1.3, 3))
    z = attack(network, S, y, noise=Noise.of(0, torch.arange(3)))
    assert (network(z).argmax(1) != y).tolist() == [True, True, False]
    assert S.contains(z).all()
    assert (z[0] - x[0]).abs().max() < 0.06
    assert (z[1] - x[1]).abs().max() < 0.25


def test_without_growth_every_step_uses_the_whole_radius():
    x, y = torch.tensor([[0.9, 0.9]]), torch.zeros(1, dtype=torch.long)
    whole, grown = (
        PGD(CrossEntropy(), steps=1, step=1.0, start=Unperturbed(), growth=growth)(
            network, LinfBall(0.2).at(x), y, noise=Noise.of(0, torch.arange(1))
        )
        for growth in (None, Growth(0.5))
    )
    torch.testing.assert_close(whole, x - 0.2)
    torch.testing.assert_close(grown, x - 0.1)
