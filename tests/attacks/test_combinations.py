"""Attacks made of attacks, and attacks over unions."""

import pytest
import torch
from torch import nn

from hauberk.attacks import (
    FGSM,
    PGD,
    EachMember,
    MultiSteepestDescent,
    NearMisses,
    Previous,
    RandomMember,
    RandomOf,
    Strongest,
    Targeted,
    Unperturbed,
    WorstOf,
)
from hauberk.concepts.attack import Attack
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy, Margin
from hauberk.threats import L1Ball, L2Ball, LinfBall, Union
from laws.networks import CLASSES, images, labels, network

B = 24
NOISE = Noise.of(0, torch.arange(B))
UNION = Union([LinfBall(0.1), L2Ball(0.4), L1Ball(1.2)])


def case(seed=0, threat=None):
    graph, x, y = network("residual", seed, 2.0), images(B, seed), labels(B, seed)
    return graph, (threat or UNION).at(x), graph(x).argmax(1) if threat is None else y


def losses(graph, z, y, loss=None):
    return (loss or CrossEntropy())(graph(z), y)


@pytest.mark.parametrize("threat", [LinfBall(0.1), L2Ball(0.4), L1Ball(1.2)], ids=str)
def test_multi_steepest_descent_in_one_set_is_pgd(threat):
    graph, S, y = case(1, threat)
    for stop in (True, False):
        one = MultiSteepestDescent(CrossEntropy(), 12, 0.1, best_of_steps=False, stop_when_broken=False)
        same = PGD(CrossEntropy(), 12, 0.1, stop_when_broken=False, start=Unperturbed())
        assert torch.equal(one(graph, S, y, noise=NOISE), same(graph, S, y, noise=NOISE)), stop


def test_the_best_of_all_steps_is_never_worse_than_the_last():
    graph, S, y = case(2)
    best, last = (
        losses(graph, MultiSteepestDescent(CrossEntropy(), 15, 0.2, keep, False)(graph, S, y, noise=NOISE), y)
        for keep in (True, False)
    )
    assert (best >= last).all()
    assert (best > last).any()


def test_multi_steepest_descent_takes_one_length_for_each_member():
    graph, S, y = case(3)
    z = MultiSteepestDescent(Margin(), 5, [0.1, 0.2, 0.3])(graph, S, y, noise=NOISE)
    assert S.contains(z).all()
    with pytest.raises(InputError, match="has 3, but 2"):
        MultiSteepestDescent(Margin(), 5, [0.1, 0.2])(graph, S, y, noise=NOISE)


def test_the_worst_of_several_has_a_loss_no_member_exceeds_unless_it_breaks_more():
    graph, S, y = case(4, LinfBall(0.05))
    parts = [PGD(CrossEntropy(), 3, 0.4), FGSM(CrossEntropy()), FGSM(CrossEntropy(), 0.3, RandomMember())]
    z = WorstOf(parts, CrossEntropy())(graph, S, y, noise=NOISE)
    worst, broken = losses(graph, z, y), graph(z).argmax(1) != y
    for part in parts:
        point = part(graph, S, y, noise=NOISE)
        wrong = graph(point).argmax(1) != y
        assert (broken | ~wrong).all()
        assert (worst >= losses(graph, point, y))[broken == wrong].all()


def test_a_broken_answer_beats_a_larger_loss():
    logits = {0: [2.0, 1.9, -5.0], 1: [0.9, 1.0, 0.8], 2: [1.0, 0.5, 0.9]}

    class Fixed(FGSM):
        def steered(self, network, S, y, target, *, noise):
            return torch.full_like(S.start, self.step)

    class Table(nn.Module):
        def forward(self, x):
            return torch.tensor([logits[round(v * 10)] for v in x[:, 0].tolist()])

    S = LinfBall(1.0).at(torch.zeros(1, 1))
    y = torch.zeros(1, dtype=torch.long)
    parts = [Fixed(Margin(), step) for step in (0.1, 0.2)]  # misclassified with loss 1.0; correct with loss 1.1
    z = WorstOf([Fixed(Margin(), 0.2), parts[0]], CrossEntropy())(Table(), S, y, noise=Noise.of(0, torch.arange(1)))
    assert z.item() == pytest.approx(0.1)


def test_each_member_reaches_all_and_only_reaches_one():
    graph, S, y = case(5)
    inner = PGD(Margin(), 5, 0.3)
    for number, member in enumerate(S.members):
        z = EachMember(inner, only=number)(graph, S, y, noise=NOISE)
        assert member.contains(z).all()
    broken = graph(EachMember(inner)(graph, S, y, noise=NOISE)).argmax(1) != y
    for number in range(3):
        one = graph(EachMember(inner, only=number)(graph, S, y, noise=NOISE)).argmax(1) != y
        assert (broken | ~one).all()


def test_random_of_gives_each_attack_its_share_of_examples():
    graph, S, y = case(6, LinfBall(0.1))
    small, large = FGSM(Margin(), 0.2), FGSM(Margin(), 1.0)
    z = RandomOf([small, large])(graph, S, y, noise=NOISE)
    which = [(z == part(graph, S, y, noise=NOISE)).flatten(1).all(1) for part in (small, large)]
    assert (which[0] ^ which[1]).all()
    assert 4 < int(which[0].sum()) < 20


def test_an_ensemble_breaks_what_any_member_breaks_in_whatever_order():
    graph, S, y = case(7, LinfBall(0.05))
    parts = {"a": FGSM(Margin()), "b": PGD(Margin(), 3, 0.5), "c": FGSM(CrossEntropy(), 0.7, RandomMember())}
    backwards = dict(reversed(parts.items()))
    first, second = (graph(Strongest(each)(graph, S, y, noise=NOISE)).argmax(1) != y for each in (parts, backwards))
    assert torch.equal(first, second)
    for part in parts.values():
        assert (first | (graph(part(graph, S, y, noise=NOISE)).argmax(1) == y)).all()
    assert first.any()
    assert not first.all()


def test_targets_are_the_most_likely_wrong_classes_and_no_more_than_there_are():
    seen = []

    class Recording(PGD):
        def steered(self, network, S, y, target, *, noise):
            seen.append(target)
            return S.start

    graph, x = network("dense", 8), images(B, 8)
    y = graph(x).argmax(1)
    Targeted(Recording(Margin()), 9)(graph, LinfBall(0.1).at(x), y, noise=NOISE)
    order = graph(x).argsort(1, descending=True)
    assert len(seen) == CLASSES - 1
    assert torch.equal(torch.stack(seen, 1), order[:, 1:])


def test_the_previous_answer_is_the_next_start():
    graph, S, y = case(9, LinfBall(0.1))
    start = Previous()
    attack = FGSM(Margin(), 1.25, start)
    first = attack(graph, S, y, noise=NOISE)
    assert torch.equal(start(S, NOISE), S.project(first))
    other = LinfBall(0.1).at(images(5, 10))
    torch.testing.assert_close(start(other, NOISE), other.project(other.start + (first - S.start)[:5]))


@pytest.mark.parametrize("make", [lambda: WorstOf([], Margin()), lambda: RandomOf([]), lambda: Strongest({})])
def test_no_attack_at_all_is_refused(make):
    with pytest.raises(InputError, match="at least one attack"):
        make()


def test_stochastic_networks_are_averaged():
    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            flat = x.flatten(1)
            return torch.stack([flat.sum(1) * (1 if self.calls % 2 else -3), flat[:, 0] * 0], 1)

    S, y, noisy = LinfBall(0.1).at(images(3, 1)), torch.zeros(3, dtype=torch.long), Noisy()
    attack = PGD(Margin(), 1, 1.0, stop_when_broken=False, samples=2, start=Unperturbed())
    z = attack(noisy, S, y, noise=NOISE.select(torch.arange(3)))
    assert noisy.calls == 2
    torch.testing.assert_close(z, S.box.upper)  # the mean slope of class 0 is -1, so that more of everything breaks it


def test_near_misses_are_those_whose_margin_fell_far_enough():
    generator = torch.Generator().manual_seed(0)
    S = LinfBall(0.1).at(0.3 + 0.4 * torch.rand(4, 36, generator=generator))
    normal, y = torch.randn(36, generator=generator), torch.zeros(4, dtype=torch.long)
    gain = (normal.abs().sum() * 0.1).item()
    margins = torch.tensor([0.5, 1.3, 2.0, 4.0]) * gain

    def network(x: torch.Tensor) -> torch.Tensor:
        moved = (x - S.start if len(x) == 4 else x - S.start[asked]).flatten(1) @ normal
        own = margins if len(x) == 4 else margins[asked]
        return torch.stack([own - moved, torch.zeros_like(own)], 1)

    asked = torch.tensor([1, 2])
    called = []

    class Recorded(Attack):
        def __call__(self, network, S, y, *, noise):
            called.append(S.start)
            return S.start

    probe = FGSM(CrossEntropy())
    z = NearMisses(probe, Recorded(), share=0.6)(network, S, y, noise=NOISE.select(torch.arange(4)))
    assert torch.equal(called[0], S.start[asked])
    assert torch.equal(z[asked], S.start[asked])
    expected = probe(network, S, y, noise=NOISE.select(torch.arange(4)))
    assert torch.equal(z[[0, 3]], expected[[0, 3]])
    with pytest.raises(InputError, match="NearMisses needs share to be"):
        NearMisses(probe, probe, share=0)
