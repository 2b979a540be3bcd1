"""What every training objective obeys, and the closed forms of the published ones."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from hauberk.attacks import FGSM
from hauberk.bound_training.bound_objective import BoundObjective
from hauberk.bounds import BackwardLinear, Interval
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective
from hauberk.concepts.perturbation_set import PerturbationSet, ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.errors import UnsupportedOpError, UnsupportedSetError
from hauberk.losses import CrossEntropy, Margin
from hauberk.objectives import Adversarial, Certified, Natural
from hauberk.regularizers import FastIBP
from hauberk.schedules import Constant, Piecewise
from hauberk.threats import LinfBall
from hauberk.threats.linf_ball import LinfSet
from laws.instances import instances, label, varied
from laws.networks import CLASSES, images, labels, network

B = 12
DTYPE = torch.float64
PROGRESS = Progress(step=5, steps=20, steps_per_epoch=5, radius_share=0.4)


def objectives(kept=lambda objective: True):
    """Return objectives of which no other law has trained any."""
    return varied([objective for objective in instances(Objective) if kept(objective)])


def call(objective, graph, x, y, threat=None, progress=PROGRESS):
    threat = threat or LinfBall(0.05)
    return objective(graph, x, y, threat, progress=progress, noise=Noise.of(0, torch.arange(len(y))))


def suited(objective, name, *drawn):
    """Return the network of that name, or distance layers if the objective is defined on those only."""
    graph = network(name, *drawn)
    return graph if objective.covers(graph) else network("distances", *drawn)


def robust_only(bounder, loss=None, regularizers=()):
    return Certified(bounder, loss or CrossEntropy(), Constant(0.0), list(regularizers))


@pytest.fixture
def training(request):
    """A network with convolutions and batch norm, in training mode, or what the test's objective is defined on."""
    objective = getattr(request.node, "callspec", None) and request.node.callspec.params.get("objective")
    graph = suited(objective, "convolutional", 1) if objective else network("convolutional", 1)
    graph.module.train()
    yield graph
    graph.module.eval()


@pytest.mark.parametrize("objective", objectives(), ids=label)
def test_the_loss_is_a_finite_mean_with_gradients_for_the_weights(objective, training):
    x, y = images(B, 1), labels(B, 1)
    value = call(objective, training, x, y)
    assert value.loss.isfinite()
    assert value.correct is None or value.correct.shape == y.shape
    value.loss.backward()
    for parameter in training.module.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
    if objective.measure == "certified" and value.robust is not None:
        assert (value.correct | ~value.robust).all()


@pytest.mark.parametrize("objective", objectives(), ids=label)
def test_the_order_of_the_batch_does_not_matter(objective):
    graph, x, y = suited(objective, "dense", 2), images(B, 2), labels(B, 2)
    order = torch.randperm(B, generator=torch.Generator().manual_seed(0))
    noise = Noise.of(0, torch.arange(B))
    threat = LinfBall(0.05)
    first = objective(graph, x, y, threat, progress=PROGRESS, noise=noise)
    second = objective(graph, x[order], y[order], threat, progress=PROGRESS, noise=noise.select(order))
    torch.testing.assert_close(first.loss, second.loss, rtol=0, atol=1e-12)
    for one, two in ((first.correct, second.correct), (first.robust, second.robust)):
        assert (one is None) == (two is None)
        assert one is None or torch.equal(one[order], two)


@pytest.mark.parametrize("objective", objectives(), ids=label)
def test_a_batch_of_one_example_over_and_over_has_the_loss_of_that_example(objective):
    graph, x, y, noise = suited(objective, "dense", 2), images(B, 2), labels(B, 2), Noise.of(0, torch.arange(B))
    for example in (0, 5):
        once, often = (
            objective(graph, x[same], y[same], LinfBall(0.05), progress=PROGRESS, noise=noise.select(same))
            for same in (torch.tensor([example]), torch.tensor([example] * 4))
        )
        torch.testing.assert_close(often.loss, once.loss, rtol=0, atol=1e-12)


@pytest.mark.parametrize("objective", objectives(), ids=label)
def test_margins_of_hundreds_below_zero_leave_loss_and_gradients_finite(objective):
    dtype = torch.float32
    graph, x, y = suited(objective, "dense", 2, 1000.0, dtype), images(B, 2, dtype), labels(B, 2)
    assert F.cross_entropy(graph(x), y) > 200
    loss = call(objective, graph, x, y).loss
    assert loss.isfinite()
    assert all(slope.isfinite().all() for slope in torch.autograd.grad(loss, list(graph.module.parameters())))


@pytest.mark.parametrize("objective", objectives(), ids=label)
def test_labels_change_the_loss_of_those_that_claim_to_use_them_and_of_no_others(objective):
    graph, x, y = suited(objective, "dense", 2), images(B, 2), labels(B, 2)
    first, second = call(objective, graph, x, y), call(objective, graph, x, (y + 1) % CLASSES)
    assert torch.equal(first.loss, second.loss) != objective.labelled
    assert first.correct is None or not torch.equal(first.correct, second.correct)


@pytest.mark.parametrize("objective", objectives(lambda o: o.labelled), ids=label)
def test_a_step_down_with_radius_zero_is_one_down_the_clean_loss(objective):
    graph, x, y = suited(objective, "dense", 2), images(B, 2), labels(B, 2)
    weights = list(graph.module.parameters())
    slopes = torch.autograd.grad(call(objective, graph, x, y, LinfBall(0.0)).loss, weights)
    clean = torch.autograd.grad(F.cross_entropy(graph(x), y), weights)
    assert sum((one * other).sum() for one, other in zip(slopes, clean, strict=True)) > 0


@pytest.mark.parametrize("bounder", instances(Bounder), ids=label)
@pytest.mark.parametrize("name", ["convolutional", "residual"])
def test_with_radius_zero_the_robust_loss_is_the_clean_loss(name, bounder):
    graph, x, y = network(name, 3), images(B, 3), labels(B, 3)
    graph.module.train()
    try:
        value = call(robust_only(bounder), graph, x, y, LinfBall(0.0))
        natural = call(Natural(CrossEntropy()), graph, x, y)
    finally:
        graph.module.eval()
    torch.testing.assert_close(value.loss, natural.loss, rtol=0, atol=1e-12)
    assert torch.equal(value.robust, value.correct)


@pytest.mark.parametrize("bounder", instances(Bounder), ids=label)
def test_the_certified_loss_is_above_the_adversarial_loss(bounder):
    graph, x, y = network("residual", 4), images(B, 4), labels(B, 4)
    certified = call(robust_only(bounder), graph, x, y)
    adversarial = call(Adversarial(FGSM(Margin()), CrossEntropy()), graph, x, y)
    assert certified.loss > adversarial.loss > call(Natural(CrossEntropy()), graph, x, y).loss
    assert (adversarial.robust | ~certified.robust).all()


def test_the_clean_weight_mixes_clean_and_robust_loss_by_its_schedule():
    graph, x, y = network("dense", 5), images(B, 5), labels(B, 5)
    robust, clean = call(robust_only(Interval()), graph, x, y).loss, call(Natural(CrossEntropy()), graph, x, y).loss
    mixed = Certified(Interval(), CrossEntropy(), Piecewise([0.0, 1.0], [1.0, 0.0]))
    value = call(mixed, graph, x, y)
    torch.testing.assert_close(value.loss, 0.75 * clean + 0.25 * robust)
    torch.testing.assert_close(value.parts["clean"], clean)
    torch.testing.assert_close(value.parts["robust"], robust)


def test_a_label_of_any_class_keeps_its_own_margins():
    graph, x = network("dense", 6), images(CLASSES, 6)
    y = torch.arange(CLASSES)
    together = [call(robust_only(Interval()), graph, x[i : i + 1], y[i : i + 1]).loss for i in range(CLASSES)]
    torch.testing.assert_close(call(robust_only(Interval()), graph, x, y).loss, torch.stack(together).mean())


def statistics(module):
    return {n: b.clone() for n, b in module.named_buffers() if n.endswith(("running_mean", "running_var"))}


@pytest.mark.parametrize("objective", objectives(lambda o: isinstance(o, BoundObjective)), ids=label)
@pytest.mark.parametrize("name", ["convolutional", "residual"])
def test_certified_training_moves_the_running_statistics_once_and_like_torch(name, objective):
    graph, x, y = network(name, 7), images(B, 7), labels(B, 7)
    before = statistics(graph.module)
    graph.module.train()
    try:
        logits = graph.module(x)
        expected = statistics(graph.module)
        graph.module.load_state_dict(before, strict=False)
        found, _ = graph.run(x)
        torch.testing.assert_close(found, logits, rtol=0, atol=1e-12)
        graph.module.load_state_dict(before, strict=False)
        call(objective, graph, x, y)
    finally:
        graph.module.eval()
    for key, value in statistics(graph.module).items():
        torch.testing.assert_close(value, expected[key], rtol=0, atol=1e-12)
        assert not torch.equal(value, before[key])


def test_in_eval_mode_no_statistics_move():
    graph, x, y = network("convolutional", 9), images(B, 9), labels(B, 9)
    before = statistics(graph.module)
    call(robust_only(Interval()), graph, x, y)
    for key, value in statistics(graph.module).items():
        assert torch.equal(value, before[key])


def test_a_batch_norm_that_the_user_froze_stays_frozen(training):
    training.module[1].eval()
    before, x = statistics(training.module), images(B, 10)
    expected = training.module(x)
    logits, _ = training.run(x)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-12)
    for key, value in statistics(training.module).items():
        assert torch.equal(value, before[key])


def test_gradients_flow_through_the_statistics_of_the_batch(training):
    """Central differences of the whole certified loss; the running statistics do not enter it."""
    x, y = images(B, 11), labels(B, 11)
    weight = training.module[0].weight
    direction = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0), dtype=DTYPE)
    (gradient,) = torch.autograd.grad(call(robust_only(Interval()), training, x, y).loss, weight)
    h, ends = 1e-6, []
    with torch.no_grad():
        for step in (h, -2 * h):
            weight.add_(direction, alpha=step)
            ends.append(call(robust_only(Interval()), training, x, y).loss)
    torch.testing.assert_close((gradient * direction).sum(), (ends[0] - ends[1]) / (2 * h), rtol=1e-5, atol=1e-8)


def test_adversarial_training_trains_at_the_answers_of_its_attack():
    graph, x, y = network("dense", 12), images(B, 12), labels(B, 12)
    attack = FGSM(CrossEntropy())
    z = attack(graph, LinfBall(0.05).at(x), y, noise=Noise.of(0, torch.arange(B)))
    value = call(Adversarial(attack, CrossEntropy()), graph, x, y)
    torch.testing.assert_close(value.loss, F.cross_entropy(graph(z), y))
    assert value.correct is None
    assert torch.equal(value.robust, graph(z).argmax(1) == y)
    still = call(Adversarial(attack, CrossEntropy()), graph, x, y, LinfBall(0.0))
    torch.testing.assert_close(still.loss, F.cross_entropy(graph(x), y))


def test_certified_training_needs_a_graph_and_a_support_function():
    graph, x, y = network("dense", 13), images(B, 13), labels(B, 13)

    class Nothing(PerturbationSet):
        select = project = steepest_step = sample = contains = LinfSet.project

    class NoSupport(ThreatModel):
        name, eps = "nothing", 0.0

        def at(self, x):
            return Nothing()

        def scaled(self, factor):
            return self

    with pytest.raises(UnsupportedOpError, match="capture"):
        call(robust_only(Interval()), graph.module, x, y)
    with pytest.raises(UnsupportedSetError, match="Nothing"):
        call(robust_only(Interval()), graph, x, y, NoSupport())


def test_dropout_is_refused_in_training_under_bounds_and_allowed_without():
    graph, x, y = network("reordered", 14), images(B, 14), labels(B, 14)
    graph.module.train()
    graph.module.drop.p = 0.3
    try:
        with pytest.raises(UnsupportedOpError, match="dropout"):
            call(robust_only(Interval()), graph, x, y)
        assert call(Natural(CrossEntropy()), graph, x, y).loss.isfinite()
    finally:
        graph.module.eval()
    assert call(robust_only(Interval()), graph, x, y).loss.isfinite()


def transcribed(boxes, relaxed, tau, weight, share):
    """The warm-up regularizers of fast interval training, as the method card has them (section 7.1)."""
    width = ((boxes[0].upper - boxes[0].lower) / 2).mean()
    tight, relu = 0.0, 0.0
    for i in relaxed:
        low, high = boxes[i].lower, boxes[i].upper
        center, radius = (low + high) / 2, (high - low) / 2
        tight += F.relu(tau - width / radius.mean())
        on, off = (low > 0).to(low), (high < 0).to(low)
        mean = center.mean()
        pairs = [
            ((center * on).mean(), -(center * off).mean()),
            (((center - mean) ** 2 * on).sum(), ((center - mean) ** 2 * off).sum()),
        ]
        ratios = [torch.minimum(a / b, b / a) for a, b in pairs]
        if all(ratio.isfinite() for ratio in ratios):
            relu += sum(F.relu(tau - ratio) for ratio in ratios)
    return weight * (1 - share) * (tight + relu) / (len(relaxed) * tau)


@pytest.mark.parametrize("name", ["dense", "convolutional", "residual"])
@pytest.mark.parametrize("tau", [0.5, 0.9])
def test_fast_ibp_regularizer_by_its_formula(name, tau):
    for seed in range(5):
        graph = network(name, seed)
        frozen = graph.frozen()
        boxes = Interval().boxes(frozen, LinfBall(0.03).at(images(B, seed)), outward=False)
        for i in frozen.relaxed:
            assert (boxes[i].lower > 0).any()
            assert (boxes[i].upper < 0).any()
        found = FastIBP(0.3, tau)(graph=frozen, boxes=boxes, progress=replace(PROGRESS, radius_share=0.4))
        torch.testing.assert_close(found, transcribed(boxes, frozen.relaxed, tau, 0.3, 0.4), rtol=1e-10, atol=1e-12)


def test_fast_ibp_regularizer_without_any_active_neuron_is_finite_with_finite_gradients():
    graph = network("dense", 1)
    with torch.no_grad():
        graph.module[1].bias.fill_(-50.0)
        graph.module[3].bias.fill_(50.0)
    value = call(robust_only(Interval(), regularizers=[FastIBP()]), graph, images(B, 1), labels(B, 1))
    value.loss.backward()
    assert all(p.grad.isfinite().all() for p in graph.module.parameters())


def test_regularizers_end_with_the_ramp_and_are_named_parts_of_the_loss():
    graph, x, y = network("dense", 2), images(B, 2), labels(B, 2)
    objective = robust_only(BackwardLinear(Interval()), regularizers=[FastIBP(0.5, 0.9)])
    during = call(objective, graph, x, y)
    after = call(objective, graph, x, y, progress=replace(PROGRESS, radius_share=1.0))
    assert during.parts["FastIBP"] > 0
    assert after.parts["FastIBP"] == 0
    torch.testing.assert_close(during.loss, during.parts["robust"] + during.parts["FastIBP"])
    torch.testing.assert_close(after.loss, after.parts["robust"])
