import math

import pytest
import torch

from hauberk.kernels import transport, transport_bids, transport_support
from hauberk.kernels.transport_grid import grid
from hauberk.sets import transport_limits

SHAPE = (2, 5, 6)
TABLE = tuple(tuple(math.hypot(a, b) for b in (-2, -1, 0, 1, 2)) for a in (-2, -1, 0, 1, 2))
B, N = 6, 60


@pytest.fixture
def geometry():
    return grid(SHAPE, TABLE, torch.device("cpu"))


def drawn(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def masses(seed=0):
    mass = drawn(B, N, seed=seed) * (drawn(B, N, seed=seed + 1) > 0.4)
    return mass / mass.sum(1, keepdim=True)


def plans(geometry, mass, seed=5):
    inside = geometry.padded(torch.ones(1, N))[0, geometry.window] > 0
    plan = drawn(B, N, len(geometry.cost), seed=seed) * inside
    return plan * (mass / plan.sum(2))[:, :, None]


def plainly(monkeypatch, *modules):
    for module in modules:
        monkeypatch.setattr(module, "COMPILED", False)


def test_windows_stay_in_the_image_and_in_the_channel(geometry):
    pads = geometry.padded(torch.arange(1.0, N + 1)[None])[0, geometry.window]
    assert geometry.window.min() >= 0
    assert geometry.window.max() < geometry.length
    channel = torch.where(pads > 0, (pads - 1) // 30, -1)
    own = (torch.arange(N) // 30)[:, None]
    assert ((channel == own) | (channel == -1)).all()
    assert pads[0].count_nonzero() == 9  # a corner
    assert pads[14].count_nonzero() == 25


def test_windows_of_a_colour_do_not_meet(geometry):
    assert torch.equal(geometry.order.sort().values, torch.arange(N))
    for colour in geometry.colours:
        places = geometry.window[colour].flatten()
        assert len(places.unique()) == len(places)


def test_levels_are_the_different_costs(geometry):
    assert torch.equal(geometry.level_cost, geometry.cost.unique())


@pytest.mark.parametrize("cap", [math.inf, 0.05])
def test_compiled_and_plain_descents_agree(geometry, cap, monkeypatch):
    mass = masses()
    args = {
        "wanted": geometry.padded(mass + 0.05 * (drawn(B, N, seed=3) - 0.5), -math.inf),
        "mass": mass,
        "cap": torch.full((B,), cap, dtype=torch.float64),
        "price": torch.linspace(0, 0.02, B, dtype=torch.float64),
        "stiffness": torch.full((B,), 2.0, dtype=torch.float64),
        "grid": geometry,
    }

    def run(passes):
        plan = plans(geometry, mass)
        arrived, excess = transport.images(plan, geometry), torch.zeros(B, geometry.length, dtype=torch.float64)
        for _ in range(2):
            transport.descend(plan, arrived, excess, passes=passes, **args)
        return plan, arrived, excess

    compiled = run(3)
    plainly(monkeypatch, transport)
    for found, plain in zip(compiled, run(3), strict=True):
        torch.testing.assert_close(found, plain, rtol=0, atol=1e-12)
    torch.testing.assert_close(compiled[0].sum(2), mass, rtol=0, atol=1e-14)
    torch.testing.assert_close(compiled[1], transport.images(compiled[0], geometry), rtol=0, atol=1e-13)
    assert cap == math.inf or compiled[2].count_nonzero() > 0


def test_a_descent_lowers_the_objective(geometry):
    mass, price = masses(), torch.full((B,), 0.005, dtype=torch.float64)
    wanted = geometry.padded(mass + 0.05 * (drawn(B, N, seed=3) - 0.5), -math.inf)
    plan = plans(geometry, mass)
    arrived, excess = transport.images(plan, geometry), torch.zeros(B, geometry.length, dtype=torch.float64)
    infinite, stiff = torch.full((B,), math.inf, dtype=torch.float64), torch.ones(B, dtype=torch.float64)

    def objective():
        apart = geometry.inside(wanted - arrived).square().sum(1) / 2
        return apart + price * (plan * geometry.cost).sum((1, 2))

    for passes in (1, 1, 2, 8):
        before = objective()
        transport.descend(plan, arrived, excess, wanted, mass, infinite, price, stiff, geometry, passes)
        assert (objective() < before).all()


def test_compiled_and_plain_gains_agree(geometry, monkeypatch):
    mass, plan = masses(), plans(geometry, masses())
    args = plan, geometry.padded(drawn(B, N, seed=8), -math.inf), mass, drawn(B, seed=9), geometry
    compiled = transport.priced(*args)
    plainly(monkeypatch, transport)
    for found, plain in zip(compiled, transport.priced(*args), strict=True):
        torch.testing.assert_close(found, plain, rtol=0, atol=1e-13)
    torch.testing.assert_close(compiled[0], (plan * geometry.cost).sum((1, 2)), rtol=0, atol=1e-13)


@pytest.mark.parametrize("radius", [0.0, 0.01, 0.5, 9.0])
def test_compiled_and_plain_supports_and_maximisers_agree(geometry, radius, monkeypatch):
    values, owner = drawn(20, N, seed=4) - 0.5, torch.arange(20) % B
    mass, radii = masses(), torch.full((B,), radius, dtype=torch.float64)
    args = values, owner, mass, radii
    compiled = transport_support.support_and_price(*args, geometry)
    best = transport_support.maximisers(*args, compiled[:, 1].contiguous(), geometry)
    plainly(monkeypatch, transport_support)
    plain = transport_support.support_and_price(*args, geometry)
    torch.testing.assert_close(compiled[:, 0], plain[:, 0], rtol=0, atol=1e-12)
    other = transport_support.maximisers(*args, compiled[:, 1].contiguous(), geometry)
    torch.testing.assert_close(best, other, rtol=0, atol=1e-12)
    torch.testing.assert_close((best * values).sum(1), compiled[:, 0], rtol=0, atol=1e-9)


@pytest.fixture
def full():
    """Return rows of values and their owners, masses, and caps that some rows fill."""
    mass = masses()
    cap = mass.amax(1) * torch.linspace(1, 1.5, B, dtype=torch.float64)
    return drawn(20, N, seed=4) - 0.5, torch.arange(20) % B, mass, cap


@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_compiled_and_plain_bids_agree(geometry, full, margin, monkeypatch):
    monkeypatch.setattr(transport_bids, "SWEEPS", 1)  # later ones meet ties, which rounding breaks
    values, owner, mass, cap = full

    def bids():
        toll, price = torch.zeros_like(values), torch.linspace(0, 0.5, 20, dtype=torch.float64)
        moved = transport_bids.bid(values, owner, mass, cap, price, torch.full((20,), margin).double(), toll, geometry)
        return toll, moved

    compiled = bids()
    plainly(monkeypatch, transport_bids)
    for found, plain in zip(compiled, bids(), strict=True):
        torch.testing.assert_close(found, plain, rtol=0, atol=1e-12)
    assert compiled[0].count_nonzero() > 0


@pytest.mark.parametrize("radius", [0.1, 0.5])
def test_tolls_lower_the_bound_and_the_plain_ones_about_as_much(geometry, full, radius, monkeypatch):
    values, owner, mass, cap = full
    radii = torch.full((B,), radius, dtype=torch.float64)

    def bound(toll):
        return transport_support.support(values - toll, owner, mass, radii, geometry) + cap[owner] * toll.sum(1)

    free, compiled = bound(torch.zeros_like(values)), bound(transport_bids.tolls(*full, radii, geometry))
    plainly(monkeypatch, transport_bids)
    plain = bound(transport_bids.tolls(*full, radii, geometry))
    assert (compiled <= free + 1e-15).all()
    assert (compiled < free - 1e-6).any()
    assert abs((plain - compiled).sum()) <= 0.1 * (free - compiled).sum()


def test_nobody_tolls_where_no_pixel_overflows_or_values_are_no_numbers(geometry):
    values, owner, mass = drawn(B, N, seed=4), torch.arange(B), masses()
    radii = torch.full((B,), 0.1, dtype=torch.float64)
    for cap in (math.inf, 1.0):
        free = transport_bids.tolls(values, owner, mass, torch.full((B,), cap).double(), radii, geometry)
        assert not free.any()
    values[0, 0], values[1, 3] = math.nan, math.inf
    tolls = transport_bids.tolls(values, owner, mass, mass.amax(1), radii, geometry)
    assert not tolls[:2].any()
    assert tolls.isfinite().all()
    assert transport_support.support(values, owner, mass, radii, geometry)[:2].isnan().all()


@pytest.mark.parametrize("rounds", [1, 2, 60])
def test_compiled_and_plain_plans_below_the_cap_agree(geometry, rounds):
    mass = masses()
    plan, cap = plans(geometry, mass), mass.amax(1) * torch.linspace(1, 1.2, B, dtype=torch.float64)
    before = plan.clone()
    found = transport_limits.within_cap(plan, mass, cap, geometry, rounds)
    plain = transport_limits.plain_within_cap(plan, mass, cap, geometry, rounds)
    torch.testing.assert_close(found, plain, rtol=0, atol=1e-13)
    assert torch.equal(plan, before)
    full = geometry.inside(transport.images(found, geometry))
    assert (full <= cap[:, None] * (1 + 1e-13)).all()
    assert (found[:, :, 1:] <= before[:, :, 1:]).all()
    torch.testing.assert_close(found.sum(2), mass, rtol=0, atol=1e-15)
