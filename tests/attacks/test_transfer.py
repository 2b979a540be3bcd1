"""Attacks on another network."""

import pytest
import torch
from torch import nn

from attacks.searches import DTYPE, interior, linear, noise
from hauberk.attacks import FGSM, Transfer
from hauberk.errors import InputError
from hauberk.losses import Margin
from hauberk.threats import LinfBall

B, SHAPE = 6, (1, 4, 4)
Y = torch.zeros(B, dtype=torch.long)


class Refusing(nn.Module):
    def forward(self, z):
        raise RuntimeError("called")


def test_it_answers_with_the_points_of_the_surrogate_and_never_calls_the_network():
    surrogate, _ = linear(SHAPE, 1, 1.0)
    S = LinfBall(0.1).at(interior(B, SHAPE, 1))
    z = Transfer(FGSM(Margin()), surrogate)(Refusing(), S, Y, noise=noise(B))
    assert torch.equal(z, FGSM(Margin())(surrogate, S, Y, noise=noise(B)))


@pytest.mark.parametrize("fails", [False, True])
def test_the_surrogate_is_in_eval_mode_meanwhile_and_as_before_afterwards(fails):
    modes = []

    class Watched(nn.Module):
        def forward(self, z):
            modes.append(self.training)
            if fails:
                raise RuntimeError("failed")
            return z

    surrogate = nn.Sequential(Watched(), nn.Dropout(), nn.Flatten(), nn.Linear(16, 2, dtype=DTYPE))
    surrogate[1].eval()
    S = LinfBall(0.1).at(interior(B, SHAPE, 1))
    try:
        Transfer(FGSM(Margin()), surrogate)(Refusing(), S, Y, noise=noise(B))
    except InputError as error:
        assert fails and str(error).endswith("failed")  # noqa: PT017, PT018
    assert modes == [False]
    assert [part.training for part in surrogate.modules()] == [True, True, False, True, True]
    assert all(parameter.grad is None for parameter in surrogate.parameters())


def test_an_exported_surrogate_keeps_the_mode_that_it_was_exported_in():
    surrogate, _ = linear(SHAPE, 1, 1.0)
    S = LinfBall(0.1).at(interior(B, SHAPE, 1))
    program = torch.export.export(surrogate.eval(), (S.start,)).module()
    z = Transfer(FGSM(Margin()), program)(Refusing(), S, Y, noise=noise(B))
    assert torch.equal(z, FGSM(Margin())(surrogate, S, Y, noise=noise(B)))
