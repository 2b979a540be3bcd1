"""The Square attack in the l_inf norm."""

import pytest
import torch

from attacks.searches import DTYPE, Recording, interior, linear, noise
from hauberk.attacks import FGSM, Square
from hauberk.errors import InputError, ShapeError, UnsupportedSetError
from hauberk.losses import CrossEntropy, Margin
from hauberk.threats import L2Ball, LinfBall

B, SHAPE = 5, (3, 6, 6)


def unbroken(S, y, queries=60, seed=0):
    module, _ = linear(S.start.shape[1:], seed, 1e3)
    network = Recording(module)
    return network, Square(Margin(), queries)(network, S, y, noise=noise(len(y)))


def test_every_pixel_of_every_query_is_at_an_end_of_its_interval():
    x = interior(B, SHAPE, 1)
    x[0, 0, 0, :3] = torch.tensor([0.0, 0.02, 1.0])
    S, eps = LinfBall(0.1).at(x), 0.1
    network, z = unbroken(S, torch.zeros(B, dtype=torch.long))
    for shown in [*network.shown, z]:
        assert ((shown == (x - eps).clamp(0, 1)) | (shown == (x + eps).clamp(0, 1))).all()
    assert len(network.shown) == 61


def test_it_begins_with_vertical_stripes_and_changes_one_square_a_query():
    S = LinfBall(0.1).at(interior(B, SHAPE, 1))
    network, _ = unbroken(S, torch.zeros(B, dtype=torch.long))
    up = network.shown[0] > S.start
    assert (up == up[:, :, :1]).all()
    assert 0.2 < up.double().mean() < 0.8
    best = network.shown[0]
    loss = Margin()(network.module(best), torch.zeros(B, dtype=torch.long))
    widest = 0
    for query, shown in enumerate(network.shown[1:], 1):
        side = round((0.8 * 36 / (1 if query <= 11 else 2 if query <= 51 else 4)) ** 0.5)
        changed = (shown != best).any(1)
        for image in changed:
            rows, columns = image.nonzero().unbind(1)
            if len(rows):
                widest = max(
                    widest, int(rows.max() - rows.min() + 1) - side, int(columns.max() - columns.min()) + 1 - side
                )
        now = Margin()(network.module(shown), torch.zeros(B, dtype=torch.long))
        best = torch.where((now > loss)[:, None, None, None], shown, best)
        loss = torch.maximum(loss, now)
    assert widest == 0


class Sides(Square):
    """Keeps the side of every square that it tries, in place of trying it."""

    def proposal(self, S, z, side, drawn):
        SIDES.append(side)
        return z


SIDES: list[int] = []


@pytest.mark.parametrize("planned", [10_000, 1000])
def test_squares_shrink_after_the_published_numbers_of_changes(planned):
    """The first change is number 0: those numbered up to 10 cover the share p, those up to 50 half of it, and so on."""
    x, y = torch.full((1, 1, 40, 40), 0.5), torch.zeros(1, dtype=torch.long)
    SIDES.clear()
    Sides(Margin(), 300, planned=planned)(lambda z: torch.tensor([[1.0, 0.0]]), LinfBall(0.1).at(x), y, noise=noise(1))
    assert len(SIDES) == 300
    ends = [round(planned * end / 10_000) for end in (10, 50, 200, 500, 1000, 2000)]
    for number, side in enumerate(SIDES):
        assert side == round((0.8 / 2 ** sum(number > end for end in ends) * 1600) ** 0.5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_on_a_linear_network_it_comes_near_the_support_function(dtype):
    x, y = interior(B, (1, 6, 6), 2, dtype), torch.zeros(B, dtype=torch.long)
    module, normal = linear((1, 6, 6), 2, 1e3, dtype=dtype)
    S = LinfBall(0.1).at(x)
    z = Square(Margin(), 600)(module, S, y, noise=noise(B))
    gained = ((z - x).flatten(1) * normal).sum(1) / (0.1 * normal.abs().sum())
    assert (gained > 0.75).all()
    assert (gained <= 1 + 1e-5).all()
    assert S.contains(z).all()
    assert z.dtype == dtype


def test_more_queries_never_lose_and_broken_examples_leave():
    x, y = interior(40, (1, 6, 6), 3), torch.zeros(40, dtype=torch.long)
    module, _ = linear((1, 6, 6), 3, 2.5)
    S, before = LinfBall(0.1).at(x), torch.full((40,), -torch.inf, dtype=DTYPE)
    for queries in (1, 5, 50):
        network = Recording(module)
        now = Margin()(module(Square(Margin(), queries)(network, S, y, noise=noise(40))), y)
        assert ((now >= before) | (now > 0)).all()
        before = now
    assert (before > 0).sum() > 0
    sizes = [len(shown) for shown in network.shown]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 40


def test_images_need_not_be_square():
    S = LinfBall(0.1).at(interior(B, (2, 3, 9), 4))
    network, z = unbroken(S, torch.zeros(B, dtype=torch.long))
    assert S.contains(z).all()
    assert len({tuple(shown.flatten().tolist()) for shown in network.shown}) > 10


def test_logits_that_are_no_numbers_are_a_success():
    S = LinfBall(0.1).at(interior(B, (1, 4, 4), 5))
    network = Recording(lambda z: torch.full((len(z), 2), torch.nan, dtype=DTYPE))
    Square(Margin(), 9)(network, S, torch.zeros(B, dtype=torch.long), noise=noise(B))
    assert len(network.shown) == 1


def test_what_it_cannot_do_is_refused():
    y = torch.zeros(B, dtype=torch.long)
    module, _ = linear((4,), 0, 1.0)
    with pytest.raises(UnsupportedSetError, match="Square is defined for balls in the l_inf norm"):
        Square(Margin())(module, L2Ball(0.1).at(interior(B, SHAPE, 1)), y, noise=noise(B))
    with pytest.raises(ShapeError, match=r"Square needs images \(b, c, h, w\).*\(5, 4\)"):
        Square(Margin())(module, LinfBall(0.1).at(interior(B, (4,), 1)), y, noise=noise(B))
    with pytest.raises(InputError, match="Square needs queries to be"):
        Square(Margin(), 0)
    with pytest.raises(InputError, match="Square needs p to be"):
        Square(Margin(), p=-0.1)


def test_it_goes_on_from_where_another_attack_ends():
    S, y = LinfBall(0.1).at(interior(B, SHAPE, 1)), torch.zeros(B, dtype=torch.long)
    network, kept = Recording(linear(SHAPE, 0, 1e3)[0]), S.start.clone()
    attack = Square(Margin(), 8, start=FGSM(CrossEntropy(), 0.5))
    z = attack(network, S, y, noise=noise(B))
    first = FGSM(CrossEntropy(), 0.5)(network.module, S, y, noise=noise(B))
    loss = [Margin()(network.module(point), y) for point in (first, z)]
    assert any(torch.equal(shown, first) for shown in network.shown)
    assert (loss[1] >= loss[0]).all()
    assert torch.equal(S.start, kept)
    assert not attack.black_box
    assert Square(Margin()).black_box


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 9, 12)], ids=str)
@pytest.mark.parametrize("side", [1, 4, 9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_compiled_proposals_are_the_plain_ones(shape, side, dtype):
    pytest.importorskip("numba", reason="compiled proposals need numba, of the extra `fast`")
    S, attack = LinfBall(0.2).at(interior(40, shape, 6, dtype)), Square(Margin())
    z = attack.first(S, noise(40))
    for query in range(20):
        drawn = noise(40).fold(query).uniform((2 + shape[0],))
        found = attack.proposal(S, z, side, drawn)
        assert torch.equal(found, attack.plain_proposal(S, z, side, drawn))
        assert not torch.equal(found, z)
        z = found
