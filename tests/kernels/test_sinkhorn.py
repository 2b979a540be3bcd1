"""Entropic plans against generic solvers, linear programs and the exact projection."""

import math

import pytest
import torch
from scipy.optimize import minimize

from hauberk.kernels import sinkhorn as kernel
from hauberk.kernels.sinkhorn import sinkhorn
from hauberk.kernels.transport import images
from hauberk.sets.transport import nearest
from hauberk.sets.transport_limits import within_budget
from longer import mostly_later
from transports import digits, distance, grid_of

GRID = grid_of((1, 4, 4))
N = 16
RADII = torch.tensor([1e-3, 0.02, 0.3, 1.0], dtype=torch.float64)


def wanted_near(mass, seed=1, step=0.05):
    drawn = torch.randn(mass.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return mass + step * drawn


@pytest.fixture(params=["compiled", "plain"])
def loops(request, monkeypatch):
    if request.param == "compiled":
        pytest.importorskip("numba", reason="without numba the plain loops are all there is to test")
    monkeypatch.setattr(kernel, "COMPILED", request.param == "compiled")


def entropy(plan):
    return torch.special.xlogy(plan, plan).sum((1, 2))


def dual_function(dual, price, wanted, mass, radius, sharpness, geometry):
    """Return g of the method with its first variable eliminated, from scratch."""
    padded = torch.full((len(mass), geometry.length), -math.inf, dtype=mass.dtype)
    padded[:, geometry.pixels] = dual
    logs = (padded[:, geometry.window] - price[:, None, None] * geometry.cost).logsumexp(2)
    value = torch.special.xlogy(mass, mass).sum(1) - (mass * logs).sum(1) + (dual * wanted).sum(1)
    return value - dual.square().sum(1) / (2 * sharpness) - price * radius


def free_dual(found, wanted, mass, sharpness):
    """Return dual variables, where no mass can come those that want the image to be 0."""
    reached = images((mass > 0).double()[:, :, None].expand_as(found.plan), GRID)[:, GRID.pixels] > 0
    return torch.where(reached, found.dual, sharpness * wanted)


@pytest.mark.parametrize("sharpness", mostly_later([30.0, 1.0, 1e3]))
def test_the_duality_gap_closes(loops, sharpness):
    mass = digits(4, N)
    wanted = wanted_near(mass)
    found = sinkhorn(wanted, mass, RADII, sharpness, GRID, 1e-13)
    image = GRID.inside(images(found.plan, GRID))
    primal = sharpness / 2 * (wanted - image).square().sum(1) + entropy(found.plan)
    dual = free_dual(found, wanted, mass, sharpness)
    gap = primal - dual_function(dual, found.report[:, 0], wanted, mass, RADII, sharpness, GRID)
    assert (gap.abs() <= 1e-10 * (1 + primal.abs())).all()
    torch.testing.assert_close(gap, found.report[:, 1], rtol=0, atol=1e-12 * max(1, sharpness))


def test_the_gap_reported_early_is_that_of_both_functions(loops):
    mass, sharpness = digits(4, N), 300.0
    wanted = wanted_near(mass)
    for most in (0, 1, 2):
        found = sinkhorn(wanted, mass, RADII, sharpness, GRID, 1e-13, most)
        image = GRID.inside(images(found.plan, GRID))
        primal = sharpness / 2 * (wanted - image).square().sum(1) + entropy(found.plan)
        dual = free_dual(found, wanted, mass, sharpness)
        gap = primal - dual_function(dual, found.report[:, 0], wanted, mass, RADII, sharpness, GRID)
        torch.testing.assert_close(found.report[:, 1], gap, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("sharpness", [10.0, 200.0])
def test_the_image_is_that_of_a_generic_solver(loops, sharpness):
    mass = digits(4, N)
    wanted = wanted_near(mass)
    found = GRID.inside(images(sinkhorn(wanted, mass, RADII, sharpness, GRID, 1e-14).plan, GRID))
    for e in range(len(mass)):

        def lost(at, e=e):
            at = torch.from_numpy(at).requires_grad_()
            each = (slice(e, e + 1),)
            value = -dual_function(at[None, :-1], at[-1:], wanted[each], mass[each], RADII[each], sharpness, GRID)
            value.sum().backward()
            return value.item(), at.grad.numpy()

        bounds = [(None, None)] * N + [(0, None)]
        start = torch.cat([torch.zeros(N, dtype=torch.float64), torch.ones(1, dtype=torch.float64)]).numpy()
        options = {"maxiter": 20000, "maxfun": 40000, "ftol": 1e-16, "gtol": 1e-10, "maxcor": 30}
        answer = minimize(lost, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        by_solver = wanted[e] - torch.from_numpy(answer.x[:-1]) / sharpness
        torch.testing.assert_close(found[e], by_solver, rtol=0, atol=1e-7)


def test_the_bias_of_entropy_vanishes_as_sharpness_grows(loops):
    mass = digits(4, N)
    wanted, free = wanted_near(mass), torch.full((4,), math.inf, dtype=torch.float64)
    exact = GRID.inside(images(nearest(wanted, mass, free, RADII, GRID, 1e-10), GRID))
    ratios = []
    for sharpness in (10.0, 100.0, 1e3, 1e4, 1e5):
        found = GRID.inside(images(sinkhorn(wanted, mass, RADII, sharpness, GRID, 1e-10).plan, GRID))
        ratios.append((found - wanted).square().sum(1) / (exact - wanted).square().sum(1))
    ratios = torch.stack(ratios)
    assert (ratios.diff(dim=0) < 1e-12).all()
    assert (ratios >= 1 - 1e-8).all()
    assert (ratios[-1] <= 1.002).all()


@pytest.mark.parametrize("sharpness", [10.0, 1e3, 3e4])
@pytest.mark.parametrize("side", [3, 5])
def test_images_are_within_the_budget_after_any_number_of_rounds(loops, sharpness, side):
    geometry = grid_of((1, 4, 4), side)
    mass = digits(4, N, seed=side)
    wanted = digits(4, N, seed=7, share=1.0)  # most of the mass should move
    for most in (0, 1, 2, 3, 5, 10, 60):
        plan = within_budget(sinkhorn(wanted, mass, RADII, sharpness, geometry, 1e-8, most).plan, mass, RADII, geometry)
        image = geometry.inside(images(plan, geometry))
        assert (image >= 0).all()
        torch.testing.assert_close(image.sum(1), torch.ones(4, dtype=torch.float64), rtol=0, atol=1e-14)
        for e in range(4):
            cost, unmatched = distance(image[e], mass[e], geometry)
            assert cost <= RADII[e] * (1 + 1e-6) + 1e-9
            assert unmatched <= 1e-9


def test_no_radius_leaves_an_image_and_a_large_one_reaches_what_is_wanted(loops):
    mass, wanted = digits(4, N), digits(4, N, seed=1, share=1.0)
    whole = grid_of((1, 4, 4), 7)
    still = sinkhorn(wanted, mass, 0 * RADII, 1e3, whole, 1e-8).plan
    assert torch.equal(whole.inside(images(still, whole)), mass)
    far = sinkhorn(wanted, mass, 0 * RADII + 10, 1e6, whole, 1e-8).plan
    torch.testing.assert_close(whole.inside(images(far, whole)), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("sharpness", [1e-3, 1.0, 1e3, 1e4, 1e5])
@pytest.mark.parametrize("radius", [0.0, 1e-300, 1e-4, 0.3, 5.0])
def test_extremes_are_finite_and_converge(loops, sharpness, radius):
    one, two = torch.zeros(2, N, dtype=torch.float64)
    one[5] = 1.0
    two[[0, 15]] = 0.5
    mass = torch.stack([one, two, torch.zeros(N), torch.full((N,), 1 / N), one, one])
    far = torch.zeros(N, dtype=torch.float64)
    far[15] = 1.0
    wanted = torch.stack([far, two.flip(0) * 3 - one, far, far, one, -far])
    found = sinkhorn(wanted, mass, torch.full((6,), radius, dtype=torch.float64), sharpness, GRID, 1e-8)
    assert all(part.isfinite().all() for part in found)
    torch.testing.assert_close(found.plan.sum(2), mass, rtol=0, atol=1e-15)
    assert ((found.plan * GRID.cost).sum((1, 2)) <= radius * (1 + 1e-12)).all()
    price, gap, scale, rounds = found.report.T
    assert (price >= 0).all()
    assert (rounds < kernel.MOST_ROUNDS).all()
    assert (gap <= 1e-8 * scale + 1e-24 * sharpness).all()
    assert torch.equal(found.plan[2], torch.zeros_like(found.plan[2]))


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_stays_with_its_example(loops, wrong):
    mass = digits(3, N)
    wanted = wanted_near(mass)
    alone = sinkhorn(wanted, mass, RADII[:3], 1e3, GRID, 1e-8)
    wanted[1, 2] = wrong
    found = sinkhorn(wanted, mass, RADII[:3], 1e3, GRID, 1e-8)
    assert found.plan[1].isnan().any()
    for e in (0, 2):
        torch.testing.assert_close(found.plan[e], alone.plan[e], rtol=0, atol=1e-15)


@pytest.mark.parametrize("sharpness", [1.0, 1e3, 1e5])
@pytest.mark.parametrize("shape", [(1, 4, 4), (2, 3, 5), (7,)], ids=str)
def test_compiled_and_plain_loops_agree(monkeypatch, sharpness, shape):
    pytest.importorskip("numba", reason="without numba the plain loops are all there is to test")
    geometry, n = grid_of(shape), math.prod(shape)
    mass, wanted = digits(4, n, seed=3), wanted_near(digits(4, n, seed=3), seed=4)
    wanted[3] = mass[3]
    found = []
    for compiled in (True, False):
        monkeypatch.setattr(kernel, "COMPILED", compiled)
        found.append(sinkhorn(wanted, mass, RADII, sharpness, geometry, 1e-12))
    torch.testing.assert_close(found[0].plan, found[1].plan, rtol=0, atol=1e-9)
    torch.testing.assert_close(found[0].dual / sharpness, found[1].dual / sharpness, rtol=0, atol=1e-9)
    torch.testing.assert_close(found[0].report[:, 0], found[1].report[:, 0], rtol=1e-6, atol=1e-9)


def test_an_answer_does_not_depend_on_its_batch(loops):
    mass = digits(4, N)
    wanted = wanted_near(mass)
    together = sinkhorn(wanted, mass, RADII, 1e4, GRID, 1e-8)
    for e in range(4):
        each = slice(e, e + 1)
        alone = sinkhorn(wanted[each], mass[each], RADII[each], 1e4, GRID, 1e-8)
        torch.testing.assert_close(alone.plan, together.plan[each], rtol=0, atol=1e-13)
