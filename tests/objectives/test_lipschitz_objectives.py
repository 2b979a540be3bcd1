"""Objectives of l_inf-distance networks against their closed forms, their resumption, and their waits."""

import json
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hauberk.architectures import LinfDistMLP, LinfDistNet
from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.schedule import Progress
from hauberk.datasets import Generated
from hauberk.errors import InputError, UnsupportedOpError, UnsupportedSetError
from hauberk.kernels import lp_distance as kernel
from hauberk.kernels.rows import COMPILED
from hauberk.layers import LogitScale, LpDistance, LpDistance2d, MeanShift, Normalize, SortDistance
from hauberk.losses import CrossEntropy, Hinge
from hauberk.objectives import FeatureBounds, LpRelaxed, MarginHinge, Natural, ScaledMargin
from hauberk.schedules import Constant, Cosine, Geometric
from hauberk.threats import L2Ball, LinfBall
from hauberk.training import LpDecay, ScalarRate, Trainer
from laws.networks import CLASSES, SHAPE, images, labels, randomize
from step_counts import StepCounts

B, EPS, DTYPE, INF = 12, 0.2, torch.float64, torch.inf
GROWING = Geometric(8, 1000, 0.25, 0.75)
SCALED = ScaledMargin(CrossEntropy(), Constant(0.3))
HINGE = MarginHinge(0.75)


def value(objective, network, x, y, threat=None, step=0, steps=8):
    progress, noise = Progress(step, steps, 4), Noise.of(0, torch.arange(len(y)))
    return objective(network, x, y, threat or LinfBall(EPS, None), progress=progress, noise=noise)


def drawn(module, scale=1.0):
    randomize(module.to(DTYPE), torch.Generator().manual_seed(0), scale)
    return module


@pytest.fixture
def logits():
    """Logits of which some examples are misclassified, some certified and some neither."""
    return (torch.randn(B, CLASSES, generator=torch.Generator().manual_seed(0), dtype=DTYPE) / 2).requires_grad_()


@pytest.fixture
def y():
    return labels(B, 1)


def margins(logits, y):
    own = logits.gather(1, y[:, None])
    return (own - logits.masked_fill(F.one_hot(y, CLASSES).bool(), -INF).amax(1, keepdim=True))[:, 0]


RADII = {"one": EPS, "one each": torch.linspace(0.05, 0.6, B, dtype=DTYPE)}
radii = pytest.mark.parametrize("eps", RADII.values(), ids=RADII)


@radii
@pytest.mark.parametrize("share", [0.0, 0.75, 1.0])
def test_the_hinge_is_that_of_interval_bounds_of_the_logits(share, eps, logits, y):
    reach = torch.as_tensor(eps, dtype=DTYPE).expand(B)[:, None]
    lower, upper = logits - reach, logits + reach
    worst = (upper - lower.gather(1, y[:, None])).scatter(1, y[:, None], 0).clamp(min=0)
    expected = share * worst.amax(1).mean() + (1 - share) * worst.mean()
    found = value(MarginHinge(share), nn.Identity(), logits, y, LinfBall(eps, None))
    torch.testing.assert_close(found.loss, expected)
    torch.testing.assert_close(*(torch.autograd.grad(loss, logits) for loss in (found.loss, expected)))


@radii
@pytest.mark.parametrize("objective", [HINGE, SCALED], ids=["hinge", "scaled"])
def test_certified_are_those_whose_margin_exceeds_twice_the_radius(objective, eps, logits, y):
    found = value(objective, LogitScale(3.0), logits, y, LinfBall(eps, None))
    assert torch.equal(found.robust, margins(logits, y) > 2 * eps)
    assert torch.equal(found.correct, margins(logits, y) > 0)
    assert 0 < found.robust.sum() < found.correct.sum() < B


def test_the_worst_hinge_is_the_hinge_loss_with_twice_the_radius(logits, y):
    expected = Hinge(2 * EPS)(logits, y).mean()
    torch.testing.assert_close(value(MarginHinge(1.0), nn.Identity(), logits, y).loss, expected)
    torch.testing.assert_close(expected, (2 * EPS - margins(logits, y)).clamp(min=0).mean())


def test_the_hinge_loss_of_a_target_asks_of_its_logit_alone_and_is_not_clipped(logits, y):
    target = (y + 1) % CLASSES
    lead = (logits.gather(1, target[:, None]) - logits.gather(1, y[:, None]))[:, 0]
    torch.testing.assert_close(Hinge(0.5)(logits, y, target), lead + 0.5)


@radii
def test_scaled_margins_are_the_published_sum(eps, logits, y):
    network = LogitScale(2.5).to(DTYPE)
    found = value(SCALED, network, logits, y, LinfBall(eps, None))
    hinge = (1 - margins(logits, y) / (2 * eps)).clamp(0, 1).mean()
    clean = F.cross_entropy(2.5 * logits, y)
    torch.testing.assert_close(found.loss, 0.3 * clean + hinge)
    torch.testing.assert_close([found.parts["clean"], found.parts["hinge"]], [clean, hinge])
    published = ((-margins(logits, y) / (2 * eps) + 1).clamp(min=0)).clamp(max=1).mean()
    torch.testing.assert_close(found.parts["hinge"], published)
    (slope,) = torch.autograd.grad(found.loss, network.factor)
    (expected,) = torch.autograd.grad(F.cross_entropy(network.factor * logits, y), network.factor)
    torch.testing.assert_close(slope, 0.3 * expected)


def test_the_hinge_has_no_gradient_at_misclassified_examples_and_beyond_the_threshold(logits, y):
    (slope,) = torch.autograd.grad(value(SCALED, LogitScale(), logits, y).parts["hinge"], logits)
    margin = margins(logits, y)
    assert torch.equal(slope.any(1), (margin > 0) & (margin < 2 * EPS))


@pytest.mark.parametrize("captured", [False, True])
@pytest.mark.parametrize("objective", [HINGE, SCALED], ids=["hinge", "scaled"])
def test_radii_are_stretched_by_normalisations_in_the_network(objective, captured, y):
    x, core = images(B, 0), LinfDistNet(SHAPE, CLASSES, [9], scaled=True)
    network = drawn(nn.Sequential(Normalize([0.1], [0.25]), core))
    found = value(objective, capture(network, x) if captured else network, x, y, LinfBall(0.1))
    expected = value(objective, core, network[0](x), y, LinfBall(0.4, None))
    torch.testing.assert_close(found.loss, expected.loss)
    assert torch.equal(found.robust, expected.robust)


def test_without_a_radius_the_hinge_is_the_share_of_errors_and_without_a_factor_it_is_1(logits, y):
    found = value(SCALED, nn.Identity(), logits, y, LinfBall(0.0))
    wrong = (margins(logits, y) < 0).to(DTYPE).mean()
    torch.testing.assert_close(found.loss, 0.3 * F.cross_entropy(logits, y) + wrong)
    assert not torch.autograd.grad(found.parts["hinge"], logits)[0].any()


def test_without_a_radius_a_tie_has_no_gradient_that_outweighs_all_others(y):
    tied = torch.zeros(1, CLASSES, dtype=DTYPE, requires_grad=True)
    hinge = value(SCALED, nn.Identity(), tied, y[:1], LinfBall(0.0)).parts["hinge"]
    assert torch.autograd.grad(hinge, tied)[0].abs().max() < 1e3


@dataclass(frozen=True)
class Noting(Objective):
    """Notes the exponents of all layers."""

    seen: list

    def __call__(self, network, x, y, threat, *, progress, noise):
        self.seen.append({(part.p.item(), part.weight.exponent) for part in network.modules() if hasattr(part, "p")})
        return ObjectiveValue(x.sum(), y == y, y == y)


def layers():
    return nn.Sequential(
        LpDistance2d(1, 2, 3), nn.Flatten(), LpDistance(8, 5), SortDistance(5, 5, 0.5), nn.Linear(5, CLASSES)
    )


def test_exponents_of_all_layers_follow_the_schedule_in_whole_numbers_and_are_infinite_at_last():
    x, y, seen, robust = images(B, 0), labels(B, 0), [], []
    for step in range(8):
        found = value(LpRelaxed(Noting(seen), GROWING, 0.875), layers(), x, y, step=step)
        robust.append(found.robust)
    exact = [8, 8, 8 * 125**0.0, 8 * 125**0.25, 8 * 125**0.5, 8 * 125**0.75, 1000, INF]
    expected = [p if p == INF else float(round(p)) for p in exact]
    assert seen == [{(p, p)} for p in expected]
    assert [found is None for found in robust] == [True] * 7 + [False]


def test_exponents_below_1_are_1_and_the_captured_network_is_the_same():
    x, y, module = images(B, 0), labels(B, 0), layers().to(DTYPE)
    value(LpRelaxed(Natural(CrossEntropy()), Constant(0.3), 1.0), capture(module, x), x, y)
    assert module[0].p.item() == 1


@pytest.mark.parametrize("share", [-0.1, 1.1, torch.nan])
def test_an_exact_share_that_is_none_is_refused(share):
    with pytest.raises(InputError, match="exact_from"):
        LpRelaxed(HINGE, GROWING, share)


def test_geometric_schedules_have_equal_ratios_in_equal_times():
    at = [GROWING(Progress(step, 80, 10)) for step in range(81)]
    assert at[:21] == [8] * 21
    assert at[60:] == pytest.approx([1000] * 21)
    assert [b / a for a, b in pairwise(at[20:61])] == pytest.approx([125 ** (1 / 40)] * 40)
    jump = Geometric(8, 1000, 0.5, 0.5)
    assert [jump(Progress(step, 10, 10)) for step in (4, 5)] == pytest.approx([8, 1000])
    for wrong in ((0, 1), (1, -1), (torch.nan, 1)):
        with pytest.raises(InputError):
            Geometric(*wrong)


def refused():
    scaled, per_channel = LogitScale(), nn.Sequential(Normalize([0.0, 0.0], [1.0, 0.5]), LogitScale())
    top = partial(FeatureBounds, Interval(), CrossEntropy(), CrossEntropy(), Constant(), Constant())
    plain = nn.Sequential(nn.Flatten(), nn.Linear(16, CLASSES)).to(DTYPE)
    yield "hinge of another norm", HINGE, scaled, L2Ball(EPS), UnsupportedSetError
    yield "scaled margins of another norm", SCALED, scaled, L2Ball(EPS), UnsupportedSetError
    yield "hinge of channels", HINGE, per_channel, LinfBall(EPS), InputError
    yield "no distances", LpRelaxed(HINGE, GROWING), scaled, LinfBall(EPS), UnsupportedOpError
    yield "no graph", top(), plain, LinfBall(EPS), UnsupportedOpError
    yield "no features", top(), capture(plain, images(2, 0)), LinfBall(EPS), UnsupportedOpError
    features = capture(LinfDistMLP(SHAPE, CLASSES, [5], 3).to(DTYPE), images(2, 0))
    yield "features in another norm", top(), features, L2Ball(EPS), UnsupportedSetError


REFUSED = {name: rest for name, *rest in refused()}


@pytest.mark.parametrize(("objective", "network", "threat", "error"), REFUSED.values(), ids=REFUSED)
def test_what_objectives_are_not_defined_on_they_refuse(objective, network, threat, error, y):
    with pytest.raises(error):
        value(objective, network, images(B, 0), y, threat)
    if error is UnsupportedOpError:
        assert not objective.covers(network)


def on_features(**changes):
    return FeatureBounds(Interval(), CrossEntropy(), Hinge(0.5), Constant(0.25), Constant(2.0), **changes)


@pytest.mark.parametrize("correct_only", [False, True])
def test_a_classifier_is_bounded_over_features_that_move_by_the_radius(correct_only, y):
    x, eps = images(B, 0), torch.linspace(0.01, 0.2, B, dtype=DTYPE)
    network = drawn(nn.Sequential(Normalize([0.1], [0.5]), LinfDistMLP(SHAPE, CLASSES, [9, 7], 5)))
    found = value(on_features(correct_only=correct_only), capture(network, x), x, y, LinfBall(eps))
    core, reach = network[1], 2 * eps[:, None]
    *below, first, _, last = core
    features = nn.Sequential(*below)(network[0](x))
    center, width = first(features), reach * first.weight.abs().sum(1) / 7**0.5
    low, high = (center - width).tanh(), (center + width).tanh()
    slopes = (last.weight[y][:, None] - last.weight) / 5**0.5
    offset = last.bias[y][:, None] - last.bias
    lower = (slopes.clamp(min=0) * low[:, None] + slopes.clamp(max=0) * high[:, None]).sum(2) + offset
    logits = network(x)
    correct = logits.argmax(1) == y
    worst = (0.5 - lower.scatter(1, y[:, None], INF).amin(1)).clamp(min=0)
    robust = (worst * correct if correct_only else worst).mean()
    torch.testing.assert_close(found.parts["robust"], robust)
    torch.testing.assert_close(found.loss, 0.25 * F.cross_entropy(logits, y) + 2 * robust)
    assert torch.equal(found.correct, correct)
    assert torch.equal(found.robust, correct & (lower.scatter(1, y[:, None], INF).amin(1) > 0))


def test_what_features_certify_no_sampled_member_refutes():
    x, threat = images(200, 0), LinfBall(0.1)
    network = drawn(LinfDistMLP(SHAPE, CLASSES, [9, 7], 5), 4.0)
    y = network(x).argmax(1)
    robust = value(on_features(), capture(network, x), x, y, threat).robust
    assert 0 < robust.sum() < 200
    S = threat.at(x)
    for fold in range(20):
        noise = Noise.of(0, torch.arange(200)).fold(fold)
        z = S.project(x + threat.eps * noise.signs(SHAPE, DTYPE))
        assert (network(z).argmax(1) == y)[robust].all()


@pytest.mark.parametrize("keep", [1.0, 0.5], ids=["distances", "SortNet"])
@pytest.mark.parametrize("share", [0.0, 1.0], ids=["infinite", "finite"])
def test_features_are_trained_as_the_layers_train_them(share, keep, y):
    x, network = images(B, 0), drawn(LinfDistMLP(SHAPE, CLASSES, [9, 7], 5, keep=keep, examples=5))
    graph, losses = capture(network, x), []
    network.train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        losses.append(value(LpRelaxed(on_features(), Constant(2), share), graph, x, y).parts["clean"])
        torch.manual_seed(0)
        losses.append(F.cross_entropy(network(x), y))
    torch.testing.assert_close(*losses)


class KilledError(Exception):
    pass


OBJECTIVES = {"hinge": (HINGE, LpDecay(0.01), 1.0), "scaled": (SCALED, LpDecay(0.01, ScalarRate()), 1.0)}
OBJECTIVES |= {"SortNet": (SCALED, ScalarRate(), 0.5)}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_resumed_training_of_growing_exponents_ends_as_an_undisturbed_one(name: str, tmp_path: Path):
    objective, optimizer, keep = OBJECTIVES[name]

    def network(seed: int = 0) -> nn.Module:
        torch.manual_seed(seed)
        core = LinfDistNet((1, 4, 4), 3, [9, 7], scaled=True, keep=keep, examples=5)
        return nn.Sequential(Normalize([0.5], [0.25]), core)

    def watch(record: dict) -> None:
        if record["step"] >= 7:
            raise KilledError

    data, whole, resumed = Generated([1, 4, 4], 3, train=48, test=1).train(), network(), network(1)
    trainer = Trainer(
        LpRelaxed(objective, GROWING, 0.75),
        epochs=4,
        learning_rate=Cosine(0.02),
        batch=12,
        optimizer=optimizer,
        held_out=12,
        log_steps=1,
        checkpoint_steps=5,
    )
    with torch.random.fork_rng():
        trainer.fit(whole, data, LinfBall(0.1), tmp_path / "whole")
        with pytest.raises(KilledError):
            trainer.fit(network(), data, LinfBall(0.1), tmp_path / "broken", watch=watch)
        trainer.fit(resumed, data, LinfBall(0.1), tmp_path / "broken", resume=True)
    states = [module.state_dict() for module in (whole, resumed)]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert states[0]["1.1.p"].item() == INF
    assert not torch.equal(states[0]["1.1.weight"], network().state_dict()["1.1.weight"])
    journals = [(tmp_path / run / "train.jsonl").read_text().splitlines() for run in ("whole", "broken")]
    losses = [[json.loads(line).get("loss") for line in journal] for journal in journals]
    assert losses[0] == losses[1]


MADE_BEFORE = {"Noise.of"}
READ_ON_HOST = {"forward", "backward"}  # of the compiled twin: the exponent, and what it has computed
DRAWN_ON_HOST = {"SortDistance.masked"}


@pytest.mark.parametrize("twin", ["compiled", "plain"])
@pytest.mark.parametrize("step", [0, 7], ids=["finite", "infinite"])
@pytest.mark.parametrize("objective", [HINGE, SCALED], ids=["hinge", "scaled"])
@pytest.mark.parametrize("keep", [1.0, 0.5], ids=["distances", "SortNet"])
def test_a_training_step_never_waits_for_the_device(keep, objective, step, twin, monkeypatch):
    if twin == "compiled" and not COMPILED:
        pytest.skip("without numba the plain twin is all there is to test")
    monkeypatch.setattr(kernel, "COMPILED", twin == "compiled")
    network = nn.Sequential(Normalize([0.5], [0.25]), LinfDistNet(SHAPE, CLASSES, [9, 7], scaled=True, keep=keep))
    x, y, updates = images(B, 0).float(), labels(B, 0), LpDecay(0.01, ScalarRate())(network.parameters())
    allowed = MADE_BEFORE | (READ_ON_HOST if twin == "compiled" else set()) | (DRAWN_ON_HOST if keep < 1 else set())
    for _ in range(2):  # the first step makes the optimizer's state
        with StepCounts(allowed) as counts:
            updates.zero_grad()
            value(LpRelaxed(objective, GROWING), network, x, y, step=step).loss.backward()
            updates.step()
    assert not counts.waits
    assert counts.operations
    assert {part.p.item() for part in network.modules() if hasattr(part, "p")} == {8.0 if step == 0 else INF}
    assert all(part.running_mean.any() for part in network.modules() if isinstance(part, MeanShift))
