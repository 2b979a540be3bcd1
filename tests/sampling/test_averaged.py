"""Averages over noise: the logarithm of a mean, with its gradient, however many passes it takes."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hauberk.concepts.noise import Noise
from hauberk.errors import InputError
from hauberk.sampling import averaged
from hauberk.sampling.averaged import Averaged
from hauberk.smoothing import Gaussian, Uniform
from step_counts import StepCounts

NOISE = Gaussian(0.5)
X = torch.randn(3, 1, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class Counted(nn.Module):
    """A smooth network that counts its passes."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        weights = [torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((5, 4), (3, 5))]
        self.first, self.second = (nn.Parameter(weight) for weight in weights)
        self.rows = []

    def forward(self, x):
        self.rows.append(len(x))
        return torch.tanh(x.flatten(1) @ self.first.T) @ self.second.T


def by_hand(network, x, noise, samples, seed):
    """Return the average, a sample and an input at a time."""
    keys = Noise.of(seed, torch.arange(samples)).keys
    drawn = noise.rows(torch.zeros(1, 4, dtype=x.dtype), torch.zeros(samples, dtype=torch.int64), keys)
    shares = torch.stack([torch.cat([network(one[None] + n.view(1, 1, 2, 2)).softmax(1) for one in x]) for n in drawn])
    return shares.mean(0).log()


@pytest.mark.parametrize("noise", [NOISE, Uniform(2.0)])
@pytest.mark.parametrize(("samples", "seed"), [(1, 0), (7, 0), (7, 5)])
def test_it_is_the_logarithm_of_the_mean_of_the_shares(noise, samples, seed):
    network = Counted()
    found = Averaged(network, noise, samples, seed)(X)
    torch.testing.assert_close(found, by_hand(network, X, noise, samples, seed), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.exp().sum(1), torch.ones(3, dtype=torch.float64))
    y = torch.tensor([0, 2, 1])
    loss = F.cross_entropy(found, y, reduction="none")
    torch.testing.assert_close(loss, -found.exp()[torch.arange(3), y].log())


def differentiated(network, x=X):
    x = x.clone().requires_grad_()
    network.zero_grad()
    value = Averaged(network, NOISE, 10)(x)
    (value * torch.linspace(-1, 1, value.numel(), dtype=value.dtype).view_as(value)).sum().backward()
    return [value.detach(), x.grad, network.first.grad, network.second.grad]


@pytest.mark.parametrize(("rows", "passes"), [(30, [30]), (12, [12, 12, 6]), (9, [9, 9, 9, 3]), (1, [3] * 10)])
def test_values_and_gradients_do_not_depend_on_the_passes(rows, passes, monkeypatch):
    expected = differentiated(Counted())
    monkeypatch.setattr(averaged, "ROWS", rows)
    network = Counted()
    torch.testing.assert_close(differentiated(network), expected, rtol=1e-12, atol=1e-12)
    assert network.rows[: len(passes)] == passes
    assert sorted(network.rows[len(passes) :]) == ([] if len(passes) == 1 else sorted(passes))  # computed anew
    network.rows.clear()
    with torch.no_grad():
        torch.testing.assert_close(Averaged(network, NOISE, 10)(X), expected[0], rtol=1e-12, atol=1e-12)
    assert network.rows == passes


@pytest.mark.parametrize("rows", [4096, 9])
def test_gradients_are_those_of_finite_differences(rows, monkeypatch):
    monkeypatch.setattr(averaged, "ROWS", rows)
    model = Averaged(Counted(), NOISE, 6)
    assert torch.autograd.gradcheck(model, X.clone().requires_grad_())


def test_the_noise_is_the_same_for_all_inputs_and_calls_and_another_for_another_seed():
    model = Averaged(Counted(), NOISE, 6)
    whole = model(X)
    assert torch.equal(model(X), whole)
    torch.testing.assert_close(torch.cat([model(x) for x in X.split(1)]), whole, rtol=1e-13, atol=1e-13)
    assert (Averaged(model.network, NOISE, 6, seed=1)(X) - whole).abs().max() > 1e-3
    assert torch.equal(model.float()(X.float()).double(), model(X.float()).double())


def test_many_samples_approach_the_probit_of_a_linear_network():
    """Of logits (s m, 0) with a large s the mean share is the chance that the noisy m is positive."""

    class Steep(nn.Module):
        def forward(self, x):
            return torch.stack([1e4 * x[:, 0], torch.zeros_like(x[:, 0])], 1)

    x = torch.tensor([[0.0], [0.3], [-0.7]])
    found = Averaged(Steep(), NOISE, 4000)(x).exp()[:, 0]
    assert (found - torch.special.ndtr(x[:, 0] / 0.5)).abs().max() < 5 * 0.5 / 4000**0.5


def test_shares_of_zero_have_a_finite_logarithm():
    class Sure(nn.Module):
        def forward(self, x):
            return torch.tensor([[1e30, -1e30]]) * torch.ones_like(x[:, :1]) + x.sum(1, keepdim=True)

    x = torch.zeros(2, 3, requires_grad=True)
    found = Averaged(Sure(), NOISE, 4)(x)
    assert found.isfinite().all()
    assert (found[:, 1] < -80).all()
    (gradient,) = torch.autograd.grad(found.sum(), x)
    assert gradient.isfinite().all()


def test_logits_that_are_no_numbers_stay_none():
    class Broken(nn.Module):
        def forward(self, x):
            return torch.where(x[:, :1] > 5, torch.nan, x)

    found = Averaged(Broken(), NOISE, 4)(torch.tensor([[0.0, 1.0], [9.0, 1.0]]))
    assert found.isfinite().all(1).tolist() == [True, False]


def test_its_parts_are_those_of_the_network_and_change_mode_with_it():
    network = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    model = Averaged(network, NOISE, 4).eval()
    assert not network[1].training
    assert dict(model.named_parameters()).keys() == {"network.0.weight", "network.0.bias"}


def test_no_input_has_no_average():
    assert Averaged(nn.Linear(4, 3), NOISE, 5)(torch.zeros(0, 4)).shape == (0, 3)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_neither_pass_nor_gradient_waits_for_the_device(device):
    model, x = Averaged(Counted(), NOISE, 6).to(device), X.clone().to(device)
    with StepCounts() as counts:
        torch.autograd.grad(model(x.requires_grad_()).sum(), x)
    assert counts.waits == []


@pytest.mark.parametrize("samples", [0, -2])
def test_an_average_of_nothing_is_refused(samples):
    with pytest.raises(InputError, match=str(samples)):
        Averaged(nn.Linear(2, 2), NOISE, samples)
