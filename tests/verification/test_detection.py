import pytest
import torch

from hauberk.attacks import PGD
from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.certificate import Verdict
from hauberk.concepts.dataset import Split
from hauberk.concepts.noise import Noise
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.losses import Margin
from hauberk.threats import LinfBall
from hauberk.verification import ByBound, InOrder, detect, flags
from laws.networks import BUILDERS, CLASSES, SHAPE, images, network

B = 16
THREAT = LinfBall(0.08)
VERIFIER = InOrder([ByBound(Interval()), ByBound(BackwardLinear())])


def balanced(name, seed):
    """Return a random network with no favourite class, and inputs."""
    graph, x = network(name, seed, 2.0), images(B, seed)
    with torch.no_grad():
        last = graph.module[-1] if isinstance(graph.module, torch.nn.Sequential) else graph.module.last
        last.bias -= graph(x).mean(0)
    return graph, x


@pytest.mark.parametrize("name", BUILDERS)
def test_no_input_that_was_moved_across_the_boundary_passes(name):
    graph, x = balanced(name, 1)
    y, S, noise, moved = graph(x).argmax(1), THREAT.at(x), Noise.of(1, torch.arange(B)), 0
    attacked = PGD(Margin(), steps=5, step=0.5)(graph, S, y, noise=noise)
    sampled = S.sample(noise.fold(1))
    for z in (attacked, sampled, S.project(S.start + 1e3 * (sampled - S.start))):
        found = detect(graph, THREAT.at(z), VERIFIER)
        wrong = graph(z).argmax(1) != y
        assert torch.equal(found.label, graph(z).argmax(1))
        assert found.flagged[wrong].all()
        moved += int(wrong.sum())
    assert moved > 0


def test_what_is_proven_is_that_the_predicted_label_stays():
    graph, x = balanced("dense", 2)
    found = detect(graph, THREAT.at(x), VERIFIER)
    spec = LinearSpec.margins(graph(x).argmax(1), CLASSES, x.dtype)
    again = VERIFIER(NetworkSubject(graph.module, graph), THREAT.at(x), spec)
    assert torch.equal(found.certificate.verdict, again.verdict)
    assert torch.equal(found.certificate.lower, again.lower)
    assert found.flagged.any()
    assert not found.flagged.all()


def test_flags_are_those_of_detection_whatever_the_batch():
    graph, x = balanced("convolutional", 3)
    expected = detect(graph, THREAT.at(x), VERIFIER).flagged
    data = Split(x, torch.zeros(B, dtype=torch.long))
    assert 0 < expected.sum() < B
    for batch in (1, 5, B):
        assert torch.equal(flags(graph, THREAT, VERIFIER, data, batch), expected)


def test_where_logits_are_not_finite_there_is_no_label_and_a_flag():
    graph = network("dense", 4)
    with torch.no_grad():
        graph.module[3].bias.fill_(torch.nan)
    found = detect(graph, LinfBall(0.01).at(images(B, 4)), VERIFIER)
    assert (found.label == -1).all()
    assert found.flagged.all()
    assert (found.certificate.verdict == Verdict.UNKNOWN).all()


def test_prediction_and_proof_speak_of_the_network_in_eval_mode():
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(16, CLASSES)).double()
    graph, x = capture(module, torch.rand(2, *SHAPE, dtype=torch.float64)), images(B, 5)
    assert module.training
    found = detect(graph, LinfBall(1e-9).at(x), VERIFIER)
    assert module.training
    assert torch.equal(found.label, module.eval()(x).argmax(1))
    assert not found.flagged.any()
