"""Modes in which gradients are recorded, whatever the caller's."""

import pytest
import torch
from torch import nn

from hauberk.attacks import FAB, PGD
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError
from hauberk.kernels.gradients import gradients, ordinary, ordinary_mode
from hauberk.losses import Margin
from hauberk.threats import LinfBall


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_gradients_are_recorded_in_every_mode(mode):
    with mode():
        z = torch.ones(2)
        with gradients():
            z = ordinary(z).requires_grad_()
            (found,) = torch.autograd.grad(z.square().sum(), z)
    assert torch.equal(found, torch.full((2,), 2.0))


@pytest.mark.parametrize("recorded", [True, False])
def test_the_ordinary_mode_records_gradients_only_if_they_were_recorded(recorded):
    with torch.set_grad_enabled(recorded), ordinary_mode():
        assert torch.is_grad_enabled() == recorded
    with torch.inference_mode(), ordinary_mode():
        assert not torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
        assert not torch.ones(1).is_inference()


@pytest.mark.parametrize("attack", [PGD(Margin(), 2, 0.5), FAB(2, targets=0)], ids=["PGD", "FAB"])
def test_weights_that_no_gradient_passes_are_named(attack):
    x, y = torch.full((2, 4), 0.5), torch.zeros(2, dtype=torch.long)
    with torch.inference_mode():
        network = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
        y = network(x).argmax(1)
        with pytest.raises(InputError, match=r"made inside torch.inference_mode.*torch.no_grad instead"):
            attack(network, LinfBall(0.1).at(x), y, noise=Noise.of(0, torch.arange(2)))


def test_other_errors_stay_as_they_are():
    with pytest.raises(RuntimeError, match=r"^something else$"), gradients():
        raise RuntimeError("something else")
