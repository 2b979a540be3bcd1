"""Sums over rows by torch's own operations, in one run or many, against the formula and its gradient by autograd."""

import pytest
import torch

from hauberk.kernels import plain_rows
from hauberk.kernels.plain_rows import PlainDots

R, T, N = 7, 3, 11


@pytest.mark.parametrize("at_once", [1, 2 * N, 2**23])
@pytest.mark.parametrize("present", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_sums_and_gradients_are_those_of_the_formula(present, dtype, at_once, monkeypatch):
    monkeypatch.setattr(plain_rows, "AT_ONCE", at_once)
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(R, N, generator=generator, dtype=dtype).requires_grad_()
    index = torch.randint(T, (R,), generator=generator)
    tables = [
        torch.randn(T, N, generator=generator, dtype=dtype).requires_grad_() if here else None for here in present
    ]
    weights = torch.randn(R, 2, generator=generator, dtype=torch.float64)
    found = PlainDots.apply(values, index, *tables)
    columns = [
        torch.zeros(R, dtype=torch.float64) if table is None else (side * table[index]).double().sum(1)
        for side, table in zip((values, values.abs()), tables, strict=True)
    ]
    expected = torch.stack(columns, 1)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)
    needed = [values, *(table for table in tables if table is not None)]
    for own, other in zip(
        torch.autograd.grad((found * weights).sum(), needed),
        torch.autograd.grad((expected * weights).sum(), needed),
        strict=True,
    ):
        torch.testing.assert_close(own, other, rtol=0, atol=tolerance)


def test_no_row_has_no_sum():
    assert PlainDots.apply(torch.zeros(0, N), torch.zeros(0, dtype=torch.long), torch.ones(T, N), None).shape == (0, 2)
