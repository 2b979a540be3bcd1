"""Binarize: its values, the gradient that passes it, and what cannot be proven behind it."""

import math

import pytest
import torch
from torch import nn

from hauberk.architectures import Small
from hauberk.attacks import FGSM
from hauberk.capture import capture
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.layers import Binarize, Binarized
from hauberk.losses import Margin
from hauberk.recipe import build, read_recipe
from hauberk.threats import LinfBall


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_are_exactly_0_or_1(dtype):
    x = torch.rand(7, 3, 5, 5, dtype=dtype)
    made = Binarize()(x)
    assert made.dtype == dtype
    assert made.unique().tolist() == [0, 1]
    assert torch.equal(made, x.round())
    assert torch.equal(Binarize(0.2)(x) == 1, x > 0.2)


def test_what_lies_on_the_threshold_becomes_0():
    assert Binarize(0.25)(torch.tensor([[0.25, 0.2500001]])).tolist() == [[0, 1]]


def test_invalid_inputs_stay_invalid():
    assert Binarize()(torch.tensor([[math.nan, math.inf]])).isnan().all()


def test_gradients_pass_straight_through():
    x = torch.rand(2, 6, requires_grad=True)
    weight = torch.randn(2, 6)
    (weight * Binarize()(x)).sum().backward()
    assert torch.equal(x.grad, weight)


def test_attacks_have_a_signal_and_move_pixels_across_the_threshold():
    network = Binarized(nn.Linear(2, 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([[1.0, -1.0], [0.0, 0.0]]))
        network[1].bias.copy_(torch.tensor([0.0, 0.1]))
    x, y = torch.tensor([[0.55, 0.45], [0.9, 0.1]]), torch.tensor([0, 0])
    z = FGSM(Margin())(network, LinfBall(0.1).at(x), y, noise=Noise.of(0, torch.arange(2)))
    assert network(x).argmax(1).tolist() == [0, 0]
    assert network(z).argmax(1).tolist() == [1, 0]  # pixels far from the threshold round as before


def test_adds_nothing_to_the_state():
    made = Binarized(nn.Linear(2, 3), 0.25)
    assert list(made.state_dict()) == ["1.weight", "1.bias"]
    assert repr(made[0]) == "Binarize(threshold=0.25)"


def test_capture_refuses_it_by_name():
    with pytest.raises(UnsupportedOpError, match=r"aten.gt.Scalar at 0: a step has no slope .* attacks"):
        capture(Binarized(nn.Linear(3, 2)).eval(), torch.rand(2, 3))


def test_recipes_put_it_before_a_network():
    tree = read_recipe("mnist-fgsm", ["network={class: layers.Binarized, network: architectures.Small}"], "smoke")
    network = build(tree).network
    assert isinstance(network, Binarized)
    assert isinstance(network[1], Small)
    assert network(torch.rand(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize("threshold", [math.nan, math.inf, -math.inf])
def test_thresholds_are_finite(threshold):
    with pytest.raises(InputError, match=f"threshold to be a finite number, but it is {threshold}"):
        Binarize(threshold)
