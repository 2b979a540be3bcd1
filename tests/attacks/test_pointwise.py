"""The pointwise attack."""

import pytest
import torch

from attacks.searches import Recording, interior, linear, noise
from hauberk.attacks import Pointwise, SaltAndPepper
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.threats import L0Ball, L1Ball, L2Ball, LinfBall, Union

B, SHAPE = 8, (1, 4, 4)
Y = torch.zeros(B, dtype=torch.long)
START = SaltAndPepper(30, across_channels=False)


def broken_starts(threat, seed, margin=3.0):
    module, _ = linear(SHAPE, seed, margin)
    S = threat.at(interior(B, SHAPE, seed))
    start = START(module, S, Y, noise=noise(B))
    assert (module(start).argmax(1) == 1).sum() >= 4
    return module, S, start


@pytest.mark.parametrize("threat", [L0Ball(3), L1Ball(1.0), L2Ball(0.5), LinfBall(0.1)], ids=lambda t: t.name)
def test_answers_stay_misclassified_and_distances_never_grow(threat):
    module, S, start = broken_starts(threat, 1)
    z = Pointwise(START)(module, S, Y, noise=noise(B))
    assert torch.equal(module(z).argmax(1), module(start).argmax(1))
    for p in (0, 1, 2, torch.inf):
        before, after = (torch.linalg.vector_norm((t - S.start).flatten(1), p, dim=1) for t in (start, z))
        assert (after <= before).all()
        if p == 0:
            assert (after < before).any()
    between = torch.minimum(S.start, start), torch.maximum(S.start, start)
    assert ((z >= between[0]) & (z <= between[1])).all()


def test_in_l_0_no_single_reset_is_left_and_values_are_the_starts():
    module, S, start = broken_starts(L0Ball(3), 2)
    z = Pointwise(START)(module, S, Y, noise=noise(B))
    changed = z != S.start
    assert torch.equal(z[changed], start[changed])
    for example, coordinate in changed.flatten(1).nonzero():
        once = z[example].flatten().clone()
        once[coordinate] = S.start[example].flatten()[coordinate]
        assert module(once.view(1, *SHAPE)).argmax() == 0


def test_bisection_leaves_linear_networks_at_the_hyperplane():
    module, S, _ = broken_starts(L2Ball(0.5), 3)
    z = Pointwise(START)(module, S, Y, noise=noise(B))
    found = (z != S.start).flatten(1).any(1)
    logits = module(z[found])
    coarse = module(Pointwise(START, halvings=1)(module, S, Y, noise=noise(B))[found])
    assert (logits[:, 1] - logits[:, 0]).amax() < 0.02
    assert (coarse[:, 1] - coarse[:, 0]).amax() > 0.02


def test_where_nothing_was_found_or_is_to_be_found_the_network_is_left_alone():
    x = interior(B, SHAPE, 4)
    for margin, label in ((1e3, 0), (1e3, 1)):
        module, _ = linear(SHAPE, 4, margin)
        network, plain = Recording(module), Recording(module)
        z = Pointwise(START)(network, L2Ball(0.1).at(x), Y + label, noise=noise(B))
        START(plain, L2Ball(0.1).at(x), Y + label, noise=noise(B))
        assert torch.equal(z, x)
        assert len(network.shown) == len(plain.shown)


def test_enough_is_any_misclassified_member():
    module, S, _ = broken_starts(L0Ball(5), 5)
    all_queries, few = Recording(module), Recording(module)
    best = Pointwise(START)(all_queries, S, Y, noise=noise(B))
    z = Pointwise(START)(few, S, Y, noise=noise(B), enough=True)
    member = S.contains(best) & (module(best).argmax(1) == 1)
    assert member.any()
    assert (S.contains(z) & (module(z).argmax(1) == 1))[member].all()
    assert sum(map(len, few.shown)) < sum(map(len, all_queries.shown))


def test_what_it_cannot_do_is_refused():
    module, _ = linear(SHAPE, 0, 1.0)
    x = interior(B, SHAPE, 1)
    with pytest.raises(UnsupportedSetError, match="Pointwise is defined for balls in any norm"):
        Pointwise(START)(module, Union([LinfBall(0.1)]).at(x), Y, noise=noise(B))
    with pytest.raises(InputError, match="Pointwise needs halvings to be"):
        Pointwise(START, halvings=0)
    with pytest.raises(InputError, match="Pointwise needs gain to be"):
        Pointwise(START, gain=0.0)
