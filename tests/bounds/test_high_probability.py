"""Bounds that hold with a promised probability: how often they fail, and what they cost in tightness."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from hauberk.bounds import BackwardLinear, ForwardLinear, HighProbability, Interval, Projected, high_probability
from hauberk.capture import capture
from hauberk.concepts.noise import Noise
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.propagation.forward_box import forward_box
from hauberk.propagation.forward_pass import ForwardPass
from hauberk.propagation.generators import AllGenerators
from hauberk.threats import LinfBall
from hauberk.threats.linf_ball import LinfSet
from laws.networks import BUILDERS, CLASSES, images, labels, network, randomize

B = 3
DTYPE = torch.float64
NOISE = Noise.of(3, torch.arange(B))
NETWORKS = pytest.mark.parametrize("name", BUILDERS)


@dataclass(frozen=True)
class Ball(LinfSet):
    """A whole l2 ball, as far as bounds need to know it."""

    p = 2.0
    is_box = False

    def select(self, index):
        return replace(super().select(index))

    def support_function(self, c):
        c, start = c.flatten(2), self.start.flatten(1)
        return (c @ start[:, :, None])[:, :, 0] + c.norm(dim=2) * self.radius[:, None]


def ball(eps, x):
    S = LinfBall(eps, None).at(x)
    return Ball(S.start, S.radius, S.box, None)


@dataclass(frozen=True)
class Separate(Noise):
    """Noise of which every example has its own also where examples would share a stream."""

    @property
    def common(self):
        return self


def problem(name, seed, eps=0.1):
    S = LinfBall(eps).at(images(B, seed))
    return network(name, seed).frozen(), S, LinearSpec.margins(labels(B, seed), CLASSES, DTYPE)


def excess(graph, S, boxes):
    """Return, for each example, by how much a box is tighter anywhere than the exact one given those before it."""
    carrier, found = AllGenerators(S), torch.full((len(S.start),), -torch.inf, dtype=DTYPE)
    forward = ForwardPass(graph, boxes, carrier, False)
    for index in range(1, max(graph.relaxed) + 1):
        form, interval = forward.advance(index), forward_box(graph, S, boxes[:index], outward=False)
        if index in graph.relaxed:
            exact = carrier.box(form, interval, graph.loose(index, interval))
            gaps = torch.maximum(boxes[index].lower - exact.lower, exact.upper - boxes[index].upper)
            found = torch.maximum(found, gaps.flatten(1).amax(1))
    return found


@NETWORKS
def test_boxes_hold_those_that_exact_norms_would_give_and_lie_in_the_interval_boxes(name):
    frozen, S, _ = problem(name, 1)
    for T in (S, ball(0.3, S.start)):
        boxes = HighProbability(200, 1e-9).boxes(frozen, T, outward=False, noise=NOISE)
        assert (excess(frozen, T, boxes) <= 1e-12).all()
        for box, interval in zip(boxes, Interval().boxes(frozen, T, outward=False), strict=True):
            assert (box.lower >= interval.lower - 1e-12).all()
            assert (box.upper <= interval.upper + 1e-12).all()


def test_with_outward_rounding_boxes_are_only_a_little_wider():
    frozen, S, _ = problem("residual", 2)
    naive, outward = (HighProbability(200).boxes(frozen, S, outward=o, noise=NOISE) for o in (False, True))
    for a, b in zip(naive, outward, strict=True):
        torch.testing.assert_close(a.lower, b.lower, rtol=0, atol=1e-9)
        torch.testing.assert_close(a.upper, b.upper, rtol=0, atol=1e-9)
    assert (outward[-1].lower < naive[-1].lower).all()


def copies(name, seed, kind, count):
    """Return many copies of one example, and noise that draws anew for each."""
    frozen, x = network(name, seed, 1.5).frozen(), images(1, seed).expand(count, -1, -1, -1)
    S = ball(0.5, x) if kind == "ball" else LinfBall(0.1).at(x)
    return frozen, S, Separate.of(1, torch.arange(count))


@pytest.mark.parametrize("kind", ["box", "ball"])
@pytest.mark.parametrize("name", ["dense", "residual"])
def test_they_fail_more_rarely_than_promised(name, kind):
    frozen, S, noise = copies(name, 4, kind, 100)
    for failure in (0.9, 0.2):
        boxes = HighProbability(20, failure, budget=2**40).boxes(frozen, S, outward=False, noise=noise)
        assert (excess(frozen, S, boxes) > 1e-12).double().mean() <= failure


def test_a_single_estimate_does_fail_about_as_often_as_known():
    """One neuron behind one layer: the promise is Chernoff's bound alone. The card's 0.264 goes with 0.051."""
    module = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 1), nn.ReLU(), nn.Linear(1, 2)).to(DTYPE)
    randomize(module, torch.Generator().manual_seed(0))
    x = torch.full((1, 5), 0.5, dtype=DTYPE)
    with torch.no_grad():
        module[0].bias += 0.2 - module[0](x)[0]
        module[2].bias -= module[2](module[0](x).relu())[0]
    frozen = capture(module, torch.zeros(2, 5, dtype=DTYPE)).frozen()
    S = LinfBall(0.1).at(x.expand(2000, -1))
    noise = Separate.of(2, torch.arange(2000))
    boxes = HighProbability(50, 0.264, 2**40).boxes(frozen, S, outward=False, noise=noise)
    assert frozen.loose(3, boxes[3]).all()
    assert (excess(frozen, S, boxes) > 1e-12).double().mean().item() == pytest.approx(0.051, abs=0.02)


@NETWORKS
def test_an_example_gets_the_same_bounds_in_any_batch_and_in_any_groups(name):
    frozen, S, spec = problem(name, 5)
    together = HighProbability(120)(frozen, S, spec, noise=NOISE).lower
    apart = HighProbability(120, budget=1)(frozen, S, spec, noise=NOISE).lower
    torch.testing.assert_close(apart, together, rtol=0, atol=1e-12)
    index = torch.tensor([1])
    alone = HighProbability(120)(frozen, S.select(index), spec.select(index), noise=NOISE.select(index)).lower
    torch.testing.assert_close(alone, together[1:2], rtol=0, atol=1e-12)


def test_more_rows_and_a_larger_failure_are_tighter_and_approach_the_exact_bounds():
    frozen, S, spec = problem("residual", 6)
    bounders = HighProbability(20), HighProbability(200), HighProbability(200, 0.9), HighProbability(5000, 0.9)
    with torch.no_grad():
        exact = ForwardLinear(intersect=True)(frozen, S, spec).lower
        gaps = [(exact - b(frozen, S, spec, noise=NOISE).lower).mean().item() for b in bounders]
    assert gaps[0] > gaps[1] > gaps[2] > gaps[3] > 0
    assert gaps[3] < gaps[1] / 4


def test_the_probability_of_failure_is_that_of_the_parts():
    inner = HighProbability(10, 0.02)
    assert [b.failure for b in (inner, BackwardLinear(inner), BackwardLinear(), Interval())] == [0.02, 0.02, 0, 0]
    assert BackwardLinear(inner).certifies
    frozen, S, spec = problem("dense", 7)
    boxes = BackwardLinear(inner)(frozen, S, spec, noise=NOISE).boxes
    for a, b in zip(boxes, inner.boxes(frozen, S, noise=NOISE), strict=True):
        assert torch.equal(a.lower, b.lower)


@pytest.mark.parametrize(("kind", "norms"), [("box", {1}), ("ball", {1, 2})])
def test_the_failures_of_all_layers_norms_and_neurons_sum_to_the_promised_one(monkeypatch, kind, norms):
    spent = []
    for p, name in ((1, "l1_bound"), (2, "l2_bound")):
        bound = getattr(high_probability, name)

        def watched(sums, rows, failure, p=p, bound=bound):
            spent.append((p, failure))
            return bound(sums, rows, failure)

        monkeypatch.setattr(high_probability, name, watched)
    frozen, S = network("residual", 6, 2.0).frozen(), LinfBall(0.3).at(images(1, 6))
    S = ball(0.9, S.start) if kind == "ball" else S
    boxes = HighProbability(20, 0.125).boxes(frozen, S, noise=NOISE.select(torch.tensor([0])))
    estimated = [i for i in frozen.relaxed if i not in frozen.mixed_once]
    assert all(frozen.loose(i, boxes[i]).any() for i in estimated)
    assert len(estimated) == 2
    assert {p for p, _ in spent} == norms
    assert sum(failure.sum().item() for _, failure in spent) == pytest.approx(0.125, rel=1e-12)
    for _, failure in spent:
        assert failure.unique().numel() == 1, "neurons share alike"


def test_no_training_step_draws_what_a_certificate_draws():
    """Projections that shaped the weights would not be independent of them."""
    asked = []

    class Watched(Noise):
        def uniform(self, shape, dtype=torch.float32):
            asked.append(self.keys.tolist())
            return super().uniform(shape, dtype)

    frozen, S, _ = problem("dense", 8)
    noise = Watched(NOISE.examples, NOISE.state)
    HighProbability(150).boxes(frozen, S, noise=noise)
    own, asked[:] = [key for keys in asked for key in keys], []
    for step in range(10):
        for use in range(3):
            Projected(5).boxes(frozen, S.select(torch.tensor([0])), noise=noise.fold(step).fold(use))
    trained = {key for keys in asked for key in keys}
    assert own
    assert trained
    assert not trained & set(own)
    assert len(set(own)) == len(own)


def test_what_it_cannot_use_is_refused():
    frozen, S, spec = problem("dense", 9)
    for wrong in ({"rows": 0}, {"failure": 0.0}, {"failure": 1.0}):
        with pytest.raises(InputError, match=f"{next(iter(wrong))} to be"):
            HighProbability(**wrong)
    with pytest.raises(InputError, match=r"Noise\.of"):
        HighProbability(10)(frozen, S, spec)
    with pytest.raises(InputError, match="float32"):
        HighProbability(10)(frozen, S.to(torch.float32), spec, noise=NOISE)

    class Diamond(Ball):
        p = 1.0

    with pytest.raises(UnsupportedSetError, match="Diamond"):
        HighProbability(10)(frozen, Diamond(S.start, S.radius, S.box, S.within), spec, noise=NOISE)
