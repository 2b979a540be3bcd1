"""Certification by a fixed sample: the published procedure, its promise in simulations, and refusals."""

import math

import pytest
import torch
from scipy.stats import binom
from torch import nn

from hauberk.errors import InputError
from hauberk.sampling.smoothed_network import ESTIMATION, SELECTION, SmoothedNetwork, Smoothing
from hauberk.smoothing import FixedSample, Gaussian, Uniform
from simulated_votes import simulated, steady

SHARES = [(0.5, 0.5), (0.4999, 0.3, 0.2001), (0.6914, 0.2, 0.1, 0.0086), (0.99, 0.005, 0.005), (0.34, 0.33, 0.33)]


@pytest.mark.parametrize("top", [1, 2])
@pytest.mark.parametrize("alpha", [0.05, 0.001])
@pytest.mark.parametrize("shares", SHARES)
@pytest.mark.parametrize(
    "samples", [100, pytest.param(1, marks=pytest.mark.product), pytest.param(1000, marks=pytest.mark.product)]
)
def test_no_more_certificates_fail_than_promised(shares, alpha, samples, top):
    """Few enough, that is, for a procedure that keeps its promise to fall through once in ten million runs."""
    p = torch.tensor(shares, dtype=torch.float64).expand(20_000, -1)
    answer = FixedSample(samples, selection=20, alpha=alpha).answer(simulated(), p, top=top)
    truth = p.gather(1, answer.classes).sum(1)
    wrong = answer.share > truth + 1e-12
    assert int(wrong.sum()) <= binom.isf(1e-7, 20_000, alpha)
    assert torch.equal(
        wrong & (answer.radius > 0), (answer.radius > Gaussian(1.0).radius(truth).clamp(min=0) + 1e-6) & wrong
    )
    if top == 1:
        lost = (answer.label >= 0) & (p.gather(1, answer.label.clamp(min=0)[:, None])[:, 0] <= 0.5)
        assert int(lost.sum()) <= binom.isf(1e-7, 20_000, alpha)
    if samples == 100 and top == 1 and alpha == 0.05 and shares[0] < 0.9:
        assert int(wrong.sum()) > 0.02 * 20_000  # the promise is used, so that breaking it would show


def test_votes_that_pick_the_class_are_not_those_that_bound_its_share():
    asked = []

    class Watched(type(steady())):
        def votes(self, x, purpose, samples, first=0):
            asked.append((purpose, samples, first))
            return super().votes(x, purpose, samples, first)

    by = FixedSample(samples=1001, selection=77)
    by.answer(Watched(*vars(steady()).values()), torch.tensor([[0.9, 0.1]]))
    assert asked == [(SELECTION, 77, 0), (ESTIMATION, 1001, 0)]


@pytest.mark.parametrize("samples", [1, 63, 64, 65, 1000])
def test_a_unanimous_vote_has_the_largest_radius(samples):
    for noise in (Gaussian(0.25), Uniform(0.5)):
        network = nn.Linear(2, 2)
        network.weight.data, network.bias.data = torch.zeros(2, 2), torch.tensor([1.0, 0.0])
        answer = FixedSample(samples, alpha=0.3).answer(SmoothedNetwork(network, Smoothing(noise)), torch.rand(3, 2))
        share = torch.tensor(0.3 ** (1 / samples), dtype=torch.float64)
        torch.testing.assert_close(answer.share, share.expand(3), rtol=0, atol=1e-12)
        torch.testing.assert_close(answer.radius, noise.radius(share).clamp(min=0).expand(3), rtol=1e-9, atol=1e-12)
        assert answer.hits.tolist() == answer.samples.tolist() == [samples] * 3


def test_answers_depend_on_neither_batch_nor_order():
    network = nn.Linear(4, 3)
    with torch.no_grad():
        network.bias.zero_()
    subject, x = SmoothedNetwork(network, Smoothing(Gaussian(0.5))), torch.randn(9, 4)
    by, order = FixedSample(samples=200), torch.randperm(9)
    whole, mixed = by.answer(subject, x), by.answer(subject, x[order])
    alone = [by.answer(subject, one) for one in x.split(1)]
    for name in ("label", "classes", "share", "radius", "samples", "hits"):
        assert torch.equal(getattr(mixed, name), getattr(whole, name)[order])
        assert torch.equal(torch.cat([getattr(one, name) for one in alone]), getattr(whole, name))


@pytest.mark.parametrize(
    ("wrong", "value"),
    [
        *(("alpha", value) for value in (0.0, 1.0, -1.0, math.nan)),
        *(("samples", value) for value in (0, -5)),
        *(("selection", value) for value in (0, -7)),
    ],
)
def test_numbers_out_of_range_are_refused_by_value(wrong, value):
    with pytest.raises(InputError, match=str(value)):
        FixedSample(**{wrong: value})
