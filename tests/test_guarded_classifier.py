import doctest

import pytest
import torch

from hauberk import guarded_classifier
from hauberk.attacks import PGD
from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, ShapeError, UnsupportedOpError, UnsupportedSetError
from hauberk.guarded_classifier import GuardedClassifier
from hauberk.losses import Margin
from hauberk.sampling.smoothed_network import SmoothedNetwork, Smoothing
from hauberk.smoothing import FixedSample, Gaussian, Sequential
from hauberk.threats import JPEG, L2Ball, LinfBall
from hauberk.threats.linf_ball import LinfSet
from hauberk.verification import ByBound
from laws.networks import CLASSES, images, network
from unbounded import Sinc

B = 8
THREAT = LinfBall(0.05)


@pytest.fixture
def guard():
    """A guarded random network with no favourite class."""
    module, x = network("dense", 1, 2.0).module, images(B, 1)
    with torch.no_grad():
        module[5].bias -= module(x).mean(0)
    return GuardedClassifier(module, THREAT, BackwardLinear(), x)


def test_the_documented_example_runs():
    found = doctest.DocTestFinder().find(GuardedClassifier, "GuardedClassifier", guarded_classifier)
    results = [doctest.DocTestRunner().run(example) for example in found]
    assert sum(result.attempted for result in results) > 5
    assert sum(result.failed for result in results) == 0


def test_answers_are_labels_with_the_radius_that_is_proven(guard):
    x, module = images(B, 1), guard.subject.graph.module
    answer = guard(x)
    assert torch.equal(answer.label, module(x).argmax(1))
    assert 0 < answer.flagged.sum() < B
    torch.testing.assert_close(answer.radius, torch.where(answer.flagged, 0.0, 0.05).double())
    assert torch.equal(guard.predict(x), torch.where(answer.flagged, -1, answer.label))
    assert guard.kind == "guarded network"


def test_the_largest_radius_is_proven_and_agrees_with_the_flags(guard):
    x = images(B, 1)
    answer = guard(x, largest=True)
    assert torch.equal(answer.flagged, guard(x).flagged)
    assert torch.equal(answer.flagged, answer.radius < 0.05)
    assert (answer.radius > 0).all()
    subject = NetworkSubject(guard.subject.graph.module, guard.subject.graph)
    spec = LinearSpec.margins(answer.label, CLASSES, x.dtype)
    assert ByBound(BackwardLinear())(subject, LinfBall(answer.radius).at(x), spec).verified.all()


def test_no_attacked_input_passes_with_another_label(guard):
    x = images(B, 1)
    y = guard(x).label
    z = PGD(Margin(), steps=10, step=0.3)(guard.subject.graph, THREAT.at(x), y, noise=Noise.of(0, torch.arange(B)))
    said = guard.predict(z)
    assert (guard(z).label != y).any()
    assert ((said == -1) | (said == y)).all()


def test_the_guard_reads_live_weights_and_leaves_the_modules_mode_alone(guard):
    module = guard.subject.graph.module.train()
    with torch.no_grad():
        module[5].weight.zero_()
        module[5].bias.copy_(torch.arange(CLASSES))
    assert guard.predict(images(B, 1)).tolist() == [CLASSES - 1] * B
    assert module.training
    with torch.no_grad():
        module[5].bias.fill_(torch.nan)
    answer = guard(images(B, 1), largest=True)
    assert (answer.label == -1).all()
    assert answer.flagged.all()
    assert (answer.radius == 0).all()


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (images(B, 1)[:, :, :2], ShapeError, "batches of .1, 4, 4."),
        (images(B, 1).float(), ShapeError, "float64"),
        (images(B, 1) + 1, InputError, "must lie in"),
        (images(B, 1) * torch.nan, InputError, "must lie in"),
        (images(B, 1)[:0], ShapeError, "non-empty"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(guard, x, error, message):
    for ask in (guard, guard.predict):
        with pytest.raises(error, match=message):
            ask(x)


def test_what_cannot_be_guarded_is_refused_at_once():
    module = network("dense", 1).module

    class Unbounded(LinfBall):
        def at(self, x):
            S = super().at(x)

            class Plain(PerturbationSet):
                start, radius = S.start, S.radius
                select = project = steepest_step = sample = contains = LinfSet.project

            return Plain()

    with pytest.raises(UnsupportedSetError, match="Plain"):
        GuardedClassifier(module, Unbounded(0.1), Interval(), images(2, 0))
    with pytest.raises(InputError, match="must lie in"):
        GuardedClassifier(module, THREAT, Interval(), images(2, 0) + 1)
    with pytest.raises(UnsupportedOpError, match="sinc"):
        GuardedClassifier(torch.nn.Sequential(module, Sinc()), THREAT, Interval(), images(2, 0))


def sides():
    """Return a network in train mode whose answer is the sign of the sum, half of the time under noise if that is 0."""
    module = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Dropout(), torch.nn.Linear(2, 3))
    with torch.no_grad():
        module[2].weight.copy_(torch.tensor([[1.0, 1.0], [-1.0, -1.0], [0.0, 0.0]]))
        module[2].bias.copy_(torch.tensor([0.0, 0.0, -99.0]))
    return module.train()


POINTS = torch.tensor([[0.4, 0.4], [-0.4, -0.4], [0.1, 0.1], [0.0, 0.0]])
DISTANCE = POINTS.sum(1).abs() / 2**0.5


@pytest.mark.parametrize("verifier", [FixedSample(samples=5000), Sequential(), Sequential(radii=(0.4,))])
def test_a_smoothed_network_is_guarded_by_its_votes(verifier):
    threat, module = L2Ball(0.2, within=None), sides()
    state = [t.clone() for t in module.state_dict().values()]
    guard = GuardedClassifier(SmoothedNetwork(module, Smoothing(Gaussian(0.25))), threat, verifier, POINTS)
    answer, largest = guard(POINTS), guard(POINTS, largest=True)
    assert guard.kind == "guarded smoothed network"
    assert answer.label.tolist() == largest.label.tolist() == [0, 1, 0, -1]
    assert answer.flagged.tolist() == [False, False, True, True]
    assert answer.confidence.tolist() == [0.999] * 4
    torch.testing.assert_close(answer.radius, torch.where(answer.flagged, 0.0, 0.2))
    assert (largest.radius[:2] >= 0.2).all()
    assert (largest.radius <= DISTANCE).all()
    assert (largest.radius > 0).tolist() == [True, True, True, False]
    assert guard.predict(POINTS).tolist() == [0, 1, -1, -1]
    assert [part.training for part in module.modules()] == [True] * 4
    assert all(map(torch.equal, module.state_dict().values(), state))


def test_what_votes_cannot_say_is_refused():
    subject = SmoothedNetwork(sides(), Smoothing(Gaussian(0.25)))
    guard = GuardedClassifier(subject, LinfBall(0.1, within=None), FixedSample(samples=500), POINTS)
    assert guard(POINTS).flagged.tolist() == [False, False, True, True]
    with pytest.raises(InputError, match="smoothing, fixed sample says nothing about radii beyond linf"):
        guard(POINTS, largest=True)
    with pytest.raises(UnsupportedOpError, match="smoothed network"):
        GuardedClassifier(subject, L2Ball(0.2, within=None), Interval(), POINTS)
    with pytest.raises(UnsupportedOpError, match="not of a network"):
        GuardedClassifier(sides(), L2Ball(0.2, within=None), FixedSample(), POINTS)


def test_a_subject_in_train_mode_is_guarded_in_eval_mode():
    module = sides()
    subject = NetworkSubject(module, capture(module, POINTS))
    state = [t.clone() for t in module.state_dict().values()]
    guard = GuardedClassifier(subject, L2Ball(0.2, within=None), Interval(), POINTS)
    assert guard.predict(POINTS).tolist() == [0, 1, -1, -1]
    assert all(map(torch.equal, module.state_dict().values(), state))
    assert [part.training for part in module.modules()] == [True] * 4


def test_where_sets_rest_on_another_image_the_label_is_still_that_of_the_input():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
    with torch.no_grad():
        network[1].weight.zero_()
        network[1].weight[1, :2] = torch.tensor([1.0, -1.0])
        network[1].bias.copy_(torch.tensor([0.0, -0.3]))
    x = torch.zeros(2, 3, 2, 2)
    x[0, 0, :, 0] = 1.0  # red beside black, of which JPEG makes two columns of one chroma
    answer = GuardedClassifier(network, JPEG(0.0), Interval(), x)(x)
    assert answer.label.tolist() == network(x).argmax(1).tolist() == [1, 0]
    assert answer.flagged.tolist() == [True, False]
