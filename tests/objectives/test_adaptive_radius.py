"""Radii of examples, on a linear network: its answer at a point holds up to a radius of |w (x) + b| / |w|_1."""

import pytest
import torch
from torch import Tensor, nn

from hauberk.attacks import FGSM
from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy, Margin
from hauberk.objectives import AdaptiveRadius, Adversarial, Certified, Free, Natural
from hauberk.schedules import Constant
from hauberk.threats import LinfBall

EPS = 0.25
ADVERSARIAL = Adversarial(FGSM(Margin()), CrossEntropy())
X = torch.tensor([[0.5, 0.52], [0.5, 0.6], [0.45, 0.6], [0.25, 0.75], [0.05, 0.95], [0.8, 0.2]], dtype=torch.float64)
Y = torch.tensor([1, 1, 1, 1, 1, 1])
WITHSTOOD = [0.01, 0.05, 0.075, 0.25, 0.45, -0.3]
"""The difference of coordinates, halved: up to this l_inf radius the second of them stays the larger."""


def network() -> nn.Linear:
    layer = nn.Linear(2, 2, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(2))
        layer.bias.zero_()
    return layer


def seen(objective: AdaptiveRadius, index: list[int], *, learn: bool = True, eps: float = EPS) -> Tensor:
    module = network()
    graph = capture(module, X[:2]) if objective.needs_graph else module
    value = objective(
        graph, X[index], Y[index], LinfBall(eps), progress=Progress(0, 1, 1), noise=Noise.of(0, torch.tensor(index))
    )
    if learn:
        value.loss.backward()
        value.learned()
    return value.robust


def shares(objective: AdaptiveRadius) -> list[float]:
    return objective.shares.recall(torch.arange(len(X)), objective.initial).tolist()


@pytest.mark.parametrize(
    "objective", [ADVERSARIAL, Certified(Interval(), CrossEntropy(), Constant(0.0)), Free(CrossEntropy())], ids=str
)
def test_a_radius_grows_to_the_first_that_is_not_withstood(objective):
    # 0.15, 0.35, ... of a radius of 0.25: none of them meets a limit.
    adaptive = AdaptiveRadius(objective, growth=0.2, initial=0.15)
    for _ in range(8):
        for index in ([4, 0, 5], [2], [1, 3]):
            seen(adaptive, index)
    expected = []
    for limit in WITHSTOOD:
        share = 0.15
        while share < 1 and share * EPS < limit:
            share = min(1.0, share + 0.2)
        expected.append(share)
    if isinstance(objective, Free):  # whose perturbations stay at places of the batch, and do not begin at the radius
        assert shares(adaptive)[4:] == pytest.approx(expected[4:])
    else:
        assert shares(adaptive) == pytest.approx(expected)
        assert expected == pytest.approx([0.15, 0.35, 0.35, 1.0, 1.0, 0.15])


def test_a_radius_that_is_not_withstood_shrinks():
    adaptive = AdaptiveRadius(ADVERSARIAL, growth=0.2, shrink=0.1, initial=0.5)
    course = []
    for _ in range(4):
        seen(adaptive, list(range(6)))
        course.append(shares(adaptive))
    first, fourth, last = ([row[i] for row in course] for i in (0, 3, 5))
    assert first == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert fourth == pytest.approx([0.7, 0.9, 1.0, 0.9])  # the whole radius is just not withstood
    assert last == pytest.approx([0.4, 0.3, 0.2, 0.1])


def test_the_attack_has_the_radius_of_each_example():
    adaptive = AdaptiveRadius(ADVERSARIAL, growth=0.4, initial=0.2)
    assert seen(adaptive, [0, 4]).tolist() == [False, True]
    adaptive.shares.keep(torch.tensor([0, 4]), torch.tensor([0.02, 1.0]))
    assert seen(adaptive, [0, 4], learn=False).tolist() == [True, True]
    assert seen(adaptive, [0, 4], learn=False, eps=0.6).tolist() == [False, False]


def test_validation_has_the_whole_radius_and_changes_no_share():
    adaptive = AdaptiveRadius(ADVERSARIAL, initial=0.0)
    with torch.no_grad():
        robust = seen(adaptive, list(range(6)), learn=False)
    assert robust.tolist() == [False, False, False, False, True, False]
    assert shares(adaptive) == [0.0] * 6


def test_an_objective_that_does_not_say_what_withstands_it_is_refused():
    with pytest.raises(InputError, match="which examples withstand Natural"):
        seen(AdaptiveRadius(Natural(CrossEntropy())), [0])


@pytest.mark.parametrize(("name", "value"), [("growth", 0.0), ("shrink", -0.1), ("initial", 1.5)])
def test_shares_out_of_range_are_refused(name: str, value: float):
    with pytest.raises(InputError, match=str(value)):
        AdaptiveRadius(ADVERSARIAL, **{name: value})
