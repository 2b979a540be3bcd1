"""Loops over rows for numba; imported only where it is installed.

Tables without elements stand for None. Sums may be reordered by the compiler; NaN and infinities keep their meaning.
"""
# pyright: reportMissingImports=false

from collections.abc import Callable
from inspect import unwrap
from typing import Any, TypeVar

from numba import njit

Array = Any
Result = TypeVar("Result")


def compiled(loop: Callable[..., Result]) -> Callable[..., Result]:
    """Compile the function itself, without any wrapper that a runtime type checker may have added."""
    return njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")(unwrap(loop))


def compiled_as_written(loop: Callable[..., Result]) -> Callable[..., Result]:
    """Return the loop, compiled with its sums in the order written: where an error is measured by undoing a sum."""
    return njit(cache=True, nogil=True, error_model="numpy")(unwrap(loop))


@compiled
def pass_forward(
    values: Array,
    index: Array,
    lo: Array,
    up: Array,
    below: Array,
    above: Array,
    radius: Array,
    out: Array,
    sums: Array,
) -> None:
    """Write the rows after a node to `out`, and their two constants to `sums`."""
    rows, n = values.shape
    for r in range(rows):
        t = index[r]
        center = 0.0
        spread = 0.0
        if lo.size:
            for j in range(n):
                v = values[r, j]
                a = lo[t, j]
                b = up[t, j]
                out[r, j] = v * (a if v > 0 else b)
        if above.size and below.size:
            for j in range(n):
                v = values[r, j]
                a = below[t, j]
                b = above[t, j]
                center += v * (a if v > 0 else b)
        elif above.size:
            for j in range(n):
                v = values[r, j]
                b = above[t, j]
                center += (0 if v > 0 else v) * b
        if radius.size:
            for j in range(n):
                spread += abs(values[r, j]) * radius[t, j]
        sums[r, 0] = center
        sums[r, 1] = spread


@compiled
def pass_backward(
    values: Array,
    index: Array,
    lo: Array,
    up: Array,
    below: Array,
    above: Array,
    radius: Array,
    grad_out: Array,
    grad_sums: Array,
    grad_values: Array,
    grad_lo: Array,
    grad_up: Array,
    grad_below: Array,
    grad_above: Array,
    grad_radius: Array,
) -> None:
    """Write the gradient of the values, and add those of the tables to zeros."""
    rows, n = values.shape
    zero = values.dtype.type(0)
    for r in range(rows):
        t = index[r]
        center = values.dtype.type(grad_sums[r, 0])
        spread = values.dtype.type(grad_sums[r, 1])
        for j in range(n):
            grad_values[r, j] = zero
        if lo.size:
            for j in range(n):
                v = values[r, j]
                a = lo[t, j]
                b = up[t, j]
                grad_values[r, j] += grad_out[r, j] * (a if v > 0 else b)
        if grad_lo.size:
            for j in range(n):
                grad_lo[t, j] += max(values[r, j], zero) * grad_out[r, j]
        if grad_up.size:
            for j in range(n):
                grad_up[t, j] += min(values[r, j], zero) * grad_out[r, j]
        if below.size:
            for j in range(n):
                grad_values[r, j] += center * (below[t, j] if values[r, j] > 0 else zero)
        if above.size:
            for j in range(n):
                grad_values[r, j] += center * (zero if values[r, j] > 0 else above[t, j])
        if grad_below.size:
            for j in range(n):
                grad_below[t, j] += center * max(values[r, j], zero)
        if grad_above.size:
            for j in range(n):
                grad_above[t, j] += center * min(values[r, j], zero)
        if radius.size:
            for j in range(n):
                v = values[r, j]
                b = spread * radius[t, j]
                grad_values[r, j] += b if v > 0 else (-b if v < 0 else zero)
        if grad_radius.size:
            for j in range(n):
                grad_radius[t, j] += spread * abs(values[r, j])
