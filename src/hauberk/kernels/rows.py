"""The operations of bound passes on rows of coefficients, in one pass over memory instead of a dozen.

Row i of `values` goes with row `index[i]` of every table. Sums run in float64, whatever the tensors' precision.
"""

from importlib.util import find_spec
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.kernels.plain_rows import PlainDots, PlainPass

COMPILED = find_spec("numba") is not None
"""True if CPU tensors go to the compiled twins; the plain functions compute the same."""

Table = Float[Tensor, "t n"]


def dots(
    values: Float[Tensor, "r n"], index: Int[Tensor, "r"], center: Table | None, radius: Table | None
) -> Float[Tensor, "r 2"]:
    """Return the sums of v * center and |v| * radius for every row; a table that is None counts as zero."""
    if values.device.type == "cpu" and COMPILED:
        return Pass.apply(values, index, None, None, center, center, radius)[1]
    return PlainDots.apply(values, index, center, radius)


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
    twin = Pass if values.device.type == "cpu" and COMPILED else PlainPass
    return twin.apply(values, index, *tables)


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
