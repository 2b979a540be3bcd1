"""A network's own prediction and proofs about it: by hand, on a network that is linear."""

import torch
from torch import nn

from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.concepts.certificate import Verdict
from hauberk.concepts.dataset import Split
from hauberk.propagation.prediction import certified, flags, predicted
from hauberk.threats import LinfBall
from hauberk.verification import ByBound

X = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.5, 0.45], [0.2, 0.9], [0.55, 0.5]])
VERIFIER, THREAT = ByBound(Interval()), LinfBall(0.06)
PROVEN = torch.tensor([True, True, False, True, False])  # margins of 0.8, 0.2, 0.05, 0.7, 0.05, which move by 0.12


def graph():
    network = nn.Sequential(nn.Linear(2, 2))
    nn.init.eye_(network[0].weight)
    nn.init.zeros_(network[0].bias)
    return capture(network, X)


def test_predictions_are_labels_and_minus_one_where_logits_are_not_finite():
    made = graph()
    assert predicted(made, THREAT.at(X)).tolist() == [0, 1, 0, 1, 0]
    made.module[0].bias.data[0] = torch.nan
    assert predicted(made, THREAT.at(X)).tolist() == [-1] * 5


def test_what_is_certified_is_the_label_given_and_nothing_where_there_is_none():
    made, S = graph(), THREAT.at(X)
    label = predicted(made, S)
    assert torch.equal(certified(made, S, label, VERIFIER).verified, PROVEN)
    assert not certified(made, S, 1 - label, VERIFIER).verified.any()
    assert (certified(made, S, torch.full_like(label, -1), VERIFIER).verdict == Verdict.UNKNOWN.value).all()


def test_flags_are_what_is_not_proven_whatever_the_batch():
    data = Split(X, torch.zeros(5, dtype=torch.long))
    for batch in (1, 2, 500):
        assert torch.equal(flags(graph(), THREAT, VERIFIER, data, batch), ~PROVEN)
