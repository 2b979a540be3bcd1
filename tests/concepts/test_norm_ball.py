"""Projections onto hyperplanes within the range of valid inputs, against linear and quadratic programs."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize

from hauberk.errors import UnsupportedSetError
from hauberk.searches.required import require_ball, require_norm
from hauberk.sets.moves import FIRST
from hauberk.threats import L0Ball, L1Ball, L2Ball, LinfBall, Union
from laws.instances import label

DTYPE = torch.float64
B, D = 8, 12
BALLS = pytest.mark.parametrize("threat", [LinfBall(0.1), L2Ball(0.1), L1Ball(0.1)], ids=label)


def problems(seed, d=D, dtype=DTYPE):
    """Points, some of them on the range's ends, normals with zeros and ties, and offsets that need moves either way."""
    generator = torch.Generator().manual_seed(seed)
    z = (1.4 * torch.rand(B, d, generator=generator, dtype=DTYPE) - 0.2).clamp(0, 1)
    w = torch.randn(B, d, generator=generator, dtype=DTYPE)
    w[1] = w[1].round()
    w[2] = w[2].sign()
    w[3] = torch.exp(4 * w[3])
    ends = torch.stack([(w.clamp(max=0)).sum(1), (w.clamp(min=0)).sum(1)])
    share = torch.tensor([0.1, 0.4, 0.9, 0.99, 0.5, 0.7, 0.2, 0.01], dtype=DTYPE)
    offset = torch.lerp(ends[0], ends[1], share)
    return z.to(dtype), w.to(dtype), offset.to(dtype)


def least(p, z, w, offset):
    """Return the distance in l_p from z to the hyperplane within [0, 1], by a solver."""
    d = len(z)
    if p == 2.0:
        found = minimize(
            lambda v: 0.5 * ((v - z) ** 2).sum(),
            np.full(d, 0.5),
            jac=lambda v: v - z,
            bounds=[(0, 1)] * d,
            constraints={"type": "eq", "fun": lambda v: w @ v - offset, "jac": lambda v: w},
            options={"ftol": 1e-15, "maxiter": 500},
        )
        return np.linalg.norm(found.x - z)
    slacks = 1 if p == float("inf") else d
    cover = -np.ones((d, 1)) if slacks == 1 else -np.eye(d)
    rows = np.block([[np.eye(d), cover], [-np.eye(d), cover]])
    found = linprog(
        [0.0] * d + [1.0] * slacks,
        rows,
        np.concatenate([z, -z]),
        np.concatenate([w, np.zeros(slacks)])[None],
        [offset],
        [(0, 1)] * d + [(0, None)] * slacks,
    )
    return found.fun


@BALLS
@pytest.mark.parametrize("seed", [1, 2])
def test_meeting_points_are_as_near_as_a_solvers(threat, seed):
    z, w, offset = problems(seed)
    S = threat.at(z)
    met = S.meet(z, w, offset)
    assert ((met >= 0) & (met <= 1)).all()
    torch.testing.assert_close((w * met).sum(1), offset, rtol=1e-9, atol=1e-9)
    solved = [least(S.p, *(t[i].numpy() for t in (z, w, offset))) for i in range(B)]
    assert S.distance(met).tolist() == pytest.approx(solved, abs=1e-5)
    assert S.distance(met).max() > 0.05


@pytest.mark.parametrize("threat", [LinfBall(0.1), L2Ball(0.1), L1Ball(0.1), L0Ball(3)], ids=label)
def test_the_nearest_corner_where_range_and_hyperplane_do_not_meet(threat):
    z, w, _ = problems(3)
    S = threat.at(z)
    for side, corner in ((1, w > 0), (-1, w < 0)):
        met = S.meet(z, w, torch.full((B,), 1e6 * side, dtype=DTYPE))
        torch.testing.assert_close(met, torch.where(w == 0, z, corner.to(DTYPE)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("threat", [LinfBall(0.1), L2Ball(0.1), L1Ball(0.1), L0Ball(3)], ids=label)
def test_points_of_the_hyperplane_stay_and_a_zero_normal_moves_nothing(threat):
    z, w, _ = problems(4)
    S = threat.at(z)
    torch.testing.assert_close(S.meet(z, w, (w * z).sum(1)), z, rtol=0, atol=1e-12)
    assert torch.equal(S.meet(z, torch.zeros_like(w), torch.ones(B, dtype=DTYPE)), z)


@pytest.mark.parametrize("threat", [LinfBall(0.1, None), L2Ball(0.1, None), L1Ball(0.1, None)], ids=label)
def test_without_a_range_the_distance_is_the_lack_over_the_dual_norm(threat):
    z, w, offset = problems(5)
    S = threat.at(z)
    lack = (offset - (w * z).sum(1)) / (w * S.dual_vector(w)).sum(1)
    met = S.meet(z, w, offset)
    torch.testing.assert_close(S.distance(met), lack.abs(), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close((w * met).sum(1), offset, rtol=1e-9, atol=1e-9)


@BALLS
@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_float32_projections_do_not_depend_on_the_size_of_the_normal(threat, scale):
    z, w, offset = problems(6, dtype=torch.float32)
    S = threat.at(z)
    torch.testing.assert_close(S.meet(z, w * scale, offset * scale), S.meet(z, w, offset), rtol=0, atol=1e-5)


@BALLS
def test_float32_projections_of_images_are_those_of_float64(threat):
    z, w, _ = problems(7, 784)
    reach = torch.where(w > 0, w * (1 - z), -w * z).sum(1)
    offset = (w * z).sum(1) + reach * torch.linspace(0.01, 0.95, B, dtype=DTYPE)
    S, single = threat.at(z), threat.at(z.float())
    met = S.meet(z, w, offset)
    torch.testing.assert_close((w * met).sum(1), offset, rtol=1e-9, atol=1e-9)
    lack = (w * single.meet(z.float(), w.float(), offset.float()).double()).sum(1) - offset
    assert (lack.abs() <= 1e-4 * reach).all()


def test_l0_moves_change_as_few_coordinates_as_an_exhaustive_order_does():
    z, w, offset = problems(8, 2 * FIRST)
    S = L0Ball(3).at(z)
    met = S.meet(z, w, offset)
    torch.testing.assert_close((w * met).sum(1), offset, rtol=1e-9, atol=1e-9)
    for i in range(B):
        need = offset[i] - w[i] @ z[i]
        gains = torch.maximum(need.sign() * w[i] * (1 - z[i]), -need.sign() * w[i] * z[i]).sort(descending=True).values
        assert S.distance(met)[i] == 1 + int((gains.cumsum(0) < need.abs() - 1e-12).sum())


def test_refusals_name_the_method_and_the_set():
    x = torch.rand(2, 4)
    union = Union([LinfBall(0.1)]).at(x)
    for ask in (require_ball, require_norm):
        with pytest.raises(UnsupportedSetError, match=r"Method is defined for .* any norm.*UnionSet.*EachMember"):
            ask(union, "Method")
    with pytest.raises(UnsupportedSetError, match=r"Method.*the l_2 norm.*p = 1: .*SparseAPGD"):
        require_ball(L1Ball(1.0).at(x), "Method", 2.0)
    with pytest.raises(UnsupportedSetError, match=r"Method needs a dual norm.*p = 0"):
        require_norm(L0Ball(1).at(x), "Method")
