"""The operations of `rows`, computed with torch's own: some rows at a time, and nothing kept but what was given.

Autograd would keep five more tensors of the size of the rows, which makes most of the memory of a training step.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

AT_ONCE = 2**23
"""The numbers that are handled at once; more of them would fill the memory with intermediate results."""


def plain(
    values: Tensor,
    index: Tensor,
    lower_slope: Tensor | None,
    upper_slope: Tensor | None,
    lower_intercept: Tensor | None,
    upper_intercept: Tensor | None,
    radius: Tensor | None,
) -> tuple[Tensor | None, Tensor]:
    """Return the same as `relax`, computed with torch's own operations; rows are None without slopes."""
    out = None
    if lower_slope is not None and upper_slope is not None:
        out = values * torch.where(values > 0, lower_slope[index], upper_slope[index])
    if lower_intercept is not None and lower_intercept is upper_intercept:
        center = weighted(values, index, lower_intercept)
    else:
        below = weighted(values.clamp(min=0), index, lower_intercept) if lower_intercept is not None else 0
        center = below + weighted(values.clamp(max=0), index, upper_intercept)
    return out, torch.stack([center, weighted(values.abs(), index, radius)], 1)


def weighted(values: Tensor, index: Tensor, table: Float[Tensor, "t n"] | None) -> Float[Tensor, "r"]:
    """Return the sum of v * table for every row; zero without a table."""
    if table is None:
        return values.new_zeros(len(values), dtype=torch.float64)
    return (values * table[index]).sum(1, dtype=torch.float64)


class PlainPass(torch.autograd.Function):
    """`plain`, with its gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, index: Tensor, *tables: Tensor | None) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(values, index, *tables)
        if values.numel() <= AT_ONCE:
            out, constants = plain(values, index, *tables)  # pyright: ignore[reportCallIssue]
            return values.new_empty(0, 0) if out is None else out, constants
        out = values.new_empty(0, 0) if tables[0] is None else torch.empty_like(values)
        constants = values.new_empty(len(values), 2, dtype=torch.float64)
        for part in parts(values):
            rows, constants[part] = plain(values[part], index[part], *tables)  # pyright: ignore[reportCallIssue]
            if rows is not None:
                out[part] = rows
        return out, constants

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_out: Tensor, grad_constants: Tensor) -> tuple[Tensor | None, ...]:
        values, index, *tables = ctx.saved_tensors
        wanted, _, *of_tables = ctx.needs_input_grad
        grads = zeros(tables, of_tables)
        total = torch.zeros_like(values) if wanted else None
        for part in parts(values):
            center, spread = grad_constants[part].to(values.dtype).split(1, 1)
            own = None if total is None else total[part]
            given = grad_out[part] if tables[0] is not None else grad_out
            for side, table, grad, factor in zip(
                sides(values[part]), tables, grads, (given, given, center, center, spread), strict=True
            ):
                if grad is not None:
                    grad.index_add_(0, index[part], side[0]().mul_(factor))
                if table is not None and own is not None:
                    own.addcmul_(table[index[part]].mul_(side[1]()), factor)
        return total, None, *grads


def zeros(tables: Sequence[Tensor | None], needed: Sequence[bool]) -> list[Tensor | None]:
    """Return zeros for each table that needs a gradient."""
    return [torch.zeros_like(t) if t is not None and need else None for t, need in zip(tables, needed, strict=True)]


def parts(values: Float[Tensor, "r n"]) -> Iterator[slice]:
    """Yield runs of rows with at most `AT_ONCE` numbers, or of one row."""
    limit = chunk(values)
    return (slice(start, start + limit) for start in range(0, len(values), limit))


def chunk(values: Float[Tensor, "r n"]) -> int:
    """Return the number of rows that are handled at once."""
    return max(1, AT_ONCE // max(1, values.shape[1]))


def sides(values: Float[Tensor, "r n"]) -> list[tuple[Callable[[], Tensor], Callable[[], Tensor]]]:
    """Return what each table is multiplied with, and the derivative of that."""
    positive = partial(values.clamp, min=0), partial(values.gt, 0)
    negative = partial(values.clamp, max=0), partial(values.le, 0)
    return [positive, negative, positive, negative, (values.abs, values.sign)]


class PlainDots(torch.autograd.Function):
    """The sums of v * center and |v| * radius for every row, with their gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, index: Tensor, center: Tensor | None, radius: Tensor | None) -> Tensor:
        ctx.save_for_backward(values, index, center, radius)
        sums = [
            torch.stack([weighted(v, i, center), weighted(v if radius is None else v.abs(), i, radius)], 1)
            for v, i in zip(*(t.split(chunk(values)) for t in (values, index)), strict=True)
        ]
        return sums[0] if len(sums) == 1 else torch.cat(sums)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        values, index, *tables = ctx.saved_tensors
        wanted, _, *of_tables = ctx.needs_input_grad
        grads = zeros(tables, of_tables)
        total = torch.zeros_like(values) if wanted else None
        for part in parts(values):
            v, place, factors = values[part], index[part], grad[part].to(values.dtype).split(1, 1)
            for of, table, gradient, factor in zip((None, v), tables, grads, factors, strict=True):
                if gradient is not None:
                    gradient.index_add_(0, place, (v if of is None else v.abs()) * factor)
                if table is not None and total is not None:
                    slope = table[place] if of is None else table[place].mul_(v.sign())
                    total[part].addcmul_(slope, factor)
        return total, None, *grads
