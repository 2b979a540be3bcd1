"""Salt-and-pepper noise."""

import pytest
import torch

from attacks.searches import Recording, interior, linear, noise
from hauberk.attacks import SaltAndPepper
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.threats import L0Ball, L1Ball, L2Ball, LinfBall, Union

B, SHAPE = 12, (3, 4, 4)
Y = torch.zeros(B, dtype=torch.long)


@pytest.mark.parametrize("threat", [L0Ball(3), L1Ball(1.0), L2Ball(0.5), LinfBall(0.1)], ids=lambda t: t.name)
def test_the_answer_is_the_nearest_misclassified_point_of_all_that_were_shown(threat):
    module, _ = linear(SHAPE, 1, 3.0)
    S = threat.at(interior(B, SHAPE, 1))
    network = Recording(module)
    z = SaltAndPepper(60)(network, S, Y, noise=noise(B))
    found = S.distance(z) > 0
    assert found.any()
    assert (module(z).argmax(1) == 1).equal(found)
    seen = torch.stack([torch.where(module(s).argmax(1) == 1, S.distance(s), torch.inf) for s in network.shown])
    assert torch.equal(seen.amin(0)[found], S.distance(z)[found])


@pytest.mark.parametrize("across", [True, False])
def test_pixels_go_to_the_ends_of_the_range(across):
    module, _ = linear(SHAPE, 2, 1e3)
    x = interior(B, SHAPE, 2)
    network = Recording(module)
    z = SaltAndPepper(10, across)(network, L2Ball(1.0).at(x), Y, noise=noise(B))
    assert torch.equal(z, x)  # never misclassified
    changed = torch.stack([shown != x for shown in network.shown])
    values = torch.stack(network.shown)[changed]
    assert set(values.tolist()) == {0.0, 1.0}
    assert 0.3 < values.mean() < 0.7
    assert (changed == changed[:, :, :1]).all() == across
    share = changed.double().mean((1, 2, 3, 4))
    assert share[0] == 0
    assert share[-1] > 0.9  # all pixels with the last step
    torch.testing.assert_close(share[1:], torch.linspace(0.1, 1, 10, dtype=share.dtype), rtol=0, atol=0.15)


def test_the_probability_returns_to_half_of_what_succeeded():
    shape = (1, 40, 40)
    x = interior(1, shape, 3)
    network = Recording(lambda z: torch.stack([torch.zeros(len(z)), (z != x).flatten(1).double().mean(1) - 0.35], 1))
    SaltAndPepper(10)(network, L2Ball(1.0).at(x), Y[:1], noise=noise(1))
    share = [(shown != x).double().mean().item() for shown in network.shown[1:]]
    assert share[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.03)
    step = (1.2 - 0.5) * 0.4 / (10 - 3)
    assert share[4:6] == pytest.approx([0.2 + step, 0.2 + 2 * step], abs=0.03)


def test_what_is_misclassified_already_stays_and_what_is_enough_leaves():
    x = interior(B, SHAPE, 4)
    module, _ = linear(SHAPE, 4, 2.0)
    network, wrong = Recording(module), torch.ones_like(Y)
    S = L0Ball(48).at(x)
    wrong[: B // 2] = 0
    clean = module(x).argmax(1) != wrong
    z = SaltAndPepper(40)(network, S, wrong, noise=noise(B), enough=True)
    assert torch.equal(z[clean], x[clean])
    assert clean.any()
    broken = module(z).argmax(1) != wrong
    assert (broken & ~clean).any()
    assert len(network.shown[-1]) == (~broken).sum() or len(network.shown) < 41
    everything = Recording(module)
    SaltAndPepper(40)(everything, S, wrong, noise=noise(B))
    assert sum(map(len, network.shown)) < sum(map(len, everything.shown))


def test_what_it_cannot_do_is_refused():
    module, _ = linear(SHAPE, 0, 1.0)
    x = interior(B, SHAPE, 1)
    with pytest.raises(UnsupportedSetError, match=r"SaltAndPepper is defined for balls in any norm.*UnionSet"):
        SaltAndPepper()(module, Union([LinfBall(0.1)]).at(x), Y, noise=noise(B))
    with pytest.raises(UnsupportedSetError, match="SaltAndPepper needs a range"):
        SaltAndPepper()(module, L2Ball(0.1, None).at(x), Y, noise=noise(B))
    with pytest.raises(InputError, match="SaltAndPepper needs steps to be"):
        SaltAndPepper(0)
