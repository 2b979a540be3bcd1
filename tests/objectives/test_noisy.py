import torch
import torch.nn.functional as F

from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.losses import CrossEntropy
from hauberk.objectives import Noisy
from hauberk.smoothing import Gaussian
from hauberk.threats import L2Ball
from laws.networks import images, labels, network
from step_counts import StepCounts

B, SIGMA = 200, 0.5


def value(graph, x, y, step=0):
    noise = Noise.of(0, torch.arange(len(y))).fold(step)
    objective = Noisy(Gaussian(SIGMA), CrossEntropy())
    return objective(graph, x, y, L2Ball(0.1), progress=Progress(step, 9, 3), noise=noise)


def test_loss_and_accuracy_are_those_of_one_pass_over_examples_with_fresh_noise():
    graph, x, y, seen = network("dense", 1), images(B, 1), labels(B, 1), []
    handle = graph.module.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    with StepCounts() as counts:
        found = [value(graph, x, y, step) for step in range(2)]
    handle.remove()
    assert not counts.waits
    assert len(seen) == 2
    for points, step in zip(seen, found, strict=True):
        torch.testing.assert_close(step.loss, F.cross_entropy(graph(points), y), rtol=0, atol=1e-12)
        assert torch.equal(step.correct, graph(points).argmax(1) == y)
        assert step.robust is None
    noises = torch.stack(seen) - x
    assert abs(noises.std().item() / SIGMA - 1) < 0.05
    assert abs(noises.mean().item()) < 0.05 * SIGMA
    assert len(noises.flatten(0, 1).flatten(1).unique(dim=0)) == 2 * B
    assert not torch.equal(found[0].correct, graph(x).argmax(1) == y)
