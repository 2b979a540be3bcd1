import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from torch import nn

from hauberk.bounds import BackwardLinear, ForwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.noise import Noise
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import ShapeError
from hauberk.kernels.transport import images
from hauberk.sets import transport
from hauberk.sets.transport import advance
from hauberk.threats import WassersteinBall
from longer import mostly_later
from transports import distance_of_images, incidence, largest, moves, pictures

SHAPE = (1, 4, 4)


def shifted(x, amount, down=0, right=1):
    """Move some of the brightness of the pixel in the second row and column."""
    z = x.clone()
    z[:, :, 1, 1] -= amount
    z[:, :, 1 + down, 1 + right] += amount
    return z


def drawn(*shape, seed=0):
    """Uniform numbers in [0, 1]."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def far(x, reach, seed=0):
    return x + reach * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=x.dtype)


def gap(S, z):
    """Return the share of the projection's objective that a lower bound by its own supporting plane leaves open."""
    p = S.project(z)
    apart = (z - p).flatten(1)
    lead = S.support_function((z - p).unsqueeze(1))[:, 0] - (apart * p.flatten(1)).sum(1)
    return lead / (apart.square().sum(1) / 2)


@pytest.mark.parametrize("eps", [1e-4, 0.01, 0.3, 5.0])
@pytest.mark.parametrize("within", [None, (0.0, 1.0)])
@pytest.mark.parametrize("reach", [0.1, 1.0, 1e4])
def test_projections_are_within_the_budget_of_an_independent_linear_program(eps, within, reach):
    x = pictures(4, SHAPE, seed=1)
    S = WassersteinBall(eps, within=within).at(x)
    z = far(x, reach)
    plan = S.plan(z)
    assert ((plan * S.grid.cost).sum((1, 2)) <= eps * (1 + 1e-12)).all()
    torch.testing.assert_close(plan.sum(2), S.mass, rtol=0, atol=1e-15)
    assert (plan >= 0).all()
    p = S.project(z)
    assert (p >= 0).all()
    assert within is None or (p <= 1).all()
    torch.testing.assert_close(p.flatten(1).sum(1), x.flatten(1).sum(1), rtol=1e-12, atol=0)
    for before, after in zip(x, p, strict=True):
        assert distance_of_images(before, after) <= eps + 1e-8


@pytest.mark.parametrize("number", mostly_later(range(40), every=13))
def test_two_thousand_projections_stay_inside_and_are_the_nearest(number):
    x = pictures(50, (1, 6, 6), seed=100 + number)
    eps = 10 ** (torch.rand(50, generator=torch.Generator().manual_seed(number), dtype=torch.float64) * 4 - 4)
    S = WassersteinBall(eps, within=None if number % 2 else (0.0, 1.0)).at(x)
    z = far(x, 10.0 ** (number % 5 - 2), seed=number)
    plan = S.plan(z)
    assert ((plan * S.grid.cost).sum((1, 2)) <= eps * (1 + 1e-12)).all()
    for before, after, radius in zip(x[::10], S.project(z)[::10], eps[::10], strict=True):
        assert distance_of_images(before, after) <= radius + 1e-8
    if number % 2:
        assert (gap(S, z) <= 1.001e-5).all()


def test_projections_are_those_of_a_general_solver():
    x = pictures(3, (1, 3, 4), seed=2)
    z = far(x, 0.5)
    found = WassersteinBall(0.2, window=3, within=None, tolerance=1e-12).at(x).project(z)
    leaves, arrives, cost = incidence(moves((1, 3, 4), 3), 12)
    heavy = 1e4  # what the constraints weigh in least squares
    rows = np.block([[arrives, np.zeros((12, 1))], [heavy * leaves, np.zeros((12, 1))], [heavy * cost, heavy]])
    for e in range(3):
        total = float(x[e].sum())
        mass, wanted = x[e].flatten().numpy() / total, z[e].flatten().numpy() / total
        best, _ = nnls(rows, np.concatenate([wanted, heavy * mass, [heavy * 0.2]]))
        theirs = torch.from_numpy(arrives @ best[:-1] * total).view(1, 3, 4)
        torch.testing.assert_close(found[e], theirs, rtol=0, atol=1e-7)


@pytest.mark.parametrize("eps", [0.01, 0.3])
def test_with_a_range_no_member_is_nearer_than_the_projection(eps):
    x = pictures(4, SHAPE, seed=19, dark=0.2).clamp(min=0.3)
    z = far(x, 0.5)
    p = WassersteinBall(eps, tolerance=1e-9).at(x).project(z)
    for before, after, wanted in zip(x, p, z, strict=True):
        best, reached = largest(before, wanted - after, eps, most=1.0), float(((wanted - after) * after).sum())
        assert best - reached <= 1e-7


@pytest.mark.parametrize("within", [None, (0.0, 1.0)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_black_images_single_pixels_and_extremes_stay_finite(within, dtype):
    x = torch.zeros(4, 1, 5, 5, dtype=dtype)
    x[1, 0, 2, 2], x[2, 0, 0, 0], x[3] = 1.0, 1e-30, 1.0
    for eps in (0.0, 1e-4, 5.0):
        S = WassersteinBall(eps, within=within).at(x)
        for reach in (0.0, 0.1, 1e12):
            p = S.project(far(x, reach))
            assert p.isfinite().all()
            assert S.contains(p).all()
            assert torch.equal(p[0], x[0])
        c = torch.randn(4, 3, 1, 5, 5, dtype=dtype)
        assert S.support_function(c).isfinite().all()
        assert (S.bounding_box().lower <= S.bounding_box().upper).all()


def test_radius_zero_leaves_the_image_and_a_large_one_returns_what_is_wanted():
    x = pictures(5, SHAPE, seed=3, dark=0)
    z = pictures(5, SHAPE, seed=4, dark=0)
    z = z * (x.flatten(1).sum(1) / z.flatten(1).sum(1)).view(-1, 1, 1, 1)
    assert torch.equal(WassersteinBall(0.0, window=None, within=None).at(x).project(z), x)
    S = WassersteinBall(9.0, window=None, within=None, tolerance=1e-12).at(x)
    torch.testing.assert_close(S.project(z), z, rtol=0, atol=1e-6)
    assert S.contains(z).all()


def test_images_moved_by_a_known_cost_are_members_just_within_it():
    x = pictures(1, SHAPE, seed=5, dark=0).repeat(3, 1, 1, 1) + 0.2
    z = torch.stack([shifted(x, 0.1)[0], shifted(x, 0.1, down=1)[0], shifted(x, 0.1, down=2, right=2)[0]])
    cost = 0.1 * torch.tensor([1, math.sqrt(2), 2 * math.sqrt(2)], dtype=torch.float64) / x.flatten(1).sum(1)
    threat = WassersteinBall(cost * (1 + 1e-7), within=None)
    torch.testing.assert_close(threat.at(x).distance(z), cost, rtol=1e-6, atol=0)
    assert threat.at(x).contains(z).all()
    assert not threat.scaled(0.999).at(x).contains(z).any()
    assert torch.equal(threat.at(x).project(z), z)


def test_mass_that_changes_or_crosses_channels_or_windows_is_out_of_reach():
    x = pictures(1, (2, 4, 4), seed=6, dark=0) * 0.5 + 0.2
    S = WassersteinBall(100.0, window=3).at(x)
    brighter, crossed, jumped = x + 0.01, x.clone(), x.clone()
    crossed[:, 0, 1, 1] -= 0.1
    crossed[:, 1, 1, 1] += 0.1
    jumped[:, 0, :, 0] = 0
    jumped[:, 0, :, 3] = (x[:, 0, :, 3] + x[:, 0, :, 0]).clamp(max=1)
    for z in (brighter, crossed, x - 0.01, x * float("nan"), x * float("inf")):
        assert S.distance(z).isinf().all()
        assert not S.contains(z).any()
    assert not WassersteinBall(100.0, window=3, within=None).at(jumped * 0 + jumped.roll(2, 3)).contains(jumped).any()


def test_a_radius_is_a_share_of_the_mass_of_all_channels():
    x = pictures(2, (3, 4, 4), seed=7, dark=0)
    S = WassersteinBall(0.05).at(x)
    for before, after in zip(x, S.project(far(x, 1.0)), strict=True):
        assert 0.049 < distance_of_images(before, after) <= 0.05 + 1e-8
        torch.testing.assert_close(before.sum((1, 2)), after.sum((1, 2)), rtol=1e-12, atol=0)


def test_a_table_of_costs_replaces_window_and_power():
    x, z = pictures(2, SHAPE, seed=8), far(pictures(2, SHAPE, seed=8), 1.0)
    table = [[math.hypot(a, b) ** 2 for b in (-1, 0, 1)] for a in (-1, 0, 1)]
    given, named = (WassersteinBall(0.1, **kind).at(x) for kind in ({"cost": table}, {"window": 3, "p": 2.0}))
    assert torch.equal(given.project(z), named.project(z))
    uneven = [[5.0, 1.0, 5.0], [2.0, 0.0, 2.0], [5.0, 9.0, 5.0]]  # cheap upwards, dear downwards
    S = WassersteinBall(0.01, cost=uneven).at(x * 0.5)
    assert S.contains(S.project(far(x, 1.0))).all()


def test_vectors_and_sequences_are_images_of_one_row():
    x = pictures(2, (1, 1, 9), seed=9)
    z = far(x, 1.0)
    whole = WassersteinBall(0.2).at(x).project(z)
    assert torch.equal(WassersteinBall(0.2).at(x[:, 0, 0]).project(z[:, 0, 0]), whole[:, 0, 0])


@pytest.mark.parametrize("eps", [0.01, 0.2, 1.0])
def test_the_support_function_is_that_of_a_linear_program(eps):
    x = pictures(5, SHAPE, seed=10)
    c = torch.randn(5, 1, *SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    exact = torch.tensor([largest(a, b, eps) for a, b in zip(x, c, strict=True)], dtype=torch.float64)
    free = WassersteinBall(eps, within=None).at(x).support_function(c)[:, 0]
    torch.testing.assert_close(free, exact, rtol=0, atol=1e-7)


@pytest.mark.parametrize("eps", [0.01, 0.2, 1.0])
def test_with_a_range_the_support_function_is_sound_and_most_of_the_way_to_exact(eps):
    x = pictures(12, SHAPE, seed=11, dark=0.2).clamp(min=0.3).round(decimals=1)
    c = torch.randn(12, 1, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    exact = torch.tensor([largest(a, b, eps, most=1.0) for a, b in zip(x, c, strict=True)], dtype=torch.float64)
    free = WassersteinBall(eps, within=None).at(x).support_function(c)[:, 0]
    found = WassersteinBall(eps).at(x).support_function(c)[:, 0]
    assert (found >= exact - 1e-7).all()
    assert (found <= free + 1e-12).all()
    assert (found - exact).sum() <= 0.3 * (free - exact).sum() + 1e-12


def test_with_a_range_the_gradient_of_the_support_function_is_in_reach_without_one():
    x = pictures(4, SHAPE, seed=12, dark=0.2)
    c = torch.randn(4, 1, *SHAPE, generator=torch.Generator().manual_seed(2), dtype=torch.float64, requires_grad=True)
    value = WassersteinBall(0.3).at(x).support_function(c)[:, 0]
    (slope,) = torch.autograd.grad(value.sum(), c)
    assert WassersteinBall(0.3 + 1e-9, within=None).at(x).contains(slope[:, 0]).all()


@pytest.mark.parametrize("within", [None, (0.0, 1.0)])
def test_rows_have_the_range_of_both_supports(within):
    x = pictures(3, SHAPE, seed=13)
    S = WassersteinBall(0.2, within=within).at(x)
    z = S.project(far(x, 1.0))
    c = torch.randn(3, 1, *SHAPE, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    value = (c[:, 0] * z).flatten(1).sum(1)
    assert (value <= S.support_function(c)[:, 0] + 1e-12).all()
    assert (-value <= S.support_function(-c)[:, 0] + 1e-12).all()


@pytest.mark.parametrize("within", [None, (0.0, 1.0)])
def test_no_member_leaves_the_bounding_box(within):
    x = pictures(20, SHAPE, seed=14)
    S = WassersteinBall(0.1, within=within).at(x)
    box = S.bounding_box()
    axes = torch.eye(16, dtype=torch.float64).view(1, 16, *SHAPE).expand(20, -1, -1, -1, -1)
    assert (S.support_function(axes) >= 0).all()
    for seed in range(4):
        for z in (S.project(far(x, 10.0 ** (seed - 1), seed)), S.sample(Noise.of(seed, torch.arange(20)))):
            assert ((z >= box.lower) & (z <= box.upper)).all()


@pytest.mark.parametrize("step", [1e-6, 0.1])
@pytest.mark.parametrize("within", [None, (0.0, 1.0)])
def test_images_that_are_nearest_at_rest_are_found_soon(step, within, monkeypatch):
    rounds = []
    monkeypatch.setattr(transport, "advance", lambda *args: (rounds.append(1), advance(*args))[1])
    x = pictures(3, (1, 12, 12), seed=20) * 0.5
    for z in (x + step, x - step, x + step * (x > 0)):
        torch.testing.assert_close(WassersteinBall(0.1, within=within).at(x).project(z), x, rtol=0, atol=2 * step)
    assert len(rounds) < 150


def test_other_precisions_have_the_same_members():
    x = pictures(3, SHAPE, seed=21).float()
    S = WassersteinBall(0.2).at(x)
    wide = S.to(torch.float64)
    assert wide.start.dtype == wide.radius.dtype == torch.float64
    assert wide.contains(S.sample(Noise.of(0, torch.arange(3))).double(), 1e-6).all()


@pytest.mark.parametrize("heading", ["l2", "sign", "wasserstein"])
def test_steps_along_what_is_no_number_go_nowhere(heading):
    x = pictures(20, (1, 9, 9), seed=22)
    S = WassersteinBall(0.2, heading=heading).at(x)
    gradient = torch.full_like(x, math.nan)
    gradient[1::2] = 0.0
    gradient[1::2, 0, 0, 0] = math.inf
    z = S.steepest_step(x, gradient, 0.1 * S.step_unit, Noise.of(0, torch.arange(20)))
    assert torch.equal(z[::2], x[::2]) if heading == "sign" else z[::2].isnan().all()
    assert S.project(z)[::2].isnan().all() == (heading != "sign")


def test_points_and_directions_of_another_shape_are_refused():
    S = WassersteinBall(0.1).at(pictures(2, (1, 6, 6), seed=23))
    for z in (torch.zeros(2, 1, 5, 5), torch.zeros(1, 1, 6, 6), torch.zeros(1, 6, 6)):
        with pytest.raises(ShapeError, match="not of the sets' shape"):
            S.contains(z.double())
    with pytest.raises(ShapeError, match="not of the sets' shape"):
        S.support_function(torch.zeros(2, 1, 1, 5, 5, dtype=torch.float64))


def test_proofs_allow_for_what_counts_as_rounding():
    x = pictures(1, (1, 12, 12), seed=24)
    S = WassersteinBall(0.0).at(x)
    network = nn.Sequential(nn.Flatten(), nn.Linear(144, 2)).double()
    with torch.no_grad():
        network[1].weight.copy_(torch.stack([-torch.ones(144), torch.zeros(144)]))
        network[1].bias.copy_(torch.tensor([1e-8 + float(x.sum()), 0.0]))
    z = x + 0.9 * S.blur[0]
    assert S.contains(z).all()
    spec = LinearSpec.margins(torch.tensor([0]), 2, torch.float64)
    for bounder in (BackwardLinear(), Interval(), ForwardLinear()):
        lower = bounder(capture(network, x).frozen(), S, spec).lower
        assert (network(z)[0, 0] - network(z)[0, 1] >= lower).all()


def test_plans_say_where_the_mass_of_a_projection_comes_from():
    x = pictures(3, SHAPE, seed=15)
    S = WassersteinBall(0.3).at(x)
    plan = S.plan(far(x, 1.0))
    made = S.grid.inside(images(plan, S.grid)) * S.total[:, None]
    torch.testing.assert_close(made.view_as(x), S.project(far(x, 1.0)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("heading", ["sign", "l2"])
def test_steps_are_measured_in_units_of_the_input(heading):
    x = pictures(3, SHAPE, seed=16)
    S = replace(WassersteinBall(0.3, heading=heading).at(x), radius=torch.full((3,), 0.01, dtype=torch.float64))
    assert torch.equal(S.step_unit, torch.ones(3, dtype=torch.float64))
    gradient = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    move = (S.steepest_step(x, gradient, 0.1 * S.step_unit, Noise.of(0, torch.arange(3))) - x).flatten(1)
    size = move.abs().amax(1) if heading == "sign" else move.norm(dim=1)
    torch.testing.assert_close(size, torch.full((3,), 0.1, dtype=torch.float64))


def test_a_step_by_transport_costs_its_length_and_climbs_most():
    x = pictures(3, SHAPE, seed=17, dark=0)
    S = WassersteinBall(0.3, within=None, heading="wasserstein").at(x)
    gradient = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    z = S.steepest_step(x, gradient, torch.full((3,), 0.1, dtype=torch.float64), Noise.of(0, torch.arange(3)))
    torch.testing.assert_close(S.distance(z), torch.full((3,), 0.1, dtype=torch.float64), rtol=1e-6, atol=0)
    best = WassersteinBall(0.1, within=None).at(x).support_function(gradient.unsqueeze(1))[:, 0]
    torch.testing.assert_close((gradient * z).flatten(1).sum(1), best, rtol=1e-9, atol=0)


def test_costs_keep_all_their_digits():
    x = torch.zeros(1, 1, 2, 2, dtype=torch.float64)
    x[0, 0, 0, 0] = 1
    S = WassersteinBall(1.0, window=3, within=None).at(x)
    z = S.project(x.flip(2, 3) * 9)
    assert 1 - z[0, 0, 0, 0] <= (1 + 1e-12) / math.sqrt(2)
    assert S.grid.cost.max() == math.sqrt(2)


def test_a_wide_range_does_not_blur_membership():
    x, far = drawn(3, 1, 5, 5).float(), 100 * drawn(3, 1, 5, 5, seed=1).float()
    for most in (1.0, 1e3, 1e38):
        assert not WassersteinBall(0.0, within=(0.0, most)).at(x).contains(far).any()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("eps", [1.0, 5.0])
def test_mass_that_piles_up_without_a_range_is_a_member_still(dtype, eps):
    x = (0.2 * drawn(20, 1, 6, 6)).to(dtype)
    S = WassersteinBall(eps, within=None).at(x)
    z = S.project(x + 40 * (drawn(20, 1, 6, 6, seed=1) - 0.5).to(dtype))
    assert S.contains(z).all()
    assert torch.equal(S.project(z), z)


@pytest.mark.parametrize("eps", [0.3, 1.0, 3.0])
def test_full_pixels_that_are_worth_the_same_are_not_counted_twice(eps):
    x = torch.ones(1, 1, 6, 6, dtype=torch.float64)
    x[0, 0, 2:4, 2:4] = 0
    hole = (1 - x)[:, None]
    assert WassersteinBall(eps).at(x).support_function(hole).item() == pytest.approx(4.0)


@pytest.mark.parametrize("eps", [0.05, 0.3, 1.0, 3.0])
def test_the_support_function_is_no_worse_than_the_box(eps):
    x = (3 * drawn(40, 1, 5, 5, seed=2)).clamp(max=1)
    S = WassersteinBall(eps).at(x)
    for c in (drawn(40, 3, 1, 5, 5, seed=3) - 0.5, (drawn(40, 3, 1, 5, 5, seed=4) - 0.5).sign()):
        box = S.bounding_box()
        most = torch.where(c > 0, box.upper[:, None], box.lower[:, None]).mul(c).flatten(2).sum(2)
        assert (S.support_function(c) <= most + 1e-12).all()


def test_points_a_rounding_outside_are_projected_in_few_rounds(monkeypatch):
    x = drawn(6, 1, 5, 5).float()
    S = WassersteinBall(0.05).at(x)
    z = S.project(x + 0.3 * (drawn(6, 1, 5, 5, seed=1).float() - 0.5).sign())
    monkeypatch.setattr("hauberk.sets.transport.MOST", 60)
    p = S.project(z + 1e-7 * (drawn(6, 1, 5, 5, seed=2).float() - 0.5))
    assert S.contains(p).all()
    assert (p - z).abs().max() < 1e-6


def test_wishes_without_bounds_have_an_answer_for_either_projection():
    x = drawn(2, 1, 4, 4)
    for projection in ("exact", "entropic"):
        S = WassersteinBall(0.1, projection=projection).at(x)
        assert S.contains(S.project(torch.full_like(x, math.inf))).all()
