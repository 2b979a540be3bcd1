import doctest

import pytest
import torch

from hauberk import guarded_classifier
from hauberk.attacks import PGD
from hauberk.bounds import BackwardLinear, Interval
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, ShapeError, UnsupportedOpError, UnsupportedSetError
from hauberk.guarded_classifier import GuardedClassifier
from hauberk.losses import Margin
from hauberk.threats import LinfBall
from hauberk.threats.linf_ball import LinfSet
from hauberk.verification import ByBound
from laws.networks import CLASSES, images, network

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
    with pytest.raises(UnsupportedOpError, match="mish"):
        GuardedClassifier(torch.nn.Sequential(module, torch.nn.Mish()), THREAT, Interval(), images(2, 0))
