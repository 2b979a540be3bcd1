"""Random noise."""

import pytest
import torch

from attacks.searches import Recording, interior, linear, noise
from hauberk.attacks import GaussianNoise, UniformNoise
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.threats import GivenBox, L0Ball, L1Ball, L2Ball, LinfBall, Union

B, SHAPE = 10, (1, 4, 4)
Y = torch.zeros(B, dtype=torch.long)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("threat", [L2Ball(1.5), L1Ball(3.0), LinfBall(0.2), L2Ball(1.0, None)], ids=lambda t: t.name)
def test_gaussian_noise_has_the_full_norm_after_clamping(threat, dtype):
    x = (interior(B, SHAPE, 1, dtype) * 3 - 1).clamp(0, 1)
    S = threat.at(x)
    z = GaussianNoise(3)(linear(SHAPE, 1, 1e3, dtype=dtype)[0], S, Y, noise=noise(B))
    torch.testing.assert_close(S.distance(z), S.radius, rtol=1e-5, atol=0)
    assert S.contains(z).all()


def test_where_the_range_is_too_small_gaussian_noise_ends_at_its_corners():
    S = L2Ball(50.0).at(interior(B, SHAPE, 2))
    z = GaussianNoise(1)(linear(SHAPE, 1, 1e3)[0], S, Y, noise=noise(B))
    assert ((z == 0) | (z == 1)).all()
    zero = L2Ball(0.0).at(S.start)
    assert torch.equal(GaussianNoise(1)(linear(SHAPE, 1, 1e3)[0], zero, Y, noise=noise(B)), S.start)


def test_uniform_noise_asks_any_set_and_draws_anew():
    x = interior(B, SHAPE, 3)
    S = GivenBox(torch.zeros_like(x[:1]), torch.ones_like(x[:1])).at(x)
    network = Recording(linear(SHAPE, 3, 1e3)[0])
    z = UniformNoise(4)(network, S, Y, noise=noise(B))
    assert len(network.shown) == 4
    assert S.contains(z).all()
    assert not torch.equal(network.shown[0], network.shown[1])


@pytest.mark.parametrize("attack", [GaussianNoise, UniformNoise])
def test_more_draws_break_more_and_broken_examples_leave(attack):
    x, y = interior(60, SHAPE, 4), torch.zeros(60, dtype=torch.long)
    module, _ = linear(SHAPE, 4, 0.7)
    S, previous = LinfBall(0.2).at(x), torch.zeros(60, dtype=torch.bool)
    for draws in (1, 4, 16):
        network = Recording(module)
        now = module(attack(draws)(network, S, y, noise=noise(60))).argmax(1) == 1
        assert (now | ~previous).all()
        assert now.sum() > previous.sum()
        previous = now
    assert len(network.shown[-1]) < 60


def test_what_it_cannot_do_is_refused():
    module, _ = linear(SHAPE, 0, 1.0)
    x = interior(B, SHAPE, 1)
    with pytest.raises(UnsupportedSetError, match="GaussianNoise is defined for balls in any norm"):
        GaussianNoise()(module, Union([LinfBall(0.1)]).at(x), Y, noise=noise(B))
    with pytest.raises(UnsupportedSetError, match=r"GaussianNoise needs a norm that grows.*p = 0"):
        GaussianNoise()(module, L0Ball(3).at(x), Y, noise=noise(B))
    with pytest.raises(InputError, match="UniformNoise needs draws to be"):
        UniformNoise(0)
