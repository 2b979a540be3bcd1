import pytest
import torch

from hauberk.bounds import Interval
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy
from hauberk.objectives import Certified, Free, SparseWeights
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from laws.networks import images, labels, network


def test_it_adds_the_weights_absolute_values_to_any_objective():
    graph, x, y = network("convolutional", 1), images(4, 1), labels(4, 1)
    inner = Certified(Interval(), CrossEntropy(), Constant(0.3))
    arguments = (graph, x, y, LinfBall(0.05))
    context = {"progress": Progress(0, 9, 3), "noise": Noise.of(0, torch.arange(4))}
    plain, found = inner(*arguments, **context), SparseWeights(inner, 0.1)(*arguments, **context)
    weights = [p for name, p in graph.module.named_parameters() if name.endswith("weight") and p.ndim > 1]
    size = torch.cat([w.flatten() for w in weights]).abs().sum()
    torch.testing.assert_close(found.loss, plain.loss + 0.1 * size, rtol=0, atol=1e-12)
    torch.testing.assert_close(found.parts["weights"], 0.1 * size)
    assert torch.equal(found.robust, plain.robust)
    (gradient,) = torch.autograd.grad(found.loss - plain.loss, weights[0])
    torch.testing.assert_close(gradient, 0.1 * weights[0].sign(), rtol=0, atol=1e-12)


def test_it_is_of_its_objectives_kind():
    certified, free = Certified(Interval(), CrossEntropy(), Constant(0.3)), Free(CrossEntropy(), replays=5)
    assert SparseWeights(certified, 1e-6).needs_graph
    assert SparseWeights(certified, 1e-6).measure == "certified"
    assert SparseWeights(free, 1e-6).replays == 5
    assert not SparseWeights(free, 1e-6).needs_graph


def test_a_negative_penalty_is_refused():
    with pytest.raises(InputError, match="SparseWeights needs penalty to be a number, 0 or more, but it is -1"):
        SparseWeights(Free(CrossEntropy()), -1)
