import pytest
import torch

from attacks.searches import Recording, interior, linear, noise
from hauberk.attacks import APGD, SparseAPGD
from hauberk.attacks.apgd import Walk, checkpoints, on_sphere
from hauberk.attacks.sparse_apgd import largest_entries
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.losses import CrossEntropy, Margin
from hauberk.searches.search import Search
from hauberk.threats import L1Ball, L2Ball, LinfBall

SHAPE, B = (1, 6, 6), 8


def test_checkpoints_of_a_hundred_steps_are_those_published():
    assert sorted(checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99]


@pytest.mark.parametrize("loss", [CrossEntropy(), Margin()])
@pytest.mark.parametrize("threat", [LinfBall, L2Ball])
def test_a_linear_border_a_hundredth_inside_the_ball_is_always_crossed_and_outside_never(threat, loss):
    x = interior(B, SHAPE, 0)
    module, normal = linear(SHAPE, 1, 0.5)
    y, lead = torch.zeros(B, dtype=torch.long), module(x)[:, 0] - module(x)[:, 1]
    x, y, lead = x[lead > 0], y[lead > 0], lead[lead > 0]
    dual = normal.abs().sum() if threat is LinfBall else normal.norm()
    for factor, broken in ((1.01, True), (0.99, False)):
        S = threat(factor * lead / dual).at(x)
        z = APGD(loss)(module, S, y, noise=noise(len(x)))
        assert ((module(z).argmax(1) != y) == broken).all()
        assert S.contains(z).all()


def test_sparse_apgd_crosses_a_linear_border_a_hundredth_inside_the_ball():
    x = interior(B, SHAPE, 0)
    module, normal = linear(SHAPE, 1, 0.2)
    y, lead = torch.zeros(B, dtype=torch.long), module(x)[:, 0] - module(x)[:, 1]
    x, y, lead = x[lead > 0], y[lead > 0], lead[lead > 0]
    unlimited = L1Ball(1.0, within=None)
    for factor, broken in ((1.01, True), (0.99, False)):
        S = unlimited.scaled(factor * lead / normal.abs().max()).at(x)
        z = SparseAPGD(CrossEntropy())(module, S, y, noise=noise(len(x)))
        assert ((module(z).argmax(1) != y) == broken).all()


def test_the_largest_entries_share_one_unit_and_there_is_at_least_one():
    gradient = torch.tensor([[0.1, -3.0, 2.0, 0.0], [1.0, 0.5, -0.2, -2.0]])
    step = largest_entries(gradient, torch.tensor([[0.5], [0.01]]))
    torch.testing.assert_close(step, torch.tensor([[0.0, -0.5, 0.5, 0.0], [0.0, 0.0, 0.0, -1.0]]))


def test_sets_of_other_norms_are_refused_by_name():
    x, y = interior(2, SHAPE, 0), torch.zeros(2, dtype=torch.long)
    module, _ = linear(SHAPE, 1, 0.5)
    with pytest.raises(UnsupportedSetError, match="APGD is defined for balls in norms above l_1"):
        APGD(Margin())(module, L1Ball(1.0).at(x), y, noise=noise(2))
    with pytest.raises(UnsupportedSetError, match="SparseAPGD is defined for balls in the l_1 norm"):
        SparseAPGD(Margin())(module, LinfBall(1.0).at(x), y, noise=noise(2))


def test_sparse_apgd_forgets_how_dense_its_steps_were_only_at_the_beginning(monkeypatch):
    fresh, phase = [], SparseAPGD.phase

    def recorded(*given, **named):
        fresh.append(named["fresh"])
        return phase(*given, **named)

    monkeypatch.setattr(SparseAPGD, "phase", recorded)
    x = interior(B, SHAPE, 0)
    module, _ = linear(SHAPE, 1, 0.2)
    SparseAPGD(Margin(), 10)(module, L1Ball(1e-6).at(x), module(x).argmax(1), noise=noise(B))
    assert fresh == [True, False, False]


@pytest.mark.parametrize("attack", [APGD, SparseAPGD])
def test_counts_that_are_not_positive_are_refused(attack):
    with pytest.raises(InputError, match="steps to be"):
        attack(Margin(), steps=0)


def peak(top):
    """Return a network that always says 0, whose margin has its largest value where the pixel is `top`."""

    def network(z):
        value = -((z - top) ** 2).sum(1, keepdim=True)
        return torch.cat([torch.full_like(value, 9.0), value], 1)

    return network


def by_hand(top, start, first, eps, steps, rho=0.75, inertia=0.75):
    """Return every point that algorithm 1 visits in one dimension: plain numbers, one example."""

    def loss(z):
        return -((z - top) ** 2)

    def climbed(z, slope):
        return min(max(z + length * ((slope > 0) - (slope < 0)), start - eps), start + eps)

    z = before = best = first
    length, rises, last, reduced, best_then = 2 * eps, 0, 0, True, -float("inf")
    slope = best_slope = 2 * (top - z)
    visited, window, end = [z], max(int(0.22 * steps), 1), max(int(0.22 * steps), 1)
    for step in range(1, steps + 1):
        ahead = climbed(z, slope)
        if step > 1:
            ahead = z + inertia * (ahead - z) + (1 - inertia) * (z - before)
            ahead = min(max(ahead, start - eps), start + eps)
        rises += loss(ahead) > loss(visited[-1])  # of points as they were visited, as in the released code
        z, before, slope = ahead, z, 2 * (top - ahead)
        visited.append(z)
        if loss(z) > loss(best):
            best, best_slope = z, slope
        if step == end:
            reduced = rises <= rho * (step - last) or (not reduced and loss(best) <= best_then)
            if reduced:
                length, z, slope = length / 2, best, best_slope
            rises, last, best_then = 0, step, loss(best)
            window = max(window - max(int(0.03 * steps), 1), max(int(0.06 * steps), 1))
            end += window
    return visited


@pytest.mark.parametrize("steps", [20, 37])
@pytest.mark.parametrize("top", [0.5, 0.531, 0.58, 0.9])
def test_every_step_and_every_halving_is_that_of_the_algorithm(top, steps):
    x = torch.full((1, 1), 0.5, dtype=torch.float64)
    watched = Recording(peak(top))
    APGD(Margin(), steps)(watched, LinfBall(0.1, within=None).at(x), torch.zeros(1, dtype=torch.long), noise=noise(1))
    shown = [z.item() for z in watched.shown]
    assert abs(shown[0] - 0.5) == pytest.approx(0.1)
    assert shown[: steps + 1] == pytest.approx(by_hand(top, 0.5, shown[0], 0.1, steps), abs=1e-12)
    assert len(set(shown)) > 5 or top == 0.9


def test_a_step_is_halved_where_the_loss_rose_too_rarely_or_no_record_fell_at_the_same_length():
    b = 6
    numbers = torch.arange(b, dtype=torch.float64)
    walk = Walk(
        z=numbers[:, None],
        before=numbers[:, None] - 1,
        gradient=numbers[:, None] + 10,
        loss=numbers,
        best_gradient=numbers[:, None] + 30,
        best_then=torch.tensor([1.0, 1.0, 5.0, 5.0, 1.0, 5.0], dtype=torch.float64),
        length=torch.full((b,), 0.5, dtype=torch.float64),
        rises=torch.tensor([3.0, 4.0, 4.0, 4.0, 2.0, 4.0], dtype=torch.float64),
        reduced=torch.tensor([False, False, False, True, True, False]),
    )
    y = torch.zeros(b, dtype=torch.long)
    search = Search(LinfBall(1.0, within=None).at(walk.z), y, None, noise(b))
    losses = torch.tensor([5.0, 5.0, 5.0, 5.0, 5.0, 4.0], dtype=torch.float64)
    search.meet(y.bool(), walk.z + 20, losses)
    found = APGD(Margin()).judged(search, walk, 4)
    # Three of four are no more than 0.75; a record that did not fall counts only if the length stayed what it was.
    halved = [True, False, True, False, True, True]
    assert found.reduced.tolist() == halved
    assert found.length.tolist() == [0.25 if cut else 0.5 for cut in halved]
    assert found.z[:, 0].tolist() == [i + 20 if cut else i for i, cut in enumerate(halved)]
    assert found.gradient[:, 0].tolist() == [i + 30 if cut else i + 10 for i, cut in enumerate(halved)]
    assert not found.rises.any()
    assert torch.equal(found.best_then, losses)
    for kept in ("before", "loss", "best_gradient"):
        assert torch.equal(getattr(found, kept), getattr(walk, kept))


@pytest.mark.parametrize("threat", [LinfBall(0.2), L2Ball(0.2)], ids=str)
def test_the_first_point_is_drawn_regardless_of_the_range_and_cut_by_it(threat):
    """Half of the black pixels are drawn below zero and stay black: draws within the range would brighten them all."""
    cut = threat.at(torch.zeros(B, *SHAPE, dtype=torch.float64))
    for S, share in ((cut, 0.5), (cut.uncut(), 0.0)):
        watched = Recording(peak(0.5))
        APGD(Margin(), 1)(Flat(watched), S, torch.zeros(B, dtype=torch.long), noise=noise(B))
        black = (watched.shown[0] == 0).double().mean()
        assert abs(float(black) - share) < 0.1


class Flat:
    """Shows each image to a network of vectors."""

    def __init__(self, network):
        self.network = network

    def __call__(self, z):
        return self.network(z.flatten(1))


def test_the_first_point_lies_on_the_sphere_and_a_zero_offset_stays_finite():
    x = interior(3, SHAPE, 0)
    for threat, p in ((LinfBall(0.2), torch.inf), (L2Ball(0.2), 2)):
        S = threat.at(x)
        offset = on_sphere(S, x + torch.linspace(0.01, 0.02, 36, dtype=x.dtype).view(SHAPE))
        norms = torch.linalg.vector_norm(offset.flatten(1), p, dim=1)
        torch.testing.assert_close(norms, torch.full((3,), 0.2, dtype=x.dtype))
        assert on_sphere(S, S.start).isfinite().all()


@pytest.mark.parametrize(("attack", "threat"), [(APGD, LinfBall), (APGD, L2Ball), (SparseAPGD, L1Ball)])
def test_what_is_never_broken_is_answered_with_the_point_of_largest_loss_met(attack, threat):
    """The sparse attack walks in larger balls first: what it met in the last one is within the last five points."""
    x = torch.rand(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    watched = Recording(peak((x.mean(0) + 0.05).detach()))
    S, y = threat(0.4, within=None).at(x), torch.zeros(5, dtype=torch.long)
    answer = attack(Margin(), 12)(watched, S, y, noise=noise(5))
    found, met = watched.module(answer)[:, 1], torch.stack([watched.module(z)[:, 1].detach() for z in watched.shown])
    assert (found >= met[-5:].amax(0) - 1e-12).all()
    assert ((met - found).abs().amin(0) <= 1e-12).all()
    if attack is APGD:
        torch.testing.assert_close(found, met.amax(0), rtol=0, atol=1e-12)
    else:
        assert (met[-1] < found).any(), "the last point is not the best one"
