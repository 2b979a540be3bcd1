"""The Square attack in the l_2 and l_1 norms."""

import pytest
import torch

from attacks.searches import Recording, interior, linear, noise
from hauberk.attacks import SquareWindows
from hauberk.attacks.square_windows import bump, pattern
from hauberk.errors import InputError, ShapeError, UnsupportedSetError
from hauberk.losses import Margin
from hauberk.threats import L1Ball, L2Ball, LinfBall

B = 5
threats = pytest.mark.parametrize("threat", [L2Ball(0.5), L1Ball(2.0)], ids=["l2", "l1"])
Y = torch.zeros(B, dtype=torch.long)


def test_a_bump_is_a_sum_of_concentric_squares():
    expected = torch.zeros(3, 5, dtype=torch.float64)
    for ring, weight in enumerate([1, 1 / 4, 1 / 9]):
        expected[max(0, 1 - ring) : 2 + ring, max(0, 2 - ring) : 3 + ring] += weight
    torch.testing.assert_close(bump(3, 5, 2), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("p", [1.0, 2.0])
@pytest.mark.parametrize("side", [1, 2, 5, 8])
def test_a_pattern_has_norm_1_and_two_signs(side, p):
    both = pattern(side, p)
    assert torch.linalg.vector_norm(both, p).item() == pytest.approx(1, abs=1e-12)
    assert (both[: side // 2] > 0).all()
    assert (both[side // 2 :] < 0).all()


@threats
@pytest.mark.parametrize("shape", [(1, 5, 5), (3, 7, 7), (2, 6, 11), (1, 2, 2), (1, 1, 1)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_query_has_the_norm_eps_where_the_range_is_far(threat, shape, dtype):
    module, _ = linear(shape, 1, 1e3, dtype=dtype)
    threat = threat.scaled(0.02 if shape[1] < 5 else 0.2)
    S = threat.at(interior(B, shape, 1, dtype))
    network = Recording(module)
    z = SquareWindows(Margin(), 30)(network, S, Y, noise=noise(B))
    for shown in [*network.shown, z]:
        torch.testing.assert_close(S.distance(shown), S.radius, rtol=2e-5, atol=0)
        assert S.contains(shown, 1e-6 if dtype == torch.float32 else 0.0).all()
    assert S.contains(z).all()
    if shape != (1, 1, 1):
        assert not torch.equal(network.shown[1], network.shown[2])


@threats
def test_answers_are_members_near_the_ends_of_the_range(threat):
    x = (interior(B, (3, 7, 7), 2) * 5 - 2).clamp(0, 1)
    module, _ = linear((3, 7, 7), 2, 1e3)
    S = threat.scaled(4.0).at(x)
    network = Recording(module)
    z = SquareWindows(Margin(), 60)(network, S, Y, noise=noise(B))
    assert S.contains(z).all()
    assert (S.distance(z) > 0.5 * S.radius).all()
    for shown in network.shown:
        assert S.contains(shown).all()


@threats
def test_at_first_an_image_is_a_grid_of_patterns_and_a_query_changes_two_windows(threat):
    shape = (1, 15, 15)
    module, _ = linear(shape, 3, 1e3)
    S = threat.scaled(0.1).at(interior(B, shape, 3))
    network = Recording(module)
    SquareWindows(Margin(), 1, p=9 / 225)(network, S, Y, noise=noise(B))
    first, second = ((shown - S.start)[:, 0] for shown in network.shown)
    tiles = first.unfold(1, 3, 3).unfold(2, 3, 3).reshape(-1, 3, 3)
    expected = pattern(3, S.p)
    expected = expected / expected.abs().amax()
    scaled = tiles / tiles.abs().amax((1, 2), keepdim=True)
    fits = [(scaled - sign * e).abs().amax((1, 2)) < 1e-9 for sign in (-1, 1) for e in (expected, expected.T)]
    assert torch.stack(fits).any(0).all()
    assert all(fit.any() for fit in fits)
    changed = ((second - first).abs() > 1e-9).flatten(1).sum(1)
    assert (changed <= 18).all()
    assert (changed > 0).all()


@threats
def test_on_a_linear_network_it_gains_most_of_what_there_is(threat):
    shape = (1, 6, 6)
    module, normal = linear(shape, 4, 1e3)
    S = threat.scaled(0.2).at(interior(B, shape, 4))
    dual = normal.norm() if S.p == 2 else normal.abs().max()
    gains = [
        ((SquareWindows(Margin(), q)(module, S, Y, noise=noise(B)) - S.start).flatten(1) @ normal) / (dual * S.radius)
        for q in (1, 400)
    ]
    assert (gains[1] > gains[0]).all()
    assert (gains[1] > 0.5).all()
    assert (gains[1] <= 1 + 1e-9).all()


@threats
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 9, 12)], ids=str)
@pytest.mark.parametrize("side", [3, 7, 9])
@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-3), (torch.float64, 1e-7)])
def test_compiled_proposals_are_the_plain_ones(threat, shape, side, dtype, near):
    pytest.importorskip("numba", reason="compiled proposals need numba, of the extra `fast`")
    S = threat.at(interior(B, shape, 5, dtype) * 2 - 0.5).resized(torch.linspace(0.0, 2.0, B, dtype=dtype))
    attack = SquareWindows(Margin())
    z = attack.first(S, noise(B))
    z[1] = S.start[1]
    for query in range(20):
        drawn = noise(B).fold(query).uniform((5 + shape[0],))
        found, expected = attack.proposal(S, z, side, drawn), attack.plain_proposal(S, z, side, drawn)
        # Near the sphere what is unused is the root of a difference, which doubles what rounding leaves.
        torch.testing.assert_close(found, expected, rtol=near, atol=near)
        z = torch.where(drawn[:, :1, None, None] < 0.5, found, z)


def test_what_it_cannot_do_is_refused():
    module, _ = linear((4,), 0, 1.0)
    with pytest.raises(UnsupportedSetError, match=r"SquareWindows is defined for balls in the l_2 and l_1.*p = inf"):
        SquareWindows(Margin())(module, LinfBall(0.1).at(interior(B, (1, 5, 5), 1)), Y, noise=noise(B))
    with pytest.raises(ShapeError, match="SquareWindows needs images"):
        SquareWindows(Margin())(module, L2Ball(0.1).at(interior(B, (4,), 1)), Y, noise=noise(B))
    with pytest.raises(InputError, match="SquareWindows needs queries to be"):
        SquareWindows(Margin(), -1)
