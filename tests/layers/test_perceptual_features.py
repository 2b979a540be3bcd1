"""Activations as vectors of unit length."""

import copy
import threading

import pytest
import torch
from torch import nn

from hauberk.errors import InputError
from hauberk.layers import Features


def network(inplace=False):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 5, 3, padding=1),
        nn.BatchNorm2d(5),
        nn.ReLU(inplace=inplace),
        nn.Conv2d(5, 4, 2, stride=2),
        nn.Softplus(),
        nn.Flatten(),
        nn.Linear(36, 6),
        nn.GELU(),
        nn.Dropout(0.5),
        nn.Linear(6, 3),
    ).double()


def drawn(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_hand(activations):
    """Return features computed position by position."""
    rows = []
    for one in zip(*activations, strict=True):
        parts = []
        for layer in one:
            places = layer.reshape(len(layer), -1)
            units = [place / (place.norm() + 1e-10) / places.shape[1] ** 0.5 for place in places.T]
            parts.append(torch.stack(units, 1).flatten())
        rows.append(torch.cat(parts))
    return torch.stack(rows)


def test_features_are_activations_over_their_norms_across_channels():
    net, x = network().eval(), drawn(3, 2, 6, 6)
    torch.testing.assert_close(Features(net)(x), by_hand([net[:3](x), net[:8](x)]), rtol=0, atol=1e-14)
    named = Features(net, ["4", "0"])(x)  # in the order in which they run
    torch.testing.assert_close(named, by_hand([net[:1](x), net[:5](x)]), rtol=0, atol=1e-14)


def test_the_squared_norm_is_the_number_of_layers_where_they_are_not_zero():
    for layers, count in ((["0", "4", "6"], 3), (["4"], 1)):
        size = Features(network(), layers)(drawn(4, 2, 6, 6)).square().sum(1)
        torch.testing.assert_close(size, torch.full((4,), float(count)).double(), rtol=0, atol=1e-8)


def test_layers_that_are_overwritten_later_count_as_they_were():
    x = drawn(3, 2, 6, 6).requires_grad_()
    found = [Features(network(inplace), ["1", "2"])(x) for inplace in (False, True)]
    torch.testing.assert_close(*found)
    slopes = [torch.autograd.grad(one.cumsum(1).sum(), x)[0] for one in found]
    torch.testing.assert_close(*slopes)


def test_a_module_that_runs_again_is_another_layer():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(1 - self.relu(x))

    x = drawn(2, 3) - 0.5
    expected = by_hand([x.relu(), (1 - x.relu()).relu()])
    torch.testing.assert_close(Features(Twice())(x), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("training", [True, False])
def test_nothing_is_left_behind_in_the_network(training):
    net = network().train(training)
    net[0].eval()
    modes, state = [part.training for part in net.modules()], {k: v.clone() for k, v in net.state_dict().items()}
    parameters = dict(net.named_parameters())
    x = drawn(3, 2, 6, 6).requires_grad_()
    features = Features(net)
    first = features(x)
    first.sum().backward()
    assert x.grad.isfinite().all()
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    assert [part.training for part in net.modules()] == modes
    assert not any(part._forward_hooks for part in net.modules())
    assert all(parameter is parameters[name] for name, parameter in net.named_parameters())
    assert all(torch.equal(state[name], value) for name, value in net.state_dict().items())
    assert torch.equal(first, features(x))  # no dropout, no statistics of the batch
    assert torch.equal(first, copy.deepcopy(features)(x))


def test_hooks_and_parameters_are_restored_after_an_error():
    net = network()
    with pytest.raises(InputError, match="does not run"):
        Features(net)(drawn(2, 5, 6, 6))
    assert not any(part._forward_hooks for part in net.modules())
    assert all(isinstance(p, nn.Parameter) for p in net.parameters())


def test_gradients_are_finite_where_no_channel_is_active():
    net = nn.Sequential(nn.Conv2d(1, 3, 1, bias=False), nn.ReLU())
    for layers in (["0"], ["1"]):
        x = torch.zeros(2, 1, 3, 3, requires_grad=True)
        y = Features(net, layers)(x)
        assert not y.any()
        (slope,) = torch.autograd.grad(y.sum(), x)
        assert slope.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_inputs_take_the_networks_precision_and_half_precision_divides_by_no_zero(dtype):
    net = nn.Sequential(nn.Linear(3, 2), nn.ReLU()).to(dtype)
    y = Features(net)(torch.zeros(2, 3, dtype=torch.float64))
    assert y.dtype == torch.float32
    assert y.isfinite().all()
    images = torch.rand(2, 1, 5, 5, requires_grad=True)
    y = Features(nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU()).to(dtype))(images)
    assert torch.autograd.grad(y.sum(), images)[0].isfinite().all()


def test_other_threads_that_run_the_network_add_no_features():
    net, x = network().eval(), drawn(2, 2, 6, 6)
    features, expected, found = Features(net), Features(net)(x), []

    def run():
        for _ in range(20):
            found.append(features(x))
            net(x)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(one, expected) for one in found)
    assert all(isinstance(p, nn.Parameter) for p in net.parameters())


def test_layers_that_are_not_there_or_do_not_run_are_refused():
    with pytest.raises(InputError, match=r"no modules \['9'\].*0, 1"):
        Features(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), ["9", "1"])
    with pytest.raises(InputError, match=r"no module like ReLU.*are: 0"):
        Features(nn.Sequential(nn.Linear(2, 2)))
    with pytest.raises(InputError, match=r"no layer is named.*are: 0"):
        Features(nn.Sequential(nn.Linear(2, 2)), [])
    idle = nn.Linear(2, 2)
    idle.unused = nn.ReLU()
    with pytest.raises(InputError, match="none of the layers"):
        Features(idle)(torch.zeros(1, 2))
    with pytest.raises(InputError, match=r"activations.*\(6,\)"):
        Features(nn.Sequential(nn.Flatten(0), nn.Identity()), ["0"])(torch.zeros(3, 2))


def test_images_that_the_network_does_not_take_are_refused_with_their_shape():
    features = Features(nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU()))
    with pytest.raises(InputError, match=r"images of shape \(1, 8, 8\): .*3 channels"):
        features(torch.zeros(2, 1, 8, 8))
