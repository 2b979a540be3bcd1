"""Uniform noise, blended with the input."""

import pytest
import torch

from attacks.searches import Recording, interior, linear, noise
from hauberk.attacks import BlendedNoise
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.threats import L2Ball, LinfBall, Union

B, SHAPE = 12, (1, 4, 4)
Y = torch.zeros(B, dtype=torch.long)


def test_the_answer_is_the_nearest_misclassified_blend():
    module, _ = linear(SHAPE, 1, 0.8)
    S = L2Ball(0.1).at(interior(B, SHAPE, 1))
    network = Recording(module)
    z = BlendedNoise(30, 10)(network, S, Y, noise=noise(B))
    clean = module(S.start).argmax(1) == 1
    found = module(z).argmax(1) == 1
    assert (found & ~clean).sum() >= 3
    assert torch.equal(z[~found | clean], S.start[~found | clean])
    assert ((z >= 0) & (z <= 1)).all()
    drawn = network.shown[1]
    assert drawn.min() < 0.05
    assert drawn.max() > 0.95
    for shown, start in zip(z[found & ~clean], S.start[found & ~clean], strict=True):
        margins = [module((start + (shown - start) * share)[None]).argmax().item() for share in (1.0, 0.5)]
        assert margins == [1, 0] or (shown - start).norm() < 1.5


def test_finer_blends_are_nearer():
    module, _ = linear(SHAPE, 2, 0.8)
    S = L2Ball(0.1).at(interior(B, SHAPE, 2))
    near, far = (S.distance(BlendedNoise(30, blends)(module, S, Y, noise=noise(B))) for blends in (64, 1))
    assert (near <= far).all()
    assert (near < far).any()


def test_what_it_cannot_do_is_refused():
    module, _ = linear(SHAPE, 0, 1.0)
    x = interior(B, SHAPE, 1)
    with pytest.raises(UnsupportedSetError, match="BlendedNoise is defined for balls"):
        BlendedNoise()(module, Union([LinfBall(0.1)]).at(x), Y, noise=noise(B))
    with pytest.raises(UnsupportedSetError, match="BlendedNoise needs a range"):
        BlendedNoise()(module, L2Ball(0.1, None).at(x), Y, noise=noise(B))
    with pytest.raises(InputError, match="BlendedNoise needs draws to be"):
        BlendedNoise(0)
    with pytest.raises(InputError, match="BlendedNoise needs blends to be"):
        BlendedNoise(blends=0)
