"""Balls in the distance between activations."""

import pickle
import re

import pytest
import torch
from torch import nn

from hauberk.attacks import PGD, Jittered
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError, ShapeError, UnsupportedSetError
from hauberk.identity import identity
from hauberk.losses import Margin
from hauberk.sets.conjugate_gradient import solved
from hauberk.threats import L2Ball, Perceptual

B = 6


def network(dtype=torch.float32, seed=0):
    torch.manual_seed(seed)
    layers = (nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, stride=2), nn.ReLU())
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(72, 4)).to(dtype)


def drawn(*shape, seed=0, dtype=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def ball(eps=0.3, dtype=torch.float32, examples=B, **kwargs):
    return Perceptual(network(dtype), eps, **kwargs).at(drawn(examples, 1, 8, 8, dtype=dtype))


def noise(examples=B):
    return Noise.of(0, torch.arange(examples))


def test_distances_are_a_metric():
    S, a, z, c = ball(), *(drawn(B, 1, 8, 8, seed=seed) for seed in (1, 2, 3))
    assert not S.distance(S.start).any()
    assert not S.between(z, z).any()
    torch.testing.assert_close(S.between(a, z), S.between(z, a), rtol=0, atol=1e-6)
    torch.testing.assert_close(S.between(S.start, z), S.distance(z), rtol=0, atol=1e-6)
    expected = (S.features(z) - S.features(S.start)).norm(dim=1)
    torch.testing.assert_close(S.distance(z), expected)
    assert (S.between(a, c) <= S.between(a, z) + S.between(z, c) + 1e-6).all()
    assert (S.distance(z) <= 2).all()  # sqrt(2 L), for two layers


def test_the_gradient_of_the_distance_is_0_at_the_start_and_that_of_differences_elsewhere():
    S = ball(dtype=torch.float64)
    for z in (S.start, S.select(torch.arange(B - 1)).start):
        T, z = S.select(torch.arange(len(z))), z.clone().requires_grad_()
        assert not torch.autograd.grad(T.distance(z).sum(), z)[0].any()
    z, d = S.sample(noise()).requires_grad_(), 1e-6 * (drawn(B, 1, 8, 8, seed=5).double() - 0.5)
    (slope,) = torch.autograd.grad(S.distance(z).sum(), z)
    expected = (S.distance(z + d) - S.distance(z - d)) / 2
    torch.testing.assert_close((slope * d).flatten(1).sum(1), expected, rtol=1e-4, atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("eps", [0.0, 1e-3, 0.1, 0.5])
def test_projections_are_on_the_segment_and_never_beyond_the_radius(dtype, eps):
    S = ball(eps, dtype)
    for z in (drawn(B, 1, 8, 8, seed=1, dtype=dtype), S.start + 100, torch.ones_like(S.start), -S.start):
        p, end = S.project(z), z.clamp(0, 1)
        assert (S.distance(p) <= S.radius).all()
        assert S.contains(p).all()
        share = (p - S.start).flatten(1).norm(dim=1) / (end - S.start).flatten(1).norm(dim=1)
        torch.testing.assert_close(p, torch.lerp(S.start, end, share.view(-1, 1, 1, 1)), rtol=0, atol=1e-6)
        beyond = torch.lerp(S.start, end, (1.15 * share + 1e-3).clamp(max=1).view(-1, 1, 1, 1))
        assert ((S.distance(beyond) > S.radius) | (share > 0.99)).all()  # no member is a little farther


def test_a_distance_that_jumps_still_gives_a_member():
    class Jump(nn.Module):
        def forward(self, x):
            return torch.cat([(x > 0.7).float(), (x <= 0.7).float()], 1)

    S = Perceptual(nn.Sequential(Jump(), nn.ReLU()), 0.5).at(torch.full((2, 1), 0.5))
    p = S.project(torch.tensor([[1.0], [0.6]]))
    assert (p <= 0.7).all()
    assert p[0] > 0.65
    assert p[1] == 0.6


def test_what_is_no_number_becomes_the_start_and_infinite_values_the_ends():
    S = ball()
    z = S.sample(noise())
    z[0, 0, 0, 0], z[1, 0, 0, :2] = torch.nan, torch.tensor([torch.inf, -torch.inf])
    assert not S.contains(z)[:2].any()
    assert S.measured(z)[:2].isinf().all()
    p = S.project(z)
    assert p.isfinite().all()
    assert S.contains(p).all()
    assert torch.equal(p[2:], z[2:])
    assert p[0, 0, 0, 0] == S.start[0, 0, 0, 0]


def test_distances_and_answers_hardly_depend_on_the_batch():
    S = ball()
    z = S.sample(noise())
    whole, p = S.distance(z), S.project(drawn(B, 1, 8, 8, seed=1))
    for i in range(B):
        fresh = Perceptual(network(), 0.3).at(S.start[i : i + 1])
        torch.testing.assert_close(fresh.distance(z[i : i + 1]), whole[i : i + 1], rtol=0, atol=1e-6)
        assert fresh.contains(p[i : i + 1]).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_steepest_steps_are_the_best_of_their_length_in_features(dtype):
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(4, 9), nn.Softplus(), nn.Linear(9, 7), nn.GELU()).to(dtype)
    x = drawn(B, 4, seed=2, dtype=dtype) * 0.6 + 0.2
    S, gradient = Perceptual(net, 0.01, ["1", "3"]).at(x), drawn(B, 4, seed=3, dtype=dtype) - 0.5
    length = torch.linspace(1e-3, 2e-3, B, dtype=dtype)
    move = S.steepest_step(x, gradient, length, noise()) - x
    for i in range(B):
        jacobian = torch.autograd.functional.jacobian(lambda t: S.features(t[None])[0], x[i]).double()
        best = torch.linalg.solve(jacobian.T @ jacobian, gradient[i].double())
        best = best * length[i] / (jacobian @ best).norm()
        assert float((jacobian @ move[i].double()).norm()) == pytest.approx(float(length[i]), rel=0.02)
        assert float(gradient[i] @ move[i]) >= 0.98 * float(gradient[i].double() @ best)


def test_five_conjugate_gradient_steps_gain_more_than_the_gradient_at_equal_distance():
    S = ball(dtype=torch.float64)
    z, gradient = S.sample(noise()), drawn(B, 1, 8, 8, seed=3, dtype=torch.float64) - 0.5
    length = torch.full((B,), 1e-4, dtype=torch.float64)
    move = S.steepest_step(z, gradient, length, noise()) - z
    torch.testing.assert_close(S.between(z, z + move), length, rtol=0.05, atol=0)
    plain = 1e-4 * gradient / gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    plain = plain * (length / S.between(z, z + plain)).view(-1, 1, 1, 1)
    assert ((move * gradient).flatten(1).sum(1) > 1.2 * (plain * gradient).flatten(1).sum(1)).all()


def test_steps_without_a_direction_or_without_features_stay_finite():
    S = ball()
    z, length = S.sample(noise()), 0.1 * S.radius
    gradient = drawn(B, 1, 8, 8, seed=3)
    gradient[0], gradient[1, 0, 0, 0], gradient[2, 0, 1, 1], gradient[3] = 0, torch.nan, torch.inf, 1e-38
    step = S.steepest_step(z, gradient, length, noise())
    assert torch.equal(step[:3], z[:3])
    assert step.isfinite().all()
    assert not torch.equal(step[3], z[3])
    dead = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU())
    nn.init.constant_(dead[0].bias, -1e3)
    T = Perceptual(dead, 0.5).at(S.start)
    free = T.steepest_step(z, drawn(B, 1, 8, 8, seed=3), 0.2 * T.radius, noise())
    torch.testing.assert_close((free - z).flatten(1).amax(1), torch.full((B,), 0.2))  # a fifth of the range


def test_solving_leaves_no_gradient_in_the_network():
    net = network()
    S = Perceptual(net, 0.3).at(drawn(B, 1, 8, 8))
    solved(S.features, S.start, drawn(B, 1, 8, 8, seed=1), S.unit)
    assert all(p.grad is None for p in net.parameters())


def test_projected_steepest_ascent_breaks_more_than_plain_gradients(monkeypatch):
    classifier, S = network(seed=4), ball(0.25, examples=60)
    with torch.no_grad():
        logits = classifier(S.start)
        classifier[-1].bias -= logits.mean(0)
        y = classifier(S.start).argmax(1)
    attack = PGD(Margin(), 10, 0.2, start=Jittered(0.01))
    broken = []
    for kind in (type(S), None):
        if kind is None:
            monkeypatch.setattr(type(S), "steepest_step", along_gradients)
        z = attack(classifier, S, y, noise=noise(60))
        assert (S.distance(z) <= S.radius + 1e-4).all()
        broken.append(int((classifier(z).argmax(1) != y).sum()))
    assert broken[0] >= broken[1]
    assert broken[0] > 0


def along_gradients(S, z, gradient, length, noise):
    """Return z moved by a length in features along the gradient itself."""
    unit = gradient / gradient.flatten(1).norm(dim=1).clamp(min=1e-30).view(-1, 1, 1, 1)
    rate = S.between(z, z + 0.1 * unit) / 0.1
    return z + (length / (rate + 1e-8)).view(-1, 1, 1, 1) * unit


def test_selected_and_resized_sets_know_their_features():
    S = ball()
    calls = []
    hook = S.features.network.register_forward_hook(lambda *args: calls.append(1))
    S.select(torch.tensor([1, 2])).resized(torch.ones(2)).distance(S.start[1:3])
    hook.remove()
    assert len(calls) == 2  # the anchor of all, and the points


def test_radii_beyond_every_distance_hold_the_whole_range():
    S = ball(10.0)
    z = drawn(B, 1, 8, 8, seed=1)
    assert torch.equal(S.project(z), z)
    assert torch.equal(S.project(z + 1), (z + 1).clamp(0, 1))


def test_nothing_is_proven_over_them():
    with pytest.raises(UnsupportedSetError, match="no support function"):
        ball().cover()


def test_threats_are_told_apart_by_their_networks_and_survive_pickling():
    threat = Perceptual(network(), 0.3)
    x = drawn(B, 1, 8, 8)
    threat.at(x).distance(x)
    again = pickle.loads(pickle.dumps(threat))  # noqa: S301
    assert hash(threat) == hash(threat)
    assert identity(threat) == identity(again) == identity(Perceptual(network(), 0.3))
    assert identity(threat) != identity(Perceptual(network(seed=1), 0.3))
    assert identity(threat) != identity(Perceptual(network(), 0.3, ["1"]))
    assert torch.equal(again.at(x).project(1 - x), threat.at(x).project(1 - x))
    assert re.fullmatch(r"perceptual \(Sequential \w{8}\) eps 0.3", threat.name)
    assert again.name == threat.name
    assert len({threat.name, Perceptual(network(seed=1), 0.3).name, Perceptual(network(), 0.3, ["1"]).name}) == 3


def test_wrong_layers_and_inputs_are_refused():
    with pytest.raises(InputError, match="no modules"):
        Perceptual(network(), 0.3, ["relu"])
    with pytest.raises(InputError, match="reach from"):
        Perceptual(network(), 0.3).at(torch.full((1, 1, 8, 8), 1.5))
    with pytest.raises(ShapeError):
        Perceptual(network(), torch.ones(3)).at(drawn(2, 1, 8, 8))
    assert L2Ball(0.1).at(drawn(2, 4)).between(torch.zeros(2, 4), torch.ones(2, 4)).tolist() == [2, 2]
