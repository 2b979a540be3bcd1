"""The compiled row loops against torch's own operations."""

import itertools

import pytest
import torch

from hauberk.kernels import plain_rows
from hauberk.kernels import rows as kernel

pytest.importorskip("numba")
R, T, N = 7, 3, 37
TABLES = ("lower_slope", "upper_slope", "lower_intercept", "upper_intercept", "radius")
PRESENT = [
    {"lower_slope", "upper_slope", *rest}
    for size in range(4)
    for rest in itertools.combinations(TABLES[2:], size)
    if "lower_intercept" not in rest or "upper_intercept" in rest
]
PRESENT += [{"lower_intercept", "upper_intercept"}, {"radius"}, {"lower_intercept", "upper_intercept", "radius"}]


def problem(present, dtype):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(R, N, generator=generator, dtype=dtype)
    values[0, :5] = 0
    index = torch.randint(T, (R,), generator=generator)
    tables = [torch.randn(T, N, generator=generator, dtype=dtype) if name in present else None for name in TABLES]
    return values, index, tables


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("present", PRESENT, ids=lambda names: "+".join(sorted(names)))
@pytest.mark.parametrize("twin", [kernel.Pass, plain_rows.PlainPass])
def test_loops_agree_with_plain_ones_and_autograd(present, dtype, twin):
    values, index, tables = problem(present, dtype)
    needed = [t.requires_grad_() for t in (values, *tables) if t is not None]
    results = [twin.apply(values, index, *tables), plain_rows.plain(values, index, *tables)]
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(R, N, generator=generator, dtype=dtype)
    other = torch.randn(R, 2, generator=generator, dtype=torch.float64)
    losses = [(sums * other).sum() + (0 if tables[0] is None else (out * weights).sum()) for out, sums in results]
    gradients = [torch.autograd.grad(loss, needed) for loss in losses]
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(results[0][1], results[1][1], rtol=0, atol=tolerance)
    if tables[0] is not None:
        torch.testing.assert_close(results[0][0], results[1][0], rtol=0, atol=tolerance)
    for own, plain in zip(*gradients, strict=True):
        # A coefficient of exactly zero stands on a kink: either side's slope is right.
        differ = (own - plain).abs() > tolerance
        assert not (differ & (values != 0)).any() if own.shape == values.shape else not differ.any()


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_what_is_no_number_stays_none(poison):
    values, index, tables = problem(set(TABLES), torch.float64)
    values[3, 4] = poison
    for out, sums in (kernel.Pass.apply(values, index, *tables), plain_rows.plain(values, index, *tables)):
        assert not out[3, 4].isfinite()
        assert not sums[3].isfinite().all()
        assert out[:3].isfinite().all()


def test_the_plain_twin_keeps_nothing_but_what_it_was_given():
    values, index, tables = problem(set(TABLES), torch.float32)
    given = [t.requires_grad_() for t in (values, *tables)]
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.data_ptr()), lambda _: None):
        plain_rows.PlainPass.apply(values, index, *tables)
    assert set(kept) == {t.data_ptr() for t in (*given, index)}


@pytest.mark.parametrize("present", [set(TABLES), {"radius"}], ids=len)
def test_a_few_rows_at_a_time_make_no_difference(monkeypatch, present):
    values, index, tables = problem(present, torch.float64)
    needed = [t.requires_grad_() for t in (values, *tables) if t is not None]
    found = []
    for at_once in (R * N, 2 * N, 1):
        monkeypatch.setattr(plain_rows, "AT_ONCE", at_once)
        out, sums = plain_rows.PlainPass.apply(values, index, *tables)
        found.append([out, sums, *torch.autograd.grad(out.sum() + sums.square().sum(), needed)])
    for few in found[1:]:
        for a, b in zip(found[0], few, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_without_numba_the_plain_loops_run(monkeypatch):
    values, index, tables = problem(set(TABLES), torch.float64)
    fast = kernel.relax(values, index, *tables)
    monkeypatch.setattr(kernel, "COMPILED", False)
    for a, b in zip(fast, kernel.relax(values, index, *tables), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        kernel.dots(values, index, tables[2], tables[4])[:, 0], (values * tables[2][index]).sum(1), rtol=0, atol=1e-12
    )
