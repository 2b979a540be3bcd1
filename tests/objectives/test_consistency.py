"""Consistency against its terms, computed one by one."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy
from hauberk.objectives import Consistency, Noisy
from hauberk.smoothing import Gaussian
from hauberk.threats import L2Ball
from laws.networks import images, labels, network
from step_counts import StepCounts

B, NOISE = 40, Gaussian(0.5)


def value(objective, net, x, y):
    progress = Progress(0, 9, 3)
    return objective(net, x, y, L2Ball(0.1), progress=progress, noise=Noise.of(0, torch.arange(len(y))))


def test_terms_are_relative_entropies_and_the_entropy_of_the_mean():
    graph, x, y, seen = network("dense", 1), images(B, 1), labels(B, 1), []
    handle = graph.module.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    with StepCounts() as counts:
        found = value(Consistency(NOISE, CrossEntropy(), weight=3.0, entropy=0.25, samples=4), graph, x, y)
    handle.remove()
    assert not counts.waits
    (points,) = seen
    assert len(points) == 4 * B
    assert len((points.view(B, 4, -1) - x.view(B, 1, -1)).flatten(0, 1).unique(dim=0)) == 4 * B
    logits = graph(points)
    shares = logits.softmax(1).view(B, 4, -1)
    mean = shares.mean(1)
    relative = [F.kl_div(shares[:, i].log(), mean, reduction="none").sum(1) for i in range(4)]
    entropy = torch.distributions.Categorical(probs=mean).entropy()
    expected = {
        "loss": F.cross_entropy(logits, y.repeat_interleave(4)),
        "disagreement": 3 * torch.stack(relative).mean(),
        "entropy": 0.25 * entropy.mean(),
    }
    for name, part in expected.items():
        torch.testing.assert_close(found.parts[name], part, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(found.loss, sum(expected.values()), rtol=1e-9, atol=1e-9)
    assert torch.equal(found.correct, mean.argmax(1) == y)


def test_a_network_that_ignores_its_input_disagrees_in_nothing():
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 4))
    with torch.no_grad():
        net[1].weight.zero_()
    x, y = torch.rand(B, 1, 4, 4), torch.arange(B) % 4
    found = value(Consistency(NOISE, CrossEntropy(), entropy=0), net, x, y)
    assert found.parts["disagreement"].abs() < 1e-6
    torch.testing.assert_close(found.loss, value(Noisy(NOISE, CrossEntropy()), net, x, y).loss)


def test_training_by_it_makes_copies_agree():
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Flatten(), nn.Linear(16, 4)), torch.rand(B, 1, 4, 4)
    y, objective = torch.arange(B) % 4, Consistency(NOISE, CrossEntropy(), weight=10.0)
    before = value(objective, net, x, y).parts["disagreement"]
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for _ in range(30):
        optimizer.zero_grad()
        value(objective, net, x, y).loss.backward()
        optimizer.step()
    assert value(objective, net, x, y).parts["disagreement"] < before / 2


@pytest.mark.parametrize("wrong", [{"weight": -1.0}, {"entropy": -0.5}, {"samples": 1}])
def test_bad_numbers_are_refused(wrong):
    with pytest.raises(InputError, match=f"Consistency needs {next(iter(wrong))} to be"):
        Consistency(NOISE, CrossEntropy(), **wrong)
