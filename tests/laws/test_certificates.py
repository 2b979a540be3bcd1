"""Proofs never contradict attacks, and nothing but a finite positive bound is a proof."""

import contextlib
import itertools
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from hauberk.attacks import PGD, Restarts
from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.certificate import Certificate, Verdict, Verifier
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet, PerturbationSet, ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject, Subject
from hauberk.errors import InputError, SoundnessError, UnsupportedOpError, UnsupportedSetError
from hauberk.kernels.full_precision import PLACES
from hauberk.losses import Margin
from hauberk.threats import LinfBall
from hauberk.threats.linf_ball import LinfSet
from hauberk.verification import ByBound, InOrder
from laws.instances import crossed, distinct, instances, label
from laws.networks import BUILDERS, CLASSES, SHAPE, images, labels, network

B = 8
DTYPE, NAN, INF = torch.float64, torch.nan, torch.inf
CHEAP_FIRST = InOrder([ByBound(Interval()), ByBound(BackwardLinear(Interval())), ByBound(BackwardLinear())])
VERIFIERS = [*instances(Verifier), CHEAP_FIRST]
GENERAL = [verifier for verifier in VERIFIERS if verifier.covers(network("dense", 1).frozen())]
general_verifiers = pytest.mark.parametrize("verifier", GENERAL, ids=label)
THREATS = [threat for threat in instances(ThreatModel) if isinstance(threat.at(images(1, 0)), CertifiableSet)]
ATTACK = Restarts(PGD(Margin(), steps=5, step=0.5), 2)


def subject_of(graph):
    return NetworkSubject(graph.module, graph)


def require_no_contradiction(verifier, threat, name, seed, scale):
    graph = network(name, seed, scale)
    x = images(B, seed)
    y = torch.where(torch.arange(B) < B - 1, graph(x).argmax(1), labels(B, seed))
    for factor in (1e-4, 0.1, 1.0):
        S, spec = threat.scaled(factor).at(x), LinearSpec.margins(y, CLASSES, x.dtype)
        try:
            certificate = verifier(subject_of(graph), S, spec)
        except UnsupportedOpError:
            assert not verifier.covers(graph.frozen())
            continue
        except UnsupportedSetError:
            continue
        z = ATTACK(graph, S, y, noise=Noise.of(seed, torch.arange(B)))
        refuted = graph(S.decode(z)).argmax(1) != y
        assert not (certificate.verified & refuted).any()
        for point in (z, S.start, S.sample(Noise.of(seed + 1, torch.arange(B)))):
            assert (certificate.lower <= spec.value(graph(S.decode(point))) + 1e-9).all()
        assert not (certificate.verified & (subject_of(graph).predict(x) != y)).any()
        if factor == 1e-4 and not verifier.last:  # those have no time here
            assert certificate.verified.any()


class Watching(TorchFunctionMode):
    """Notes how precise products are in every function that is called."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.seen |= {place.fp32_precision for place in PLACES}
        return function(*args, **(kwargs or {}))


@general_verifiers
def test_nothing_is_proven_of_an_empty_set(verifier):
    graph, x = network("dense", 1), images(2, 1)
    S = LinfSet.around(x, torch.tensor([0.01, -0.01], dtype=DTYPE), (0.0, 1.0))
    spec = LinearSpec.margins(graph(x).argmax(1), CLASSES, DTYPE)
    with contextlib.suppress(InputError):  # which is as right
        assert not verifier(subject_of(graph), S, spec).verified[1]


@general_verifiers
def test_every_verifier_computes_in_full_precision(verifier):
    graph, S = network("dense", 1), LinfBall(0.01).at(images(2, 1))
    spec = LinearSpec.margins(labels(2, 1), CLASSES, DTYPE)
    torch.set_float32_matmul_precision("medium")
    try:
        with Watching() as watching:
            verifier(subject_of(graph), S, spec)
        assert PLACES[0].fp32_precision == "tf32"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert watching.seen == {"ieee"}


@pytest.mark.parametrize(("verifier", "name"), crossed(VERIFIERS, BUILDERS, 1))
def test_certificates_never_contradict_an_attack(verifier, name):
    """On networks that the attack breaks at the full radius, so that there is something to contradict."""
    require_no_contradiction(verifier, LinfBall(0.3), name, 2, 4.0)
    graph, x = network(name, 2, 4.0), images(B, 2)
    S, y = LinfBall(0.3).at(x), graph(x).argmax(1)
    z = ATTACK(graph, S, y, noise=Noise.of(2, torch.arange(B)))
    assert (graph(z).argmax(1) != y).any()


@pytest.mark.product
@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("verifier", instances(Verifier, whole=True), ids=label)
def test_certificates_never_contradict_an_attack_in_the_whole_product(verifier, name):
    for seed, (threat, scale) in enumerate(zip(distinct(THREATS), itertools.cycle((1.0, 2.0, 4.0)), strict=False)):
        require_no_contradiction(verifier, threat, name, seed, scale)


@general_verifiers
@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_a_network_with_weights_that_are_no_numbers_is_never_verified(verifier, value):
    graph = network("dense", 2)
    x, y = images(B, 2), labels(B, 2)
    with torch.no_grad():
        graph.module[3].weight[0, 0] = value
    S = LinfBall(0.01).at(x)
    certificate = verifier(subject_of(graph), S, LinearSpec.margins(y, CLASSES, x.dtype))
    assert (certificate.verdict == Verdict.UNKNOWN).all()
    assert (certificate.lower == -INF).any()


@general_verifiers
def test_a_network_that_overflows_is_never_verified(verifier):
    graph = network("dense", 2, dtype=torch.float32)
    x, y = images(B, 2, torch.float32), labels(B, 2)
    with torch.no_grad():
        for index in (1, 3, 5):
            graph.module[index].weight.mul_(1e19)
    certificate = verifier(subject_of(graph), LinfBall(0.01).at(x), LinearSpec.margins(y, CLASSES))
    assert not certificate.verified.any()


@general_verifiers
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("weight", "size"), [(0.3, 1.0), (0.9, -1.0), (0.02, 1e3)])
def test_sums_that_overflow_before_a_bounded_function_are_never_verified(verifier, dtype, weight, size):
    """They cancel in exact arithmetic, whereas inf - inf is no number; and the last bias wins by any other."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(16, 2), nn.Hardtanh(), nn.Linear(2, CLASSES)).to(dtype)
    x, y = size * torch.ones(2, *SHAPE, dtype=dtype), torch.zeros(2, dtype=torch.long)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        signs = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=dtype).repeat_interleave(8, 1)
        module[1].weight.copy_(weight * torch.finfo(dtype).max * signs)
        module[3].weight.fill_(1e-3)
        module[3].bias[0] = 10
    subject, spec = NetworkSubject(module, capture(module, 0 * x)), LinearSpec.margins(y, CLASSES, dtype)
    for eps in (0.0, 0.01):
        assert not verifier(subject, LinfBall(eps, None).at(x), spec).verified.any()
    with torch.no_grad():
        module[1].weight.mul_(1e-20)
    if not verifier.last:
        assert verifier(subject, LinfBall(0.0, None).at(x), spec).verified.all()


def test_only_finite_positive_bounds_of_every_row_are_a_proof():
    lower = torch.tensor([[1.0, 2.0], [1.0, 0.0], [1.0, -1.0], [NAN, 1.0], [1.0, NAN], [INF, 1.0], [-INF, 1.0]])
    certificate = Certificate.from_lower(lower, "network", "float32")
    assert certificate.verdict.tolist() == [Verdict.VERIFIED] + [Verdict.UNKNOWN] * 6
    assert not certificate.lower.isnan().any()
    assert (certificate.lower < INF).all()
    assert certificate.confidence.tolist() == [1.0] * 7


def certificate(verdicts, lower=0.0, arithmetic="float32", radius=None):
    lower = torch.full((len(verdicts), 2), lower)
    radius = None if radius is None else torch.tensor(radius)
    return Certificate(torch.tensor(verdicts), lower, torch.ones(len(verdicts)), "network", arithmetic, radius)


def test_merging_keeps_what_is_decided_and_the_larger_bounds():
    verdicts = [Verdict.UNKNOWN, Verdict.VERIFIED, Verdict.UNKNOWN, Verdict.FALSIFIED, Verdict.TIMEOUT]
    others = [Verdict.VERIFIED, Verdict.UNKNOWN, Verdict.FALSIFIED, Verdict.ERROR, Verdict.VERIFIED]
    first, second = certificate(verdicts, -1.0), certificate(others, 2.0)
    expected = [Verdict.VERIFIED, Verdict.VERIFIED, Verdict.FALSIFIED, Verdict.FALSIFIED, Verdict.VERIFIED]
    for merged in (first.merged(second), second.merged(first)):
        assert merged.verdict.tolist() == expected
        assert (merged.lower == 2.0).all()


def test_merging_keeps_the_larger_radius_and_names_every_arithmetic_once():
    none = certificate([Verdict.UNKNOWN] * 2)
    near, far = certificate([Verdict.UNKNOWN] * 2, radius=[0.1, 0.3]), certificate([0, 0], 0.0, "float64", [0.2, 0.0])
    assert none.merged(none).radius is None
    for merged in (none.merged(near), near.merged(none)):
        assert torch.equal(merged.radius, near.radius)
    for merged in (near.merged(far), far.merged(near)):
        assert torch.equal(merged.radius, torch.tensor([0.2, 0.3]))
    assert near.merged(far).merged(near).arithmetic == "float32; float64"


def test_merging_into_some_examples_leaves_the_others_alone():
    whole = certificate([Verdict.UNKNOWN, Verdict.VERIFIED, Verdict.TIMEOUT], -1.0, radius=[0.0, 0.5, 0.0])
    part = certificate([Verdict.FALSIFIED, Verdict.VERIFIED], 2.0, radius=[7.0, 7.0])
    merged = whole.merged_at(torch.tensor([2, 0]), part)
    assert merged.verdict.tolist() == [Verdict.VERIFIED, Verdict.VERIFIED, Verdict.FALSIFIED]
    assert merged.lower[:, 0].tolist() == [2.0, -1.0, 2.0]
    assert torch.equal(merged.radius, whole.radius)
    assert whole.verdict.tolist() == [Verdict.UNKNOWN, Verdict.VERIFIED, Verdict.TIMEOUT]
    assert merged.decided.all()
    third = replace(part, lower=torch.full((2, 2), 1 / 3, dtype=torch.float64))
    assert (whole.merged_at(torch.tensor([2, 0]), third).lower.amax(0) == 1 / 3).all()
    assert merged.select(torch.tensor([1])).verdict.tolist() == [Verdict.VERIFIED]
    with pytest.raises(SoundnessError, match=r"\[1\]"):
        whole.merged_at(torch.tensor([1]), part.select(torch.tensor([0])))


@pytest.mark.parametrize("swapped", [True, False])
def test_a_proof_merged_with_a_refutation_is_an_error_that_names_the_example(swapped):
    pair = [certificate([Verdict.UNKNOWN, Verdict.VERIFIED]), certificate([Verdict.VERIFIED, Verdict.FALSIFIED])]
    first, second = reversed(pair) if swapped else pair
    with pytest.raises(SoundnessError, match=r"\[1\]"):
        first.merged(second)


def test_merging_bounds_of_two_bounders_is_at_least_as_strong_as_either():
    graph = network("residual", 3)
    x = images(B, 3)
    spec = LinearSpec.margins(graph(x).argmax(1), CLASSES, x.dtype)
    S = LinfBall(0.02).at(x)
    found = [ByBound(b)(subject_of(graph), S, spec) for b in (Interval(), BackwardLinear(Interval()), BackwardLinear())]
    merged = found[0].merged(found[1]).merged(found[2])
    for one in found:
        assert (merged.lower >= one.lower).all()
        assert (merged.verified | ~one.verified).all()


@general_verifiers
def test_what_a_verifier_cannot_speak_of_is_refused_by_name(verifier):
    graph = network("dense", 4)
    x = images(B, 4)
    spec, S = LinearSpec.margins(labels(B, 4), CLASSES, x.dtype), LinfBall(0.1).at(x)

    class Oracle(Subject):
        kind = "oracle"

        def predict(self, x):
            return torch.zeros(len(x), dtype=torch.long)

    class Plain(PerturbationSet):
        start, radius = S.start, S.radius
        project = steepest_step = sample = LinfSet.project

        def select(self, index):
            return self

        def contains(self, z, atol=0.0):
            return torch.ones(len(z), dtype=torch.bool)

    with pytest.raises(UnsupportedOpError, match="oracle"):
        verifier(Oracle(), S, spec)
    with pytest.raises(UnsupportedSetError, match="Plain"):
        verifier(subject_of(graph), Plain(), spec)
    with pytest.raises(UnsupportedOpError, match="no rule for that"):
        verifier(NetworkSubject(graph.module, UnsupportedOpError("no rule for that")), S, spec)


def test_certificates_say_what_they_speak_of_and_in_which_arithmetic():
    for dtype in (torch.float32, torch.float64):
        graph = network("dense", 5, dtype=dtype)
        x = images(B, 5, dtype)
        found = ByBound(Interval())(
            subject_of(graph), LinfBall(0.1).at(x), LinearSpec.margins(labels(B, 5), CLASSES, dtype)
        )
        assert found.subject == "network"
        assert str(dtype).removeprefix("torch.") in found.arithmetic
        assert not found.lower.requires_grad
