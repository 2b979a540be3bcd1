"""Smoothed networks as subjects: labels, abstentions, what attacks see and refute."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import binom, binomtest
from torch import nn

from hauberk.attacks import PGD
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.losses import CrossEntropy
from hauberk.sampling.smoothed_network import ESTIMATION, PREDICTION, SELECTION, SmoothedNetwork, Smoothing
from hauberk.smoothing import Gaussian, Uniform
from hauberk.threats import L2Ball
from simulated_votes import Dice, Simulated, steady

NOISE = Gaussian(0.5)


class Sides(nn.Module):
    """Tells the sign of the first coordinate; gives NaN beyond 50."""

    def forward(self, x):
        logits = torch.stack([x[:, 0], -x[:, 0]], 1) * 5
        return torch.where(x[:, :1].abs() < 50, logits, torch.nan)


def subject(network=None, **by):
    return SmoothedNetwork(network or Sides(), Smoothing(NOISE, **by))


X = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 3.0], [0.05, 1.0], [99.0, 0.0], [math.nan, 0.0]])


def test_labels_are_those_of_the_vote_where_two_classes_can_be_told_apart():
    found = subject()
    assert found.predict(X).tolist() == [0, 1, -1, -1, -1, -1]
    assert subject(alpha=0.3, samples=5000).predict(X)[3] == 0
    for x, label in zip(X.split(1), found.predict(X), strict=True):
        votes = found.votes(x, PREDICTION, 1000)[0]
        first, second = votes.sort().values.tolist()[::-1]
        sure = first > 0 and binomtest(first, first + second).pvalue <= 0.001
        assert label == (votes.argmax() if sure else -1)


def test_answers_depend_on_neither_batch_order_nor_pass():
    x = torch.cat([X, 0.1 * torch.randn(10, 2, generator=torch.Generator().manual_seed(0))])
    whole = subject(samples=200).predict(x)
    assert torch.equal(subject(samples=200, rows=64).predict(x.flip(0)).flip(0), whole)
    assert torch.equal(torch.cat([subject(samples=200).predict(one) for one in x.split(1)]), whole)


def test_every_purpose_and_seed_has_votes_of_its_own():
    x = torch.tensor([[0.05, 0.0]])
    votes = [subject(seed=seed).votes(x, purpose, 4096) for seed in (0, 1, -1) for purpose in range(3)]
    assert len({int(found[0, 0]) for found in votes}) > 6
    assert sorted([PREDICTION, SELECTION, ESTIMATION]) == [0, 1, 2]
    assert torch.equal(subject().votes(x, SELECTION, 100), subject().votes(x, SELECTION, 100))


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.35, 0.33, 0.32), (0.49, 0.51, 0.0)])
def test_a_wrong_label_is_said_no_more_often_than_promised(shares):
    found = Simulated(Dice(0), Smoothing(NOISE, samples=100, alpha=0.05))
    said = found.predict(torch.tensor(shares, dtype=torch.float64).expand(20_000, -1))
    wrong = (said >= 0) & (said != int(np.argmax(shares)))
    assert int(wrong.sum()) <= binom.isf(1e-7, 20_000, 0.05)
    assert ((said == -1).double().mean() > 0.8).item()


def test_only_a_sure_other_label_refutes():
    found, y = subject(), torch.tensor([0, 0, 0, 0, 0, 0])
    assert found.refuted(X, y).tolist() == [False, True, False, False, False, False]
    assert found.refuted(X, 1 - y).tolist() == [True, False, False, False, False, False]
    tied = steady()
    x = torch.tensor([[0.5, 0.5], [0.1, 0.9]], dtype=torch.float64)
    assert tied.refuted(x, torch.tensor([0, 0])).tolist() == [False, True]


def test_attacks_see_the_averaged_softmax_and_move_it():
    found = subject(attacked=16)
    label, logits = found.judged(X[:2])
    assert torch.equal(label, found.predict(X[:2]))
    assert torch.equal(logits, found.module(X[:2]))
    torch.testing.assert_close(logits.exp().sum(1), torch.ones(2))
    assert found.module is found.module
    y = torch.tensor([0, 1])
    z = PGD(CrossEntropy(), steps=10, step=0.3, stop_when_broken=False)(
        found.module, L2Ball(1.7, within=None).at(X[:2]), y, noise=Noise.of(0, y)
    )
    assert found.refuted(z, y).all()


def test_votes_run_in_full_precision():
    seen = []

    class Kind(nn.Module):
        def forward(self, x):
            seen.append((x @ torch.ones(2, 2)).dtype)
            return x

    with torch.autocast("cpu", torch.bfloat16):
        subject(Kind()).predict(X[:1])
    assert {*seen} == {torch.float32}


def test_there_is_no_graph_and_the_message_says_so():
    with pytest.raises(UnsupportedOpError, match="smoothed network has no graph"):
        _ = subject().graph
    assert subject().kind == "smoothed network"


def test_the_error_that_there_is_no_graph_does_not_grow():
    depths = []
    for _ in range(3):
        with pytest.raises(UnsupportedOpError) as caught:
            _ = subject().graph
        depths.append(len(caught.traceback))
    assert len(set(depths)) == 1


def test_subjects_are_equal_if_their_parts_are():
    network = Sides()
    assert subject(network) == subject(network)
    assert subject(network) != subject(network, seed=1)
    assert len({subject(network), subject(network), SmoothedNetwork(network, Smoothing(Uniform(0.5)))}) == 2


@pytest.mark.parametrize(
    ("wrong", "value"),
    [
        *(("alpha", value) for value in (0.0, 1.0, -1.0, math.nan, 2.0)),
        *(("samples", value) for value in (0, -5)),
        *(("attacked", value) for value in (0, -7)),
        *(("rows", value) for value in (0, 100, -64)),
        *(("seed", value) for value in (2**63, -(2**63) - 1)),
    ],
)
def test_numbers_out_of_range_are_refused_by_value(wrong, value):
    with pytest.raises(InputError, match=str(value)):
        Smoothing(NOISE, **{wrong: value})


@pytest.mark.parametrize("seed", [2**63 - 1, -(2**63)])
def test_the_largest_seeds_serve(seed):
    assert subject(seed=seed).predict(X[:2]).tolist() == [0, 1]
