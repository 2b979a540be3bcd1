from dataclasses import dataclass, replace
from functools import lru_cache

import pytest
import torch
from torch import nn

from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.certificate import Certificate, Verifier
from hauberk.concepts.dataset import Split
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, PartWarning, UnsupportedOpError, UnsupportedSetError
from hauberk.evaluation.cascade_scores import evaluate_cascade
from hauberk.sampling.smoothed_network import SmoothedNetwork, Smoothing
from hauberk.smoothing import FixedSample, Gaussian, Sequential
from hauberk.threats import Flow, L2Ball, LinfBall
from hauberk.verification import ByBound, InOrder, ModelCascade, flags, remaining, score
from laws.networks import randomize
from simulated_votes import steady

EPS = 0.05
THREAT = LinfBall(EPS)
VERIFIER = ByBound(BackwardLinear(Interval()))


@lru_cache
def captured(stages, inputs, classes):
    nets = [nn.Sequential(nn.Linear(inputs, 6), nn.ReLU(), nn.Linear(6, classes)).double() for _ in range(stages)]
    return [capture(net, torch.rand(2, inputs, dtype=torch.float64)) for net in nets]


def cascade(seed, agreement=True, inputs=1):
    """Return a cascade of random networks with no favourite class: a graph reads its module's live weights."""
    graphs = captured(3, inputs, 3)
    generator = torch.Generator().manual_seed(seed)
    for graph in graphs:
        randomize(graph.module, generator, 4.0)
        with torch.no_grad():
            graph.module[2].bias -= graph(points(seed, inputs)).mean(0)
    return ModelCascade(graphs, THREAT, VERIFIER, agreement)


def points(seed, inputs):
    if inputs == 1:
        return torch.linspace(0, 1, 101, dtype=torch.float64)[:, None]
    return torch.rand(150, inputs, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def conflicts(label, x):
    """Return how many pairs of answered inputs within eps of each other have different labels."""
    near = (x[:, None] - x[None]).abs().amax(2) <= EPS
    answered = (label >= 0)[:, None] & (label >= 0)[None]
    return int((near & answered & (label[:, None] != label[None])).sum())


def one_by_one(model, x):
    """Return the answers, each input taken through the stages alone as the algorithm is written."""
    labels, stages = [], []
    for point in x.split(1):
        label, stage = -1, -1
        for number, graph in enumerate(model.stages):
            said = graph(point).argmax(1)
            if model.agreement and said != model.stages[0](point).argmax(1):
                break
            spec = LinearSpec.margins(said, graph.classes, x.dtype)
            if VERIFIER(NetworkSubject(graph.module, graph), THREAT.at(point), spec).verified:
                label, stage = int(said), number
                break
        labels.append(label)
        stages.append(stage)
    return torch.tensor(labels), torch.tensor(stages)


@pytest.mark.parametrize("inputs", [1, 2])
def test_neighbours_never_get_different_labels_where_stages_must_agree_and_may_where_they_need_not(inputs):
    unchecked = fewer = 0
    for seed in range(6):
        x = points(seed, inputs)
        checked, free = (cascade(seed, agreement, inputs).predict(x) for agreement in (True, False))
        assert conflicts(checked, x) == 0
        assert torch.equal(checked[checked >= 0], free[checked >= 0])
        unchecked += conflicts(free, x)
        fewer += int(((free >= 0) & (checked < 0)).sum())
    assert unchecked > 0
    assert fewer > 0


@pytest.mark.parametrize("agreement", [True, False])
def test_answers_are_those_of_the_stages_taken_one_by_one(agreement):
    model, x = cascade(3, agreement), points(3, 1)[::3]
    answer, (label, stage) = model.answer(x), one_by_one(model, x)
    assert torch.equal(answer.label, label)
    assert torch.equal(answer.stage, stage)
    assert torch.equal(model.predict(x), label)
    assert set(stage.tolist()) == {-1, 0, 1, 2}


def test_certificates_are_those_of_the_answering_stage_and_say_that_they_speak_of_a_cascade():
    model, x = cascade(2), points(2, 1)
    answer = model.answer(x)
    assert torch.equal(answer.certificate.verified, answer.label >= 0)
    assert answer.certificate.subject == model.kind == "cascade"
    assert cascade(2, False).answer(x).certificate.subject == "cascade without agreement"
    assert "float64" in answer.certificate.arithmetic
    assert (answer.certificate.lower[answer.label < 0] == -torch.inf).all()
    for number, graph in enumerate(model.stages):
        here = answer.stage == number
        if here.any():
            spec = LinearSpec.margins(answer.label[here], graph.classes, x.dtype)
            alone = VERIFIER(NetworkSubject(graph.module, graph), THREAT.at(x[here]), spec)
            torch.testing.assert_close(answer.certificate.lower[here], alone.lower, rtol=0, atol=1e-12)
    network = VERIFIER(
        NetworkSubject(graph.module, graph),
        THREAT.at(x),
        LinearSpec.margins(torch.zeros(len(x), dtype=torch.long), graph.classes, x.dtype),
    )
    with pytest.raises(InputError, match="cascade"):
        answer.certificate.merged(network)


def test_no_verifier_of_networks_takes_a_cascade():
    model, x = cascade(0), points(0, 1)
    spec = LinearSpec.margins(torch.zeros(len(x), dtype=torch.long), 3, x.dtype)
    for verifier in (VERIFIER, InOrder([VERIFIER])):
        with pytest.raises(UnsupportedOpError, match="cascade"):
            verifier(model, THREAT.at(x), spec)


@pytest.mark.parametrize("agreement", [True, False])
def test_an_example_is_scored_at_its_certifying_stage_or_at_the_last(agreement):
    model, x = cascade(4, agreement), points(4, 1)[::3]
    y = (x[:, 0] > 0.5).long()
    found, (label, stage) = score(model, x, y), one_by_one(model, x)
    last = model.stages[-1](x).argmax(1)
    assert torch.equal(found.robust, (stage >= 0) & (label == y))
    assert torch.equal(found.standard, torch.where(stage >= 0, label, last) == y)
    assert found.robust.any()
    assert (found.standard & ~found.robust).any()


def test_a_stage_leaves_the_examples_that_it_does_not_certify():
    graph, x = cascade(1).stages[0], points(1, 1)
    data = Split(x, torch.arange(len(x)))
    left = remaining(graph, THREAT, VERIFIER, data, batch=7)
    assert 0 < len(left) < len(data)
    assert torch.equal(left.labels, flags(graph, THREAT, VERIFIER, data).nonzero()[:, 0])
    single = ModelCascade([graph], THREAT, VERIFIER)
    assert torch.equal(single.predict(left.inputs), torch.full((len(left),), -1))
    assert (single.predict(x) >= 0).sum() == len(data) - len(left)


def test_weights_that_are_no_numbers_make_a_stage_abstain():
    model, x = cascade(1, False), points(1, 1)
    with torch.no_grad():
        model.stages[0].module[0].weight.fill_(torch.nan)
    answer = model.answer(x)
    assert (answer.stage != 0).all()
    assert (answer.stage > 0).any()
    assert (ModelCascade(model.stages, THREAT, VERIFIER).predict(x) == -1).all()


def test_stages_with_different_classes_and_no_stages_are_refused():
    two, three = captured(1, 1, 2), captured(3, 1, 3)
    with pytest.raises(InputError, match=r"\[2, 3, 3, 3\]"):
        ModelCascade([*two, *three], THREAT, VERIFIER)
    with pytest.raises(InputError, match="there is none"):
        ModelCascade([], THREAT, VERIFIER)


@dataclass(frozen=True)
class Claiming(Verifier):
    """Says of a stage, in the order asked, that inputs above its bound are proven, with its confidence."""

    stages: tuple[tuple[float, float], ...]
    asked: list[int]
    name: str = "claiming"

    def __call__(self, subject, S, spec):
        above, confidence = self.stages[len(self.asked)]
        self.asked.append(len(S.start))
        return Certificate.from_lower((S.start - above).expand_as(spec.offset), subject.kind, "claimed", confidence)


def test_failures_add_up_of_the_stages_that_saw_an_input():
    """Sure proofs stay sure: what an earlier stage might have said wrongly it did not say."""
    stages = captured(3, 1, 3)
    for stage in stages:
        randomize(stage.module, torch.Generator().manual_seed(0))
        with torch.no_grad():
            stage.module[2].bias.add_(torch.tensor([9.0, 0.0, 0.0]))
    x = torch.tensor([[0.9], [0.6], [0.3], [0.1]], dtype=torch.float64)
    verifier = Claiming(((0.8, 0.96), (0.5, 0.98), (0.2, 0.93)), [])
    answer = ModelCascade(stages, THREAT, verifier).answer(x)
    assert verifier.asked == [4, 3, 2]
    assert answer.label.tolist() == [0, 0, 0, -1]
    assert answer.stage.tolist() == [0, 1, 2, -1]
    assert (1 - answer.certificate.confidence[:3]).tolist() == pytest.approx([0.04, 0.06, 0.13])
    assert answer.certificate.verified.tolist() == [True, True, True, False]
    verifier = Claiming(((0.8, 0.96), (0.5, 1.0), (0.2, 0.93)), [])
    answer = ModelCascade(stages, THREAT, verifier).answer(x)
    assert (1 - answer.certificate.confidence[:3]).tolist() == pytest.approx([0.04, 0.0, 0.11])


@pytest.mark.parametrize("verifier", [FixedSample(samples=2000), Sequential(samples=2000)])
def test_smoothed_stages_answer_in_turn_and_their_failures_add_up(verifier):
    """Inputs are shares; the second stage has four times the noise, and so four times the radius."""
    x = torch.tensor([[0.999, 0.001], [0.05, 0.95], [0.7, 0.3], [0.5, 0.5]], dtype=torch.float64)
    model = ModelCascade([steady(Gaussian(0.25)), steady(Gaussian(1.0))], L2Ball(0.5, within=None), verifier)
    answer = model.answer(x)
    assert answer.label.tolist() == model.predict(x).tolist() == [0, 1, -1, -1]
    assert answer.stage.tolist() == [0, 1, -1, -1]
    assert (1 - answer.certificate.confidence[:2]).tolist() == pytest.approx([0.001, 0.003])
    free = replace(model, agreement=False).answer(x)  # in which the first stage's label plays no part
    assert (1 - free.certificate.confidence[:2]).tolist() == pytest.approx([0.001, 0.002])
    assert answer.certificate.verified.tolist() == [True, True, False, False]
    assert answer.certificate.lower.shape == (4, 1)
    assert "Gaussian noise, sigma 0.25" in answer.certificate.arithmetic
    found = score(model, x, torch.tensor([0, 1, 0, 0]))
    assert found.robust.tolist() == [True, True, False, False]
    assert found.standard.tolist() == [True, True, True, False]
    assert flags(steady(), L2Ball(0.5, within=None), verifier, Split(x, torch.arange(4))).tolist() == [
        False,
        False,
        True,
        True,
    ]


def test_a_smoothed_stage_may_follow_a_network():
    graph = captured(1, 2, 2)[0]
    x, verifier = torch.tensor([[0.9, 0.1], [0.1, 0.9]], dtype=torch.float64), InOrder([VERIFIER, FixedSample(500)])
    model = ModelCascade([graph, steady()], L2Ball(0.1, within=None), verifier)
    with torch.no_grad():
        graph.module[2].weight.zero_()
        graph.module[2].bias.copy_(torch.tensor([1.0, 0.0]))  # always the first class
    answer = model.answer(x)
    assert answer.stage.tolist() == answer.label.tolist() == [0, 0]
    assert (answer.certificate.confidence == 1).all()
    with torch.no_grad():
        graph.module[2].bias.zero_()  # the first class, but no proof that it leads
    with pytest.warns(PartWarning, match="is left out"):
        answer = model.answer(x)
    assert answer.stage.tolist() == [1, -1]
    assert answer.certificate.confidence[0].item() == pytest.approx(0.999)


def test_stages_with_other_classes_are_refused():
    two, three = (nn.Sequential(nn.Linear(2, classes)) for classes in (2, 3))
    smoothed = [SmoothedNetwork(net, Smoothing(Gaussian(0.1), samples=64, rows=64)) for net in (two, three)]
    with pytest.raises(InputError, match=r"theirs are \[2, 3\]"):
        ModelCascade(smoothed, L2Ball(0.1), FixedSample(samples=64)).predict(torch.rand(1, 2))


def test_agreement_over_sets_that_are_not_mutual_is_refused(tmp_path):
    """A flow takes the bright pixel away, but no flow brings it back."""
    networks = [nn.Sequential(nn.Flatten(), nn.Linear(3, 2)) for _ in range(2)]
    for network, weight, bias in zip(networks, (1.0, 0.0), (-0.5, 1.0), strict=True):
        with torch.no_grad():
            network[1].weight.zero_()
            network[1].weight[1, 1] = weight
            network[1].bias.copy_(torch.tensor([0.0, bias]))
    x = torch.tensor([[[[0.0, 1.0, 0.0]]]])
    graphs, threat, verifier = [capture(network, x) for network in networks], Flow(2 / 3), ByBound(Interval())
    S = threat.at(x)
    away = torch.zeros_like(S.start).index_fill_(2, torch.tensor([1]), 2 / 3).select(3, 0)[..., None] * torch.eye(2)[0]
    moved = S.decode(away)
    free = ModelCascade(graphs, threat, verifier, agreement=False)
    assert S.contains(away).all()
    assert [free.predict(point).item() for point in (x, moved)] == [1, 0]
    with pytest.raises(UnsupportedSetError, match="symmetric"):
        ModelCascade(graphs, threat, verifier).predict(x)
    with pytest.raises(UnsupportedSetError, match="symmetric"):
        evaluate_cascade(graphs, threat, verifier, Split(x, torch.tensor([1])), tmp_path, 10)
