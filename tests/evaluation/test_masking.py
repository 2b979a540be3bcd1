"""Signs of gradient masking: found where gradients lie, and nowhere else."""

from dataclasses import dataclass, replace
from typing import ClassVar

import polars as pl
import pytest
import torch
from torch import nn

from digits import digits
from hauberk.attacks import FGSM
from hauberk.concepts.attack import Attack
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import UnsupportedOpError
from hauberk.evaluation import Evaluator
from hauberk.evaluation.masking import signs_of_masking
from hauberk.evaluation.masking.black_boxes import black_box_wins
from hauberk.losses import CrossEntropy, Margin
from hauberk.objectives import Natural
from hauberk.schedules import Constant
from hauberk.threats import L2Ball, LinfBall
from hauberk.training import Trainer


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 10))
    method = Trainer(Natural(CrossEntropy()), epochs=3, learning_rate=Constant(5e-3), batch=50, held_out=0)
    method.fit(network, digits(600), LinfBall(0.02), tmp_path_factory.mktemp("trained"))
    return network.eval()


class Wrapped(nn.Module):
    """A network between something before and something after it."""

    def __init__(self, network, before=nn.Identity(), after=nn.Identity()):
        super().__init__()
        self.network, self.before, self.after = network, before, after

    def forward(self, x):
        return self.after(self.network(self.before(x)))


def flags(network, threat=LinfBall(0.1), count=60):
    data = digits(count)
    with torch.no_grad():
        prediction = network(data.batch(slice(None))[0]).argmax(1)
    records = pl.DataFrame({"index": range(count), "label": data.labels.tolist(), "prediction": prediction.tolist()})
    subject = NetworkSubject(network, UnsupportedOpError("not captured"))
    signs = signs_of_masking(subject, data, threat, records, {}, 0)
    assert all(sign.evidence.endswith(".") and sign.advice.endswith(".") for sign in signs)
    return {sign.flag for sign in signs}


@pytest.mark.parametrize("after", [nn.Identity(), nn.Softmax(1)], ids=["plain", "softmax"])
def test_a_probe_of_a_few_at_once_finds_the_same(honest, after):
    data, shown = digits(60), []
    network = Wrapped(honest, before=lambda x: shown.append(len(x)) or x, after=after)
    subject = NetworkSubject(network, UnsupportedOpError("not captured"))
    records = pl.DataFrame({"index": range(60), "label": data.labels.tolist(), "prediction": data.labels.tolist()})
    found = []
    for size in (7, 60):
        shown.clear()
        found.append(signs_of_masking(subject, data, LinfBall(0.1), records, {}, 0, size))
        assert max(shown) == size
    assert found[0] == found[1]


@pytest.mark.parametrize("threat", [LinfBall(0.1), L2Ball(1.0)], ids=["linf", "l2"])
def test_an_ordinary_network_has_no_sign(honest, threat):
    assert flags(honest, threat) == set()


def test_quantised_inputs_and_saturated_logits(honest):
    network = Wrapped(honest, before=lambda x: torch.round(x * 8) / 8, after=lambda logits: logits * 1e6)
    found = flags(network)
    assert "gradients are zero" in found


def test_saturated_logits_leave_the_margin(honest):
    saturated = Wrapped(honest, after=lambda logits: logits * 1e6)
    assert flags(saturated) == {"gradients are zero"}  # of cross-entropy alone: the attack by margins goes on


def test_a_network_without_a_way_back(honest):
    assert flags(Wrapped(honest, before=torch.Tensor.detach)) == {"gradients are zero"}


def test_probabilities(honest):
    assert "probabilities instead of logits" in flags(Wrapped(honest, after=nn.Softmax(1)))


def test_random_outputs(honest):
    assert "random outputs" in flags(Wrapped(honest, after=lambda logits: logits + 0.01 * torch.randn_like(logits)))


class Backwards(torch.autograd.Function):
    """The identity, with the wrong sign on the way back."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


def test_gradients_that_mislead(honest):
    found = flags(Wrapped(honest, before=Backwards.apply), LinfBall(0.25))
    assert {"the whole range does not suffice", "random noise beats gradients"} & found


@pytest.mark.parametrize(("count", "found"), [(0, None), (2, None), (3, [])])
def test_fewer_examples_than_are_more_than_chance_tell_nothing(honest, count, found):
    calls = []
    counted = Wrapped(honest, before=lambda x: calls.append(len(x)) or x)
    data = digits(60)
    with torch.no_grad():
        right = (honest(data.batch(slice(None))[0]).argmax(1) == data.labels).nonzero()[:count, 0].tolist()
    prediction = [int(label) if number in right else -1 for number, label in enumerate(data.labels)]
    records = pl.DataFrame({"index": range(60), "label": data.labels.tolist(), "prediction": prediction})
    subject = NetworkSubject(counted, UnsupportedOpError("not captured"))
    assert signs_of_masking(subject, data, LinfBall(0.01), records, {}, 0) == found
    assert (len(calls) > 20) == (found is not None)


@dataclass(frozen=True)
class Blind(Attack):
    """Paints everything grey, without a look at any gradient."""

    black_box: ClassVar[bool] = True

    def __call__(self, network, S, y, *, noise):
        return S.project(torch.full_like(S.start, 0.5))


def test_a_black_box_that_beats_gradients_is_a_sign(honest, tmp_path):
    attacks = {"FGSM": FGSM(Margin()), "grey": Blind()}
    evaluator = Evaluator(attacks, [], illustrated=0)
    quantised = Wrapped(honest, before=lambda x: torch.round(x * 4) / 4)
    (sign,) = [
        sign
        for sign in evaluator.evaluate(quantised, digits(60), LinfBall(0.45), tmp_path / "masked")["masking"]
        if sign["flag"] == "a black box beats gradients"
    ]
    assert "grey" in sign["evidence"]
    assert evaluator.evaluate(honest, digits(60), LinfBall(0.1), tmp_path / "honest")["masking"] == []
    alone = replace(evaluator, attacks={"grey": Blind()}).evaluate(
        honest, digits(60), LinfBall(0.1), tmp_path / "alone"
    )
    assert alone["masking"] == []


def test_three_examples_and_two_percent_are_notable():
    def found(broken, tried):
        table = {
            "broken: white": [False] * tried + [None],
            "broken: black": [i < broken for i in range(tried)] + [True],  # the last was not tried by both
        }
        return black_box_wins(pl.DataFrame(table), {"white": FGSM(Margin()), "black": Blind()})

    assert not found(2, 10)
    assert found(3, 10)
    assert not found(4, 200)
    assert found(5, 200)
