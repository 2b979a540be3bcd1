"""Differences in words."""

import re

import torch
from torch import nn

from hauberk.attacks import PGD
from hauberk.identity import differences, identity
from hauberk.losses import CrossEntropy
from hauberk.threats import LinfBall
from identity.kinds import Frozen, Plain, linear


def test_differences_are_named_with_both_values():
    old = {"threat": LinfBall(0.03), "attacks": {"PGD": PGD(CrossEntropy(), 40), "old": None}, "network": linear()}
    new = {"threat": LinfBall(0.2), "attacks": {"PGD": PGD(CrossEntropy(), 20), "new": None}, "network": linear(1.0)}
    found = differences(identity(old), identity(new))
    assert found[:4] == [
        "threat.eps: 0.03 there, 0.2 here",
        "attacks.old: None there, none here",
        "attacks.new: none there, None here",
        "attacks.PGD.steps: 40 there, 20 here",
    ]
    (weight,) = found[4:]
    assert re.fullmatch(r"network\.weights\.2\.bias: sha256:\w{8}… float32 \(2,\) there, sha256:.* here", weight)
    assert differences(identity(linear()), identity(nn.Sequential(nn.Linear(3, 2)))) != []
    torch.manual_seed(1)
    retrained = [nn.Linear(3, 2), nn.Linear(3, 2)]
    sentence = "weights: other values in 2 of 2 tensors, bias the first"
    assert differences(*map(identity, retrained)) == [sentence]
    recurrent = [nn.LSTM(2, 3), nn.LSTM(2, 3)]  # which keep their weights in a list as well
    assert differences(*map(identity, recurrent)) == ["weights: other values in 4 of 4 tensors, bias_hh_l0 the first"]
    other = differences(identity(Plain(a=1)), identity(Frozen(1)))
    assert other == ["all: identity.kinds.Plain there, identity.kinds.Frozen here"]
    assert differences(identity({"a": 1, "b": 2}), identity({"b": 2, "a": 1})) == ["all: another order"]
