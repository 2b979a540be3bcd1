"""What every attack obeys."""

import contextlib
import itertools
from dataclasses import fields, replace

import pytest
import torch
from torch import nn

from hauberk.attacks import (
    APGD,
    FGSM,
    PGD,
    EachMember,
    MultiSteepestDescent,
    RandomMember,
    Restarts,
    SparseAPGD,
    Unperturbed,
    WorstOf,
)
from hauberk.concepts.attack import Attack, MinimumDistanceAttack, SteerableAttack
from hauberk.concepts.memory import Remembered
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import CertifiableSet, ThreatModel
from hauberk.errors import UnsupportedSetError
from hauberk.losses import CrossEntropy, Margin
from hauberk.sets.box_set import BoxSet
from hauberk.sets.union_set import UnionSet, members_of
from hauberk.threats import Flow, L0Ball, L1Ball, L2Ball, LinfBall
from hauberk.training.parts import parts
from laws.instances import crossed, distinct, instances, label, varied
from laws.networks import CLASSES, SHAPE, images, labels, network

B = 6
DTYPE = torch.float64
ATTACKS, THREATS = instances(Attack), instances(ThreatModel)
CERTIFIABLE = [threat for threat in THREATS if isinstance(threat.at(images(1, 0)), CertifiableSet)]
BOTH_KINDS = [*ATTACKS, *instances(MinimumDistanceAttack)]

attacks = pytest.mark.parametrize("attack", varied(ATTACKS), ids=label)
RANGES = {
    "[0, 255]": (0.0, 255.0),
    "[-1, 1]": (-1.0, 1.0),
    "any number": (0.0, 255.0),
    "coordinates in [0, 255]": (0.0, 255.0),
}
HOMES = (LinfBall(0.2), L2Ball(0.8), L1Ball(2.0), L0Ball(4), Flow(0.5))


def noise(seed=0, examples=B):
    return Noise.of(seed, torch.arange(examples))


def broken(graph, S, z, y):
    return graph(S.decode(z)).argmax(1) != y


def answer(attack, graph, S, y, noise):
    """Return the attack's answer; a set that it is not defined for is none of these laws' business."""
    try:
        return attack(graph, S, y, noise=noise)
    except UnsupportedSetError as error:
        pytest.skip(str(error))


def require_no_memory(attack):
    if any(parts(Remembered, attack)):
        pytest.skip("it goes on from the last batch, by definition")


def home(attack, x, y, eps=1.0):
    """Return a set that the attack is defined for."""
    return residence(attack, x, y, [threat.scaled(eps) for threat in HOMES]).at(x)


def residence(attack, x, y, threats=HOMES):
    """Return the first of some threats that the attack is defined for."""
    for threat in threats:
        try:
            attack(network("dense", 1), threat.at(x), y, noise=noise(examples=len(x)))
            return threat
        except UnsupportedSetError:
            continue
    raise UnsupportedSetError(f"{label(attack)} refuses every one of these sets")


@pytest.mark.parametrize(("attack", "threat"), crossed(ATTACKS, THREATS, 1, 2))
def test_answers_are_members_with_the_inputs_shape_and_no_gradient(attack, threat):
    graph, y = network("dense", 1), labels(B, 1)
    S = threat.at(images(B, 1))
    z = answer(attack, graph, S, y, noise())
    assert S.contains(z).all()
    assert z.dtype == DTYPE
    assert not z.requires_grad


@pytest.mark.product
@pytest.mark.parametrize("attack", instances(Attack, whole=True), ids=label)
def test_answers_are_members_for_the_whole_product(attack):
    y = labels(B, 2)
    names = itertools.cycle(("dense", "convolutional", "pooled", "residual", "reordered"))
    for threat, name in zip(distinct(THREATS), names, strict=False):
        for scaled in (threat, threat.scaled(torch.linspace(0, 3, B, dtype=DTYPE))):
            S = scaled.at(images(B, 2))
            with contextlib.suppress(UnsupportedSetError):
                assert S.contains(attack(network(name, 2), S, y, noise=noise())).all()


@attacks
@pytest.mark.parametrize("training", [True, False])
def test_mode_gradients_inputs_and_global_random_state_are_unchanged(attack, training):
    graph, y = network("convolutional", 3), labels(B, 3)
    module = graph.module.train(training)
    module.zero_grad()
    S = home(attack, images(B, 3), y)
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
    require_no_memory(attack)
    graph, x, y = network("dense", 4), images(B, 4), labels(B, 4)
    S = home(attack, x, y, torch.linspace(0.5, 1.5, B, dtype=DTYPE))
    together = answer(attack, graph, S, y, noise())
    for index in (torch.tensor([3]), torch.tensor([5, 0, 2])):
        alone = attack(graph, S.select(index), y[index], noise=noise().select(index))
        torch.testing.assert_close(alone, together[index], rtol=0, atol=1e-12)


@attacks
def test_the_same_noise_gives_the_same_answers_with_and_without_gradients_enabled(attack):
    require_no_memory(attack)
    graph, y = network("residual", 5), labels(B, 5)
    S = home(attack, images(B, 5), y)
    first = answer(attack, graph, S, y, noise())
    with torch.no_grad():
        assert torch.equal(attack(graph, S, y, noise=noise()), first)


@pytest.mark.parametrize(("attack", "made"), crossed(BOTH_KINDS, ["inside", "outside"], 1))
def test_inference_mode_changes_no_answer(attack, made):
    require_no_memory(attack)
    graph, x, y = network("residual", 5), images(B, 5), labels(B, 5)
    S, streams = home(attack, x, y), noise()
    first = attack(graph, S, y, noise=streams)
    with torch.inference_mode():
        if made == "inside":
            S, y, streams = S.select(torch.arange(B)), y.clone(), streams.select(torch.arange(B))
        again = attack(graph, S, y, noise=streams)
    assert torch.equal(again, first)


@pytest.mark.parametrize(("attack", "name"), crossed(BOTH_KINDS, list(RANGES), 1))
def test_the_same_problem_in_another_range_has_the_same_answers(attack, name):
    require_no_memory(attack)
    low, high = RANGES[name]
    x, y = images(20, 5), network("dense", 5).module(images(20, 5)).argmax(1)
    homes = HOMES[3:4] if name.startswith("coordinates") else HOMES[:4]
    if name == "any number":
        homes = [replace(threat, within=None) for threat in HOMES[:3]]
    try:
        threat = residence(attack, x[:1], y[:1], homes)
    except UnsupportedSetError as error:
        pytest.skip(str(error))
    other = stretched(threat, low, high)
    compare(attack, threat, other if threat.within else replace(other, within=None), low, high - low)


def stretched(threat, low, high):
    """Return a ball in [0, 1] as the same one in another range; a number of coordinates stays."""
    return replace(threat, eps=threat.eps * (1 if isinstance(threat, L0Ball) else high - low), within=(low, high))


def compare(attack, threat, other, low, width):
    """Ask for the same answers to a problem in [0, 1], and to the same posed over a range of this width."""
    graph, x = network("dense", 5), images(20, 5)
    y, streams = graph.module(x).argmax(1), noise(3, 20)
    modules = {
        f.name: getattr(attack, f.name) for f in fields(attack) if isinstance(getattr(attack, f.name), nn.Module)
    }
    shifted = replace(attack, **{name: nn.Sequential(Shift(low, width), part) for name, part in modules.items()})
    z = attack(graph.module, threat.at(x), y, noise=streams)
    moved = shifted(nn.Sequential(Shift(low, width), graph.module), other.at(x * width + low), y, noise=streams)
    moved = (moved - low) / width
    first, second = (graph.module(point).argmax(1) != y for point in (z, moved))
    assert (first != second).sum() <= 1
    assert ((moved - z).flatten(1).abs().amax(1) > 1e-6).sum() <= 1


class Hard(nn.Module):
    """Answers by a hard decision: no gradient leads back to the input."""

    def forward(self, x):
        up = (x.detach().flatten(1).mean(1) > 0.5).to(x.dtype)
        return torch.stack([up, 1 - up, 0 * up, -up], 1)


@attacks
def test_a_network_without_gradients_is_searched_all_the_same(attack):
    x, y = images(B, 16), torch.zeros(B, dtype=torch.long)
    S = home(attack, x, y)
    assert S.contains(answer(attack, Hard(), S, y, noise())).all()


@attacks
def test_restarts_only_add_to_what_is_broken(attack):
    require_no_memory(attack)
    graph, y = network("dense", 6, 2.0), labels(40, 6)
    S = home(attack, images(40, 6), y, 0.4)
    previous = torch.zeros(40, dtype=torch.bool)
    for times in range(1, 4):
        now = broken(graph, S, answer(Restarts(attack, times), graph, S, y, noise(1, 40)), y)
        assert (now | ~previous).all()
        previous = now
    assert previous.any()
    assert not previous.all()


@attacks
def test_an_attack_breaks_some_of_what_a_fragile_network_gets_right(attack):
    graph, x = network("linear", 15), images(2000, 15)
    first, second = graph(x).topk(2, 1).values.unbind(1)
    x = x[(first - second).argsort()[:40]]  # any noise breaks one of so many close calls
    y = graph(x).argmax(1)
    S = home(attack, x, y, 2.0)
    assert broken(graph, S, answer(attack, graph, S, y, noise(2, 40)), y).any()


@pytest.mark.parametrize("attack", varied([one for one in ATTACKS if isinstance(one, SteerableAttack)]), ids=label)
def test_a_steered_attack_heads_for_its_target(attack):
    require_no_memory(attack)
    x, y = images(B, 16), torch.zeros(B, dtype=torch.long)
    steady = nn.Sequential(network("linear", 16).module, Ahead())
    S = home(attack, x, y)
    found = {}
    for target in (1, 2, 3):
        goal = torch.full_like(y, target)
        found[target] = steady(S.decode(attack.steered(steady, S, y, goal, noise=noise())))
    for target, other in itertools.permutations(found, 2):
        lead = (found[target] - found[other])[:, target] - (found[target] - found[other])[:, 0]
        assert lead.mean() > 0


class Ahead(nn.Module):
    """Keeps class 0 so far ahead that no search ends early."""

    def forward(self, logits):
        return logits + 50 * nn.functional.one_hot(torch.zeros(1, dtype=torch.long), CLASSES)


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


def steadfast(seed, x):
    """Return a linear network of two classes that no perturbation takes away from 0, its normal, and its bias."""
    module = network("linear", seed).module
    head = nn.Linear(16, 2, dtype=DTYPE)
    with torch.no_grad():
        head.weight.copy_(module[1].weight[:2])
        head.bias.copy_(module[1].bias[:2] + torch.tensor([50.0, 0.0]))
    normal = (head.weight[1] - head.weight[0]).detach().view(1, 1, *SHAPE).expand(len(x), -1, -1, -1, -1)
    return nn.Sequential(nn.Flatten(), head), normal, float((head.bias[1] - head.bias[0]).detach())


SEARCHES = {
    "PGD": lambda S: PGD(Margin(), *((300, 0.01) if has_corners(S) else (60, 0.25))),
    "PGD with momentum": lambda S: PGD(Margin(), *((300, 0.01) if has_corners(S) else (60, 0.25)), momentum=0.5),
    "APGD": lambda S: APGD(Margin()),
    "SparseAPGD": lambda S: SparseAPGD(Margin()),
    "MultiSteepestDescent": lambda S: MultiSteepestDescent(
        Margin(), 60, 0.1 if isinstance(S, NormBall | UnionSet) else 0.5
    ),
    "each member": lambda S: WorstOf(
        [
            EachMember(PGD(Margin(), *((300, 0.01) if has_corners(member) else (60, 0.25))), number)
            for number, member in enumerate(members_of(S))
        ],
        Margin(),
    ),
}


def has_corners(S):
    return getattr(S, "p", 2) <= 1


@pytest.mark.parametrize(("name", "threat"), crossed(list(SEARCHES), CERTIFIABLE, 1, 2))
def test_on_a_linear_network_iterative_attacks_reach_the_support_function_within_a_hundredth(name, threat):
    x = images(B, 12)
    S, (module, normal, bias) = threat.at(x), steadfast(12, x)
    if getattr(threat, "coordinates", None):
        pytest.skip("random numbers of coordinates near the optimum, and stay a step away")
    if isinstance(S, UnionSet) and len(S.members) > 1 and name != "each member":
        pytest.skip("a union is not convex: a search from one member may not find the best of another")
    y = torch.zeros(B, dtype=torch.long)
    z = answer(SEARCHES[name](S), module, S, y, noise())
    found, clean = (Margin()(module(point), y) for point in (z, S.start))
    optimum = S.support_function(normal)[:, 0] + bias
    assert (found <= optimum + 1e-9).all()
    assert (found >= optimum - 0.01 * (optimum - clean) - 1e-9).all()


@pytest.mark.parametrize("threat", CERTIFIABLE, ids=label)
def test_one_step_on_a_linear_network_is_the_best_where_no_other_coordinate_matters(threat):
    x = images(B, 12)
    S, (module, normal, bias) = threat.at(x), steadfast(12, x)
    y = torch.zeros(B, dtype=torch.long)
    found = Margin()(module(answer(FGSM(Margin()), module, S, y, noise())), y)
    optimum = S.support_function(normal)[:, 0] + bias
    assert (found <= optimum + 1e-9).all()
    if isinstance(S, BoxSet):  # where the set is round, a step that leaves the range is cut
        torch.testing.assert_close(found, optimum)


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


@pytest.mark.parametrize("attack", varied([attack for attack in ATTACKS if attack.steady]), ids=label)
def test_a_steady_attack_passes_the_network_as_often_whatever_it_breaks(attack):
    graph, x, calls = network("dense", 0), images(B, 0), []

    def counting(z):
        calls.append(len(z))
        return graph(z)

    S, right = LinfBall(0.3).at(x), graph(x).argmax(1)
    passes = []
    for y in (right, (right + 1) % CLASSES):
        calls.clear()
        answer(attack, counting, S, y, noise())
        passes.append(list(calls))
    assert passes[0] == passes[1]
    assert set(passes[0]) == {B}


@pytest.mark.parametrize(
    ("attack", "part"),
    [
        pytest.param(attack, part, id=f"{label(attack)}-{number}")
        for attack in ATTACKS
        for number, part in enumerate(attack.outdone)
    ],
)
def test_with_the_same_noise_a_combination_never_leaves_more_than_a_part_alone(attack, part):
    require_no_memory(attack)
    graph, y = network("dense", 6, 2.0), labels(12, 6)
    S = home(attack, images(12, 6), y, 0.4)
    together, alone = (broken(graph, S, answer(each, graph, S, y, noise(1, 12)), y) for each in (attack, part))
    assert (together | ~alone).all()
