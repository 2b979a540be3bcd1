"""The operations of bound passes on rows of coefficients, in one pass over memory instead of a dozen.

Row i of `values` goes with row `index[i]` of every table. Sums run in float64, whatever the tensors' precision.
"""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

COMPILED = find_spec("numba") is not None
"""True if CPU tensors go to the compiled twins; the plain functions compute the same."""

AT_ONCE = 2**23
"""The numbers that plain loops handle at once; more of them would fill the memory with intermediate results."""

Table = Float[Tensor, "t n"]


def dots(
    values: Float[Tensor, "r n"], index: Int[Tensor, "r"], center: Table | None, radius: Table | None
) -> Float[Tensor, "r 2"]:
    """Return the sums of v * center and |v| * radius for every row; a table that is None counts as zero."""
    tables = (None, None, center, center, radius)
    return chosen(values).apply(values, index, *tables)[1]


def relax(
    values: Float[Tensor, "r n"],
    index: Int[Tensor, "r"],
    lower_slope: Table,
    upper_slope: Table,
    lower_intercept: Table | None,
    upper_intercept: Table,
    radius: Table | None,
) -> tuple[Float[Tensor, "r n"], Float[Tensor, "r 2"]]:
    """Return the rows pulled back through an element-wise node, and their constants.

    Positive coefficients take the lower line, negative ones the upper: `v * slope`, and the sum of `v * intercept`; the
    second constant is the sum of |v| * radius.
    """
    tables = (lower_slope, upper_slope, lower_intercept, upper_intercept, radius)
    return chosen(values).apply(values, index, *tables)


def chosen(values: Tensor) -> "type[Pass | PlainPass]":
    """Return the twin for the device of the rows."""
    return Pass if values.device.type == "cpu" and COMPILED else PlainPass


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


def weighted(values: Tensor, index: Tensor, table: Table | None) -> Float[Tensor, "r"]:
    """Return the sum of v * table for every row; zero without a table."""
    if table is None:
        return values.new_zeros(len(values), dtype=torch.float64)
    return (values * table[index]).sum(1, dtype=torch.float64)


class PlainPass(torch.autograd.Function):
    """`plain`, some rows at a time, with a gradient for which nothing is kept but what was given.

    Autograd would keep five more tensors of the size of the rows, which makes most of the memory of a training step.
    """

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
        grads = [
            torch.zeros_like(t) if t is not None and need else None for t, need in zip(tables, of_tables, strict=True)
        ]
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


def parts(values: Float[Tensor, "r n"]) -> Iterator[slice]:
    """Yield runs of rows with at most `AT_ONCE` numbers, or of one row."""
    limit = max(1, AT_ONCE // max(1, values.shape[1]))
    return (slice(start, start + limit) for start in range(0, len(values), limit))


def sides(values: Float[Tensor, "r n"]) -> list[tuple[Callable[[], Tensor], Callable[[], Tensor]]]:
    """Return what each table is multiplied with, and the derivative of that."""
    positive = partial(values.clamp, min=0), partial(values.gt, 0)
    negative = partial(values.clamp, max=0), partial(values.le, 0)
    return [positive, negative, positive, negative, (values.abs, values.sign)]


class Pass(torch.autograd.Function):
    """The compiled twin of `plain`, with its gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, index: Tensor, *tables: Tensor | None) -> tuple[Tensor, Tensor]:
        from hauberk.kernels.compiled_rows import pass_forward

        ctx.save_for_backward(values, index, *tables)
        constants = torch.empty(len(values), 2, dtype=torch.float64)
        out = torch.empty_like(values) if tables[0] is not None else values.new_empty(0, 0)
        pass_forward(*arrays(values, index, *tables), out.numpy(), constants.numpy())
        return out, constants

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_out: Tensor, grad_constants: Tensor) -> tuple[Tensor | None, ...]:
        from hauberk.kernels.compiled_rows import pass_backward

        values, index, *tables = ctx.saved_tensors
        wanted = ctx.needs_input_grad[2:]
        grads = [
            torch.zeros_like(t) if t is not None and want else None for t, want in zip(tables, wanted, strict=True)
        ]
        grad_values = torch.empty_like(values)
        pass_backward(
            *arrays(values, index, *tables, grad_out if tables[0] is not None else None),
            grad_constants.contiguous().numpy(),
            grad_values.numpy(),
            *arrays(*grads, dtype=values.dtype),
        )
        return grad_values, None, *grads


def arrays(*tensors: Tensor | None, dtype: torch.dtype | None = None) -> list[Any]:
    """Return the tensors as numpy arrays that share their memory; None becomes an empty array."""
    dtype = dtype or next(t.dtype for t in tensors if t is not None)
    empty = torch.empty(0, 0, dtype=dtype)
    return [(empty if t is None else t.detach().contiguous()).numpy() for t in tensors]
