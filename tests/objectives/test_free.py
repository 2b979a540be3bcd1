import pytest
import torch
import torch.nn.functional as F

from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy
from hauberk.objectives import Free
from hauberk.threats import LinfBall
from laws.networks import images, labels, network

B, THREAT = 6, LinfBall(0.05)


def replay(objective, graph, x, y):
    """Return the value of a step, after what happens when its gradients are there."""
    graph.module.zero_grad()
    value = objective(graph, x, y, THREAT, progress=Progress(0, 9, 3), noise=Noise.of(0, torch.arange(len(y))))
    value.loss.backward()
    value.learned()
    return value


def test_a_step_climbs_from_where_the_last_one_ended_and_trains_at_the_point_before_it():
    graph, x, y, free = network("dense", 1), images(B, 1), labels(B, 1), Free(CrossEntropy(), replays=2)
    S, z = THREAT.at(x), x
    for _ in range(3):
        value = replay(free, graph, x, y)
        weights = [p.grad.clone() for p in graph.module.parameters()]
        torch.testing.assert_close(value.loss, F.cross_entropy(graph(z), y), rtol=0, atol=1e-12)
        point = z.clone().requires_grad_()
        loss = F.cross_entropy(graph(point), y)
        expected = torch.autograd.grad(loss, [point, *graph.module.parameters()])
        torch.testing.assert_close(weights, list(expected[1:]), rtol=0, atol=1e-12)
        assert torch.equal(value.robust, graph(z).argmax(1) == y)
        z = S.project(z + 0.05 * expected[0].sign())
        torch.testing.assert_close(free.perturbation.rows, z - x, rtol=0, atol=1e-12)


def test_a_place_keeps_its_perturbation_from_batch_to_batch_also_past_a_short_one():
    graph, free = network("dense", 2), Free(CrossEntropy())
    x, y = images(B, 2), labels(B, 2)
    replay(free, graph, x, y)
    first = free.perturbation.rows.clone()
    replay(free, graph, images(2, 3), labels(2, 3))
    assert torch.equal(free.perturbation.rows[2:], first[2:])
    other, wanted = images(B, 4), labels(B, 4)
    start = THREAT.at(other).project(other + free.perturbation.rows)
    value = replay(free, graph, other, wanted)
    torch.testing.assert_close(value.loss, F.cross_entropy(graph(start), wanted), rtol=0, atol=1e-12)


def test_without_gradients_it_looks_at_clean_examples():
    graph, x, y, free = network("dense", 5), images(B, 5), labels(B, 5), Free(CrossEntropy())
    replay(free, graph, x, y)
    with torch.no_grad():
        value = free(graph, x, y, THREAT, progress=Progress(0, 9, 3), noise=Noise.of(0, torch.arange(B)))
    torch.testing.assert_close(value.loss, F.cross_entropy(graph(x), y), rtol=0, atol=1e-12)
    assert value.robust is None
    assert value.learned is None


def test_bad_arguments_are_refused():
    with pytest.raises(InputError, match="Free needs replays to be"):
        Free(CrossEntropy(), replays=0)
    with pytest.raises(InputError, match=r"Free needs (replays|step) to be"):
        Free(CrossEntropy(), step=0)
