"""The Lagrangian attack."""

import pytest
import torch
from torch import nn

from hauberk.attacks import PGD, Jittered, Lagrangian, lagrangian
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.losses import CrossEntropy, Margin
from hauberk.threats import Flow, GivenBox, L0Ball, L2Ball, LinfBall, MaskedLinfBall, Perceptual, Union, WassersteinBall

B = 60
FAST = Lagrangian(Margin(), rounds=1, steps=10, weight=0.5, rise=10.0, stop_when_broken=False)


def network(seed=0):
    torch.manual_seed(seed)
    layers = (nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, stride=2), nn.ReLU())
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(72, 4))


def problem(examples=B):
    """Return a network that uses all its classes, images, and the labels that it gives them."""
    x = torch.rand(examples, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    classifier = network(4)
    with torch.no_grad():
        classifier[-1].bias -= classifier(x).mean(0)
        return classifier, x, classifier(x).argmax(1)


def noise(examples=B):
    return Noise.of(0, torch.arange(examples))


def broken(classifier, z, y):
    with torch.no_grad():
        return int((classifier(z).argmax(1) != y).sum())


@pytest.mark.parametrize("eps", [0.15, 0.25])
def test_it_breaks_as_much_as_projected_steps_in_a_perceptual_ball(eps):
    classifier, x, y = problem()
    S = Perceptual(network(), eps).at(x)
    z = Lagrangian(Margin())(classifier, S, y, noise=noise())
    assert S.contains(z).all()
    assert (S.distance(z) <= S.radius + 1e-4).all()
    projected = PGD(Margin(), 20, 0.1, start=Jittered(0.01))(classifier, S, y, noise=noise())
    assert broken(classifier, z, y) >= max(broken(classifier, projected, y), 1)


def test_it_breaks_about_as_much_as_projected_steps_in_an_l2_ball():
    classifier, x, y = problem()
    S = L2Ball(0.4).at(x)
    z = Lagrangian(Margin())(classifier, S, y, noise=noise())
    assert S.contains(z).all()
    projected = PGD(Margin(), 40, 0.05)(classifier, S, y, noise=noise())
    assert 0 < broken(classifier, projected, y) < B
    assert broken(classifier, z, y) >= 0.9 * broken(classifier, projected, y)


def test_on_a_linear_network_it_comes_near_the_best_member():
    normal = torch.tensor([1.0, 2.0]) / 5**0.5

    def steadfast(x):
        return torch.stack([0 * x.sum(1), x @ normal - 50], 1)

    S = L2Ball(0.5, within=None).at(torch.zeros(1, 2))
    z = Lagrangian(Margin(), rounds=3)(steadfast, S, torch.zeros(1, dtype=torch.long), noise=noise(1))
    assert float(z[0] @ normal) >= 0.45  # of 0.5, the largest


@pytest.mark.parametrize("threat", [Perceptual(network(), 0.2), L2Ball(0.4), LinfBall(0.1)], ids=["own", "l2", "linf"])
def test_answers_hardly_depend_on_the_batch(threat):
    classifier, x, y = problem(12)
    S = threat.at(x)
    attack = Lagrangian(Margin(), rounds=1, steps=4)
    whole = attack(classifier, S, y, noise=noise(12))
    index = torch.tensor([7, 2])
    part = attack(classifier, S.select(index), y[index], noise=noise(12).select(index))
    torch.testing.assert_close(part, whole[index], rtol=0, atol=1e-3)


def test_fixed_pixels_stay_and_the_others_move():
    classifier, x, y = problem(12)
    mask = torch.zeros(1, 8, 8, dtype=torch.bool)
    mask[:, 2:7, 2:7] = True
    for threat in (MaskedLinfBall(0.3, mask), GivenBox(x - 0.3 * mask, x + 0.3 * mask)):
        S = threat.at(x)
        z = Lagrangian(Margin(), rounds=1, steps=5, stop_when_broken=False)(classifier, S, y, noise=noise(12))
        assert z.isfinite().all()
        assert torch.equal(z[:, ~mask], x[:, ~mask])
        assert ((z - x)[:, mask].abs().amax(1) > 0.05).all()


def test_weights_grow_after_rounds_outside_the_ball_and_rise_within_them(monkeypatch):
    seen = []
    monkeypatch.setattr(
        lagrangian,
        "excess",
        lambda S, z: (torch.tensor([False, True]), torch.tensor([[1.0], [1.0]])),
    )
    monkeypatch.setattr(lagrangian, "moved", lambda S, z, heading, share: (seen.append((heading, share)), z)[1])
    S = L2Ball(0.5).at(torch.full((2, 1), 0.5))
    attack = Lagrangian(Margin(), rounds=2, steps=2, weight=3.0, rise=4.0, stop_when_broken=False)
    attack(lambda x: torch.cat([0 * x, 0 * x], 1), S, torch.zeros(2, dtype=torch.long), noise=noise(2))
    charges = [-heading.flatten() for heading, _ in seen]
    torch.testing.assert_close(torch.stack(charges)[:, 0], torch.zeros(4))
    torch.testing.assert_close(torch.stack(charges)[:, 1], torch.tensor([3.0, 6.0, 30.0, 60.0]))
    torch.testing.assert_close(torch.tensor([share for _, share in seen]), torch.tensor([1.0, 0.1**0.5] * 2))


def test_steps_have_their_length_in_the_sets_own_distance():
    x = torch.full((3, 4), 0.5)
    heading = torch.tensor([[1.0, -2.0, 0.5, 0.0], [1e-30, 0, 0, 0], [0.0, 0, 0, 0]])
    for threat in (L2Ball(0.4), LinfBall(0.4), L2Ball(0.4, within=None)):
        S = threat.at(x)
        z = lagrangian.moved(S, x, heading, 0.25)
        torch.testing.assert_close(S.distance(z), torch.tensor([0.1, 0.1, 0.0]))
        torch.testing.assert_close(z[0, 1] - x[0, 1], -2 * (z[0, 0] - x[0, 0]))


def test_in_training_it_passes_each_network_a_fixed_number_of_times():
    classifier, x, y = problem(12)
    perceptual = network()
    calls = {}
    for name, net in (("attacked", classifier), ("perceptual", perceptual)):
        net.register_forward_hook(lambda *args, name=name: calls.update({name: calls.get(name, 0) + 1}))
    S = Perceptual(perceptual, 0.25).at(x)
    z = FAST(classifier.train(), S, y, noise=noise(12))
    assert calls["attacked"] == FAST.steps
    assert calls["perceptual"] <= 2 * FAST.steps + 10
    assert FAST.steady
    assert classifier.training
    assert S.contains(z).all()
    assert all(p.grad is None for net in (classifier, perceptual) for p in net.parameters())


def test_a_network_without_gradients_leaves_members():
    _, x, y = problem(6)
    S = Perceptual(network(), 0.2).at(x)
    z = Lagrangian(CrossEntropy(), rounds=1)(lambda x: torch.eye(4)[y], S, y, noise=noise(6))
    assert S.contains(z).all()


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("threat", [Perceptual(network(), 0.2), L2Ball(0.4), LinfBall(0.1)], ids=["own", "l2", "linf"])
def test_logits_that_are_no_numbers_leave_members(value, threat):
    _, x, y = problem(6)
    S = threat.at(x)
    z = Lagrangian(Margin(), rounds=1)(lambda x: value * x.flatten(1)[:, :4], S, y, noise=noise(6))
    assert z.isfinite().all()
    assert S.contains(z).all()


def test_sets_without_a_gradient_of_their_distance_are_refused_by_name():
    classifier, x, y = problem(2)
    cases = [(Flow(0.1), "FlowSet"), (L0Ball(3), "L0Set"), (WassersteinBall(0.1, window=3), "WassersteinSet")]
    for threat, name in [*cases, (Union([LinfBall(0.1), L2Ball(0.1)]), "UnionSet")]:
        with pytest.raises(UnsupportedSetError, match=f"Lagrangian needs.*{name}"):
            Lagrangian(Margin())(classifier, threat.at(x), y, noise=noise(2))
    with pytest.raises(UnsupportedSetError, match="WassersteinSet measures distances from the unperturbed"):
        WassersteinBall(0.1, window=3).at(x).between(x, x)


def test_numbers_that_are_not_positive_are_refused():
    for argument in ("rounds", "steps", "weight", "growth", "rise", "step", "samples"):
        with pytest.raises(InputError, match=argument):
            Lagrangian(Margin(), **{argument: 0})
