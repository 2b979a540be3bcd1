"""Adversarial training under noise, by the checks of its method card."""

from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F

from hauberk.attacks import FGSM, PGD
from hauberk.concepts.attack import Attack
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy
from hauberk.objectives import SmoothAdversarial
from hauberk.smoothing import Gaussian
from hauberk.threats import L2Ball
from laws.networks import images, labels, network
from step_counts import StepCounts

B, M, SIGMA, THREAT = 20, 3, 0.5, L2Ball(0.2, within=None)
ATTACK = PGD(CrossEntropy(), 4, 0.5, stop_when_broken=False)


def value(graph, x, y, attack=ATTACK, samples=M, seed=0):
    objective = SmoothAdversarial(attack, Gaussian(SIGMA), CrossEntropy(), samples)
    noise = Noise.of(seed, torch.arange(len(y)))
    return objective(graph, x, y, THREAT, progress=Progress(0, 9, 3), noise=noise)


def watched(graph, *arguments, **changes):
    """Return the value, and each pass's inputs and whether it was made in training mode."""
    passes = []
    handle = graph.module.register_forward_pre_hook(lambda module, x: passes.append((x[0].detach(), module.training)))
    try:
        return value(graph, *arguments, **changes), passes
    finally:
        handle.remove()


def test_all_steps_of_the_attack_and_training_see_the_same_noises():
    graph, x = network("dense", 1, 3.0), images(B, 1)
    y = graph(x).argmax(1)
    found, passes = watched(graph, x, y)
    copies = torch.stack([points.unflatten(0, (B, M)) for points, _ in passes])
    assert len(copies) == 5
    apart = copies - copies[:, :, :1]  # whatever the point, it is in all of its copies
    torch.testing.assert_close(apart, apart[:1].expand_as(apart), rtol=0, atol=1e-12)
    assert (copies[1:, :, 0] != copies[:-1, :, 0]).flatten(2).any(2).all()  # the point does move
    assert abs(apart[0, :, 1:].std().item() / (2**0.5 * SIGMA) - 1) < 0.1
    assert len(apart[0, :, 1:].flatten(0, 1).flatten(1).unique(dim=0)) == B * (M - 1)
    logits = graph(copies[-1].flatten(0, 1))
    torch.testing.assert_close(found.loss, F.cross_entropy(logits, y.repeat_interleave(M)), rtol=0, atol=1e-12)
    average = logits.softmax(1).view(B, M, -1).mean(1)
    assert torch.equal(found.robust, average.argmax(1) == y)
    assert not torch.equal(found.robust, logits.view(B, M, -1)[:, 0].argmax(1) == y)
    assert found.correct is None


@dataclass(frozen=True)
class Asking(Attack):
    """Keeps the network that it is asked to attack, and its answer at the inputs."""

    answers: list

    def __call__(self, network, S, y, *, noise):
        self.answers.append((network, network(S.start)))
        return S.start


def test_what_the_attack_climbs_is_minus_the_logarithm_of_the_mean_probability():
    graph, x, y, answers = network("dense", 2), images(B, 2), labels(B, 2), []
    _, passes = watched(graph, x, y, Asking(answers))
    own = graph(passes[0][0]).softmax(1).view(B, M, -1)[torch.arange(B), :, y]
    climbed = CrossEntropy()(answers[0][1], y)
    torch.testing.assert_close(climbed, -own.mean(1).log(), rtol=0, atol=1e-12)
    assert (climbed < -own.log().mean(1)).all()  # the mean cross-entropy


def test_one_step_goes_along_the_gradient_of_that_and_not_of_the_mean_cross_entropy():
    graph, x, y = network("dense", 3, 3.0), images(B, 3), labels(B, 3)
    _, passes = watched(graph, x, y, FGSM(CrossEntropy(), 1.0))
    noises = passes[0][0].unflatten(0, (B, M)) - x[:, None]
    moved = (passes[-1][0].unflatten(0, (B, M)) - x[:, None] - noises)[:, 0].flatten(1)
    z = x.clone().requires_grad_()
    own = graph((z[:, None] + noises).flatten(0, 1)).log_softmax(1).view(B, M, -1)[torch.arange(B), :, y]
    wanted, other = (
        torch.autograd.grad(climbed.sum(), z, retain_graph=True)[0].flatten(1)
        for climbed in (-own.logsumexp(1), -own.mean(1))
    )
    torch.testing.assert_close(moved, 0.2 * F.normalize(wanted, dim=1), rtol=0, atol=1e-9)
    assert F.cosine_similarity(wanted, other).min() < 0.9


def test_the_attack_sees_eval_mode_and_running_statistics_move_once():
    graph, x, y = network("convolutional", 4), images(B, 4), labels(B, 4)
    norm, start = graph.module[1], graph.module[1].running_mean.clone()
    graph.module.train()
    try:
        _, passes = watched(graph, x, y)
        moved = norm.running_mean.clone()
        norm.running_mean.copy_(start)
        graph.module(passes[-1][0])
    finally:
        graph.module.eval()
    assert [training for _, training in passes] == [False] * 4 + [True]
    torch.testing.assert_close(moved, norm.running_mean, rtol=0, atol=1e-12)


def test_no_step_waits_for_the_device_but_where_sets_are_made():
    graph, x, y = network("dense", 6), images(B, 6), labels(B, 6)
    for _ in range(2):
        with StepCounts({"L2Ball.at", "BallThreat.centers"}) as counts:
            value(graph, x, y).loss.backward()
    assert not counts.waits
    graph.module.zero_grad()


def test_attacks_that_drop_examples_and_no_samples_are_refused():
    graph, x = network("dense", 5), images(B, 5)
    y = graph(x).argmin(1)
    y[0] = graph(x[:1]).argmax(1)
    with pytest.raises(InputError, match=r"the noises of 20 examples .* stop_when_broken=False"):
        value(graph, x, y, PGD(CrossEntropy(), 3, 0.5))
    with pytest.raises(InputError, match="samples to be a positive integer, but it is 0"):
        SmoothAdversarial(ATTACK, Gaussian(SIGMA), CrossEntropy(), 0)
