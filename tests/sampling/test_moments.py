"""Means of a softmax under noise, and what is proven of their gaps."""

import math

import pytest
import torch
from torch import nn

from hauberk.concepts.noise import Noise
from hauberk.errors import InputError
from hauberk.sampling.moments import gaps_at_least, moments
from hauberk.smoothing import Gaussian

NOISE = Gaussian(0.5)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 4))


def drawn(count: int) -> Noise:
    return Noise.of(1, torch.arange(count))


def test_moments_are_those_of_the_softmax_whatever_the_rows_of_a_pass():
    net, x = network(), torch.rand(5, 3)
    mean, products = moments(net, NOISE, x, drawn(5), 30, rows=1000)
    assert mean.sum(1) == pytest.approx([1] * 5, abs=1e-12)
    torch.testing.assert_close(products.sum(2), mean)
    for rows in (1, 7, 64):
        other, again = moments(net, NOISE, x, drawn(5), 30, rows=rows)
        torch.testing.assert_close((other, again), (mean, products), rtol=1e-5, atol=1e-6)
    alone, _ = moments(net, NOISE, x[2:3], drawn(5).select(torch.tensor([2])), 30)
    torch.testing.assert_close(alone, mean[2:3], rtol=1e-5, atol=1e-6)


def test_many_samples_come_close_to_the_integral():
    step = nn.Linear(1, 2)
    with torch.no_grad():
        step.weight.copy_(torch.tensor([[1e4], [-1e4]]))
        step.bias.zero_()
    mean, _ = moments(step, NOISE, torch.tensor([[0.25]]), drawn(1), 100_000)
    exact = torch.special.ndtr(torch.tensor(0.5)).item()
    assert mean[0, 0].item() == pytest.approx(exact, abs=5 * 0.5 / math.sqrt(1e5))


def test_gaps_are_below_the_true_ones_and_close_to_them():
    torch.manual_seed(1)
    true = torch.tensor([0.5, 0.3, 0.15, 0.05])
    n, alpha, trials = 2000, 0.05, 500
    votes = torch.multinomial(true, n * trials, replacement=True).view(trials, n)
    shares = torch.nn.functional.one_hot(votes, 4).double()
    found = shares.mean(1), shares.mT @ shares / n
    for leading, gap in (([0], 0.2), ([0, 1], 0.15)):
        bound = gaps_at_least(found, torch.tensor(leading).expand(trials, -1), n, alpha)
        assert (bound > gap).double().mean() <= alpha
        assert 0 < bound.mean() < gap
    wrong = gaps_at_least(found, torch.ones(trials, 1, dtype=torch.long), n, alpha)
    assert (wrong < -0.1).all()


def test_more_samples_and_more_doubt_tighten_a_bound():
    mean = torch.tensor([[0.6, 0.4]], dtype=torch.float64)
    found, leading = (mean, mean[:, :, None] * mean[:, None]), torch.zeros(1, 1, dtype=torch.long)
    sizes = [gaps_at_least(found, leading, n, alpha).item() for n, alpha in ((100, 0.01), (1000, 0.01), (1000, 0.5))]
    assert sizes == sorted(sizes)
    assert sizes[-1] < 0.2
    assert gaps_at_least(found, leading, 1, 0.5).item() < -1


def test_nothing_to_average_is_refused():
    with pytest.raises(InputError, match="1 and 0"):
        moments(network(), NOISE, torch.rand(1, 3), drawn(1), 0)
    with pytest.raises(InputError, match="0 and 5"):
        moments(network(), NOISE, torch.rand(0, 3), drawn(0), 5)


@pytest.mark.parametrize("top", [1, 2])
def test_the_bound_is_that_of_maurer_and_pontil_for_every_pair_of_classes(top):
    samples, alpha, n, k = torch.rand(50, 4, generator=torch.Generator().manual_seed(1)).double(), 0.01, 50, 4
    samples = samples / samples.sum(1, keepdim=True)
    found = (samples.mean(0)[None], (samples.mT @ samples / n)[None])
    leading = found[0].topk(top, 1).indices
    log, gaps = math.log(2 * top * (k - top) / alpha), []
    for a in leading[0].tolist():
        for other in set(range(k)) - set(leading[0].tolist()):
            share = (samples[:, a] - samples[:, other] + 1) / 2  # in [0, 1], as the theorem wants it
            low = share.mean() - (2 * share.var() * log / n).sqrt() - 7 * log / (3 * (n - 1))
            gaps.append(2 * low.item() - 1)
    assert gaps_at_least(found, leading, n, alpha).item() == pytest.approx(min(gaps), abs=1e-12)
