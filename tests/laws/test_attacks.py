"""What every attack obeys."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from hauberk.attacks import FGSM, PGD, Restarts
from hauberk.concepts.attack import Attack
from hauberk.concepts.box_set import BoxSet
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet, ThreatModel
from hauberk.concepts.start import RandomMember, Unperturbed
from hauberk.losses import CrossEntropy, Margin
from hauberk.threats import LinfBall
from laws.instances import instances, label
from laws.networks import CLASSES, SHAPE, images, labels, network

B = 6
DTYPE = torch.float64
ATTACKS, THREATS = instances(Attack), instances(ThreatModel)

attacks = pytest.mark.parametrize("attack", ATTACKS, ids=label)


def noise(seed=0, examples=B):
    return Noise.of(seed, torch.arange(examples))


def broken(graph, S, z, y):
    return graph(S.decode(z)).argmax(1) != y


@pytest.mark.parametrize("threat", THREATS, ids=label)
@attacks
def test_answers_are_members_with_the_inputs_shape_and_no_gradient(attack, threat):
    graph, y = network("dense", 1), labels(B, 1)
    S = threat.at(images(B, 1))
    z = attack(graph, S, y, noise=noise())
    assert S.contains(z, 1e-12).all()
    assert z.dtype == DTYPE
    assert not z.requires_grad


@pytest.mark.product
@pytest.mark.parametrize("name", ["dense", "convolutional", "pooled", "residual", "reordered"])
@pytest.mark.parametrize("threat", THREATS, ids=label)
@pytest.mark.parametrize("attack", instances(Attack, whole=True), ids=label)
def test_answers_are_members_for_the_whole_product(attack, threat, name):
    graph, y = network(name, 2), labels(B, 2)
    for scaled in (threat, threat.scaled(torch.linspace(0, 3, B, dtype=DTYPE))):
        S = scaled.at(images(B, 2))
        assert S.contains(attack(graph, S, y, noise=noise()), 1e-12).all()


@attacks
@pytest.mark.parametrize("training", [True, False])
def test_mode_gradients_inputs_and_global_random_state_are_unchanged(attack, training):
    graph, y = network("convolutional", 3), labels(B, 3)
    module = graph.module.train(training)
    module.zero_grad()
    S = LinfBall(0.2).at(images(B, 3))
    before, state = S.start.clone(), torch.random.get_rng_state()
    modes = [part.training for part in module.modules()]
    try:
        attack(module, S, y, noise=noise())
        assert [part.training for part in module.modules()] == modes
    finally:
        module.eval()
    assert torch.equal(S.start, before)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(p.grad is None and p.requires_grad for p in module.parameters())


@attacks
def test_results_of_an_example_do_not_depend_on_its_batch(attack):
    graph, x, y = network("dense", 4), images(B, 4), labels(B, 4)
    S = LinfBall(torch.linspace(0.05, 0.3, B, dtype=DTYPE)).at(x)
    together = attack(graph, S, y, noise=noise())
    for index in (torch.tensor([3]), torch.tensor([5, 0, 2])):
        alone = attack(graph, S.select(index), y[index], noise=noise().select(index))
        torch.testing.assert_close(alone, together[index], rtol=0, atol=1e-12)


@attacks
def test_the_same_noise_gives_the_same_answers_with_and_without_gradients_enabled(attack):
    graph, y = network("residual", 5), labels(B, 5)
    S = LinfBall(0.1).at(images(B, 5))
    first = attack(graph, S, y, noise=noise())
    with torch.no_grad():
        assert torch.equal(attack(graph, S, y, noise=noise()), first)


@attacks
def test_restarts_only_add_to_what_is_broken(attack):
    graph, y = network("dense", 6, 2.0), labels(40, 6)
    S = LinfBall(0.08).at(images(40, 6))
    previous = torch.zeros(40, dtype=torch.bool)
    for times in range(1, 5):
        now = broken(graph, S, Restarts(attack, times)(graph, S, y, noise=noise(1, 40)), y)
        assert (now | ~previous).all()
        previous = now
    assert previous.any()
    assert not previous.all()


def test_restarts_run_again_only_where_nothing_is_broken_yet():
    sizes = []

    class Counting(FGSM):
        def steered(self, network, S, y, target, *, noise):
            sizes.append(len(y))
            return super().steered(network, S, y, target, noise=noise)

    graph, y = network("dense", 6, 2.0), labels(40, 6)
    S = LinfBall(0.08).at(images(40, 6))
    z = Restarts(Counting(Margin(), start=RandomMember()), 3)(graph, S, y, noise=noise(0, 40))
    assert sizes[0] == 40
    assert sizes == sorted(sizes, reverse=True)
    assert 0 < sizes[1] < 40
    assert sizes[2] >= 40 - int(broken(graph, S, z, y).sum())


def test_restarts_draw_fresh_noise_each_time():
    seen = []

    class Recording(FGSM):
        def steered(self, network, S, y, target, *, noise):
            seen.append(S.sample(noise))
            return S.start

    graph = network("dense", 7)
    x = images(B, 7)
    Restarts(Recording(Margin()), 3)(graph, LinfBall(0.1).at(x), graph(x).argmax(1), noise=noise())
    assert len(seen) == 3
    assert not torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[1], seen[2])


@pytest.mark.parametrize("stop", [True, False])
def test_pgd_keeps_a_misclassified_point_only_where_asked(stop):
    graph, x = network("dense", 8), images(B, 8)
    wrong = (graph(x).argmax(1) + 1) % CLASSES
    S = LinfBall(0.01).at(x)
    first = S.sample(noise().fold(0))
    z = PGD(CrossEntropy(), steps=3, step=0.5, stop_when_broken=stop)(graph, S, wrong, noise=noise())
    assert broken(graph, S, first, wrong).all()
    assert torch.equal(z, first) == stop


@pytest.mark.parametrize("name", ["dense", "residual"])
def test_pgd_breaks_whatever_it_met_broken(name):
    graph, y = network(name, 9, 3.0), labels(30, 9)
    S = LinfBall(0.15).at(images(30, 9))
    met = torch.zeros(30, dtype=torch.bool)
    for steps in range(8):
        met |= broken(graph, S, PGD(Margin(), steps=steps, step=0.7)(graph, S, y, noise=noise(2, 30)), y)
    assert torch.equal(
        broken(graph, S, PGD(Margin(), steps=8, step=0.7)(graph, S, y, noise=noise(2, 30)), y) & met, met
    )
    assert met.any()


def test_one_step_of_one_radius_from_the_start_is_fgsm():
    graph, y = network("dense", 10), labels(B, 10)
    S = LinfBall(torch.linspace(0.01, 0.3, B, dtype=DTYPE)).at(images(B, 10))
    one = PGD(CrossEntropy(), steps=1, step=1.0, stop_when_broken=False, start=Unperturbed())
    found = FGSM(CrossEntropy())(graph, S, y, noise=noise())
    assert torch.equal(one(graph, S, y, noise=noise()), found)


def test_fgsm_moves_every_pixel_by_the_radius_where_the_range_allows():
    graph, y = network("dense", 11), labels(B, 11)
    S = LinfBall(0.1).at(images(B, 11))
    z = FGSM(CrossEntropy())(graph, S, y, noise=noise())
    ends = torch.stack([S.box.lower, S.box.upper])
    assert ((z == ends).any(0)).all()


def two_class_linear(seed):
    module = network("linear", seed).module
    weight, bias = module[1].weight, module[1].bias
    head = nn.Linear(16, 2, dtype=DTYPE)
    with torch.no_grad():
        head.weight.copy_(weight[:2])
        head.bias.copy_(bias[:2])
    return nn.Sequential(nn.Flatten(), head)


@pytest.mark.parametrize("threat", THREATS, ids=label)
@pytest.mark.parametrize("loss", [CrossEntropy(), Margin()], ids=label)
@pytest.mark.parametrize(
    "attack", [FGSM(Margin()), PGD(Margin(), 40, 0.25, False), Restarts(PGD(Margin(), 40, 0.25, False), 2)], ids=label
)
def test_on_a_linear_network_the_support_function_is_reached(attack, loss, threat):
    module, y = two_class_linear(12), labels(B, 12) % 2
    S = threat.at(images(B, 12))
    if not isinstance(S, CertifiableSet):
        pytest.skip("no support function")
    inner = replace(attack.attack, loss=loss) if isinstance(attack, Restarts) else None
    attack = replace(attack, attack=inner) if inner else replace(attack, loss=loss)
    weight = module[1].weight
    ascent = (weight[1 - y] - weight[y]).view(B, 1, *SHAPE)
    optimum = S.support_function(ascent)[:, 0] + module[1].bias[1 - y] - module[1].bias[y]
    found, clean = (Margin()(module(z), y) for z in (attack(module, S, y, noise=noise()), S.start))
    # Boxes are solved by steps of any length; where the set is round or pointed, long steps end near the optimum.
    share = 0.0 if isinstance(S, BoxSet) else 0.4 if isinstance(attack, FGSM) else 0.2
    assert (found <= optimum + 1e-9).all()
    assert (found >= optimum - share * (optimum - clean) - 1e-9).all()


def test_more_steps_find_a_larger_loss():
    graph, y = network("residual", 13), labels(20, 13)
    S = LinfBall(0.2).at(images(20, 13))
    losses = [
        CrossEntropy()(graph(PGD(CrossEntropy(), steps, 0.2, False)(graph, S, y, noise=noise(0, 20))), y).mean().item()
        for steps in (0, 1, 10)
    ]
    assert losses == sorted(losses)


def test_an_attack_on_normalised_inputs_is_the_attack_in_pixels():
    graph, x, y = network("dense", 14), images(B, 14), labels(B, 14)
    mean, std = 0.4, 0.3
    inside = nn.Sequential(Shift(mean, std), graph.module)
    pixels = FGSM(CrossEntropy())(inside, LinfBall(0.1).at(x), y, noise=noise())
    within = ((0 - mean) / std, (1 - mean) / std)
    normalised = FGSM(CrossEntropy())(graph, LinfBall(0.1 / std, within).at((x - mean) / std), y, noise=noise())
    torch.testing.assert_close(pixels, normalised * std + mean, rtol=0, atol=1e-12)


class Shift(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.mean, self.std = mean, std

    def forward(self, x):
        return (x - self.mean) / self.std
