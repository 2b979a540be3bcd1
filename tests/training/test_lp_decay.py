import copy
from functools import partial

import pytest
import torch
from torch import nn

from hauberk.errors import InputError
from hauberk.layers import LogitScale, LpDistance, LpDistance2d, SortDistance
from hauberk.training import LpDecay
from hauberk.training.lp_decay import norm_slope

INF, DTYPE = torch.inf, torch.float64
exponents = pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, 8.0, 30.0, 100.0, 1000.0, INF])


def weights(scale=1.0, dtype=DTYPE):
    return (scale * torch.randn(5, 9, generator=torch.Generator().manual_seed(0), dtype=DTYPE)).to(dtype)


def slope(w, p):
    """Return the gradient of half the squares of the rows' norms, in float64."""
    w = w.double().requires_grad_()
    largest = w.detach().abs().amax(1, keepdim=True).clamp(min=1e-300)
    norms = torch.linalg.vector_norm(w / largest, p, 1) * largest[:, 0]
    return torch.autograd.grad((norms / 2).square().sum() * 2, w)[0]


def step(module, optimizer, lr=0.5, gradient=0.0):
    """Take a step in which all gradients are equal."""
    for group in optimizer.param_groups:
        group["lr"] = lr
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, gradient)
    optimizer.step()


@exponents
def test_rows_lose_the_gradient_of_half_their_squared_norm(p):
    torch.testing.assert_close(norm_slope(weights(), p), slope(weights(), p), rtol=1e-9, atol=1e-9)


@exponents
@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e3, 1e30])
def test_scales_neither_overflow_nor_vanish(scale, p):
    w = weights(scale, torch.float32)
    expected = slope(w, p)
    error = 1e-6 * max(1, 1e3 if p == INF else p) * expected.abs().max().item()
    torch.testing.assert_close(norm_slope(w, p).double(), expected, rtol=0, atol=error)


@exponents
@pytest.mark.parametrize("dtype", [torch.float32, DTYPE], ids=str)
def test_zeros_stay_zeros_and_rows_of_them_too(dtype, p):
    w = weights(dtype=dtype)
    w[:, ::3], w[2] = 0, 0
    found = norm_slope(w, p)
    assert not found[w == 0].any()
    torch.testing.assert_close(found.double()[[0, 1, 3, 4]], slope(w[[0, 1, 3, 4]], p), rtol=1e-3, atol=1e-5)


def test_at_infinity_the_largest_weight_of_a_row_shrinks_alone():
    layer = LpDistance(3, 2)
    layer.weight.data = torch.tensor([[1.0, -4.0, 2.0], [3.0, 1.0, -1.0]])
    step(layer, LpDecay(0.1, torch.optim.SGD)(layer.parameters()))
    assert torch.equal(layer.weight, torch.tensor([[1.0, -3.8, 2.0], [2.85, 1.0, -1.0]]))


@exponents
@pytest.mark.parametrize(
    "layer", [partial(LpDistance, 9, 5), partial(LpDistance2d, 1, 5, 3), partial(SortDistance, 9, 5, 0.5)]
)
@pytest.mark.parametrize("factory", [torch.optim.SGD, partial(torch.optim.Adam, eps=1e-10)], ids=["SGD", "Adam"])
def test_a_step_without_gradient_shrinks_weights_in_the_norm_that_their_layer_has_now(factory, layer, p):
    module = layer().to(DTYPE)
    module.weight.data = weights()
    optimizer = LpDecay(0.1, factory)(module.parameters())
    module.relax(p)
    step(module, optimizer)
    torch.testing.assert_close(module.weight.detach(), weights() - 0.05 * slope(weights(), p))


def test_the_decay_is_that_of_the_learning_rate_and_independent_of_gradients():
    found = []
    for lr, gradient in ((0.5, 0.0), (0.25, 0.0), (0.5, 3.0)):
        layer = LpDistance(9, 5).to(DTYPE)
        layer.weight.data = weights()
        layer.relax(8)
        step(layer, LpDecay(0.1, partial(torch.optim.Adam, eps=1e-30))(layer.parameters()), lr, gradient)
        found.append(layer.weight.detach() - weights())
    torch.testing.assert_close(found[0], 2 * found[1])
    torch.testing.assert_close(found[2], found[0] - 0.5)  # Adam's first step is the learning rate


def test_other_weights_decay_plainly_and_what_has_fewer_dimensions_not_at_all():
    module = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.Linear(3, 2), nn.BatchNorm1d(2), LpDistance(2, 3, bias=True), LogitScale()
    )
    module[3].bias.data.fill_(2.0)
    others = [parameter for parameter in module.parameters() if parameter is not module[3].weight]
    before = [parameter.detach().clone() for parameter in others]
    step(module, LpDecay(0.1, torch.optim.SGD)(module.parameters()))
    for parameter, old in zip(others, before, strict=True):
        torch.testing.assert_close(parameter.detach(), old * 0.95 if old.ndim > 1 else old)


def test_weights_without_a_gradient_stay_as_they_are():
    layer = LpDistance(9, 5)
    before = layer.weight.detach().clone()
    LpDecay(0.1, torch.optim.SGD)(layer.parameters()).step()
    assert torch.equal(layer.weight, before)


@pytest.mark.parametrize("how", ["copied", "loaded"])
def test_a_copied_or_loaded_layer_decays_in_its_norm(how):
    original = LpDistance(9, 5).to(DTYPE)
    original.relax(8)
    layer = copy.deepcopy(original) if how == "copied" else LpDistance(9, 5).to(DTYPE)
    if how == "loaded":
        layer.load_state_dict(original.state_dict())
    before = layer.weight.detach().clone()
    step(layer, LpDecay(0.1, torch.optim.SGD)(layer.parameters()))
    torch.testing.assert_close(layer.weight.detach(), before - 0.05 * slope(before, 8.0))


@pytest.mark.parametrize("decay", [-1.0, torch.nan])
def test_a_decay_that_is_none_is_refused(decay):
    with pytest.raises(InputError, match=str(decay)):
        LpDecay(decay)
