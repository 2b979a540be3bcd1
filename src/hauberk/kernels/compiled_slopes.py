"""Gradients of l_p distances for finite p, for numba; tables are as in `compiled_tiles`.

KEPT rows of x stay in registers while a panel of w, WIDE columns of PANEL rows copied side by side, streams past them.
"""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import cgutils

from hauberk.kernels.compiled_powers import GROUP, NEARLY_ONE, NEGLIGIBLE, exceed, real_powers, whole_powers
from hauberk.kernels.compiled_rows import Array, compiled_as_written
from hauberk.kernels.vectors import LANES, LONG, WIDE, Vectors, instructions, rows_of

Node = Any
KEPT = 8
PANEL = 256


def eighth_column(
    v: Vectors, x: Node, dx: Node, length: Node, left: Node, w: Node, dw: Node, grad: Node, count: Node
) -> None:
    """Append a step backward for p = 8: one vector of KEPT rows of x against a panel of w; grad holds g / u^7."""
    b = v.builder
    rows = [v.load(row) for row in rows_of(v, x, length, left, KEPT)]
    sums = [v.slot(v.constant(0.0)) for _ in range(KEPT)]
    with cgutils.for_range(b, count) as loop:
        place = b.mul(loop.index, LONG(WIDE))
        weight, slope = v.load(v.at(v.pointer(w), place)), v.at(v.pointer(dw), place)
        total = v.load(slope)
        for i in range(KEPT):
            g = v.spread(v.load_one(v.at(v.pointer(grad), b.add(b.mul(loop.index, LONG(KEPT)), LONG(i)))))
            difference = v.sub(rows[i], weight)
            square = v.mul(difference, difference)
            sixth, first = v.mul(square, v.mul(square, square)), v.mul(difference, g)
            b.store(v.add(v.mul(sixth, first), b.load(sums[i])), sums[i])
            total = v.sub(total, v.mul(sixth, first))
        v.store(total, slope)
    add_rows(v, sums, dx, length, left)


def power_column(power: Callable[..., Node]) -> Callable[..., None]:
    """Return the code of a step backward: one vector of KEPT rows of x against a panel of w, for any p.

    Its `numbers` are p - 1 and the least base |x - w| / u that counts.
    """

    def write(
        v: Vectors,
        x: Node,
        dx: Node,
        length: Node,
        left: Node,
        w: Node,
        dw: Node,
        grad: Node,
        inverse: Node,
        count: Node,
        whole: Node,
        numbers: Node,
    ) -> None:
        b = v.builder
        rows = [v.load(row) for row in rows_of(v, x, length, left, KEPT)]
        sums = [v.slot(v.constant(0.0)) for _ in range(KEPT)]
        exponent, least = (v.spread(v.load_one(v.at(v.pointer(numbers), i))) for i in range(2))
        with cgutils.for_range(b, count) as loop:
            place = b.mul(loop.index, LONG(WIDE))
            weight, slope = v.load(v.at(v.pointer(w), place)), v.at(v.pointer(dw), place)
            first = b.mul(loop.index, LONG(KEPT))
            for group in range(0, KEPT, GROUP):
                entries = [b.add(first, LONG(group + i)) for i in range(GROUP)]
                differences = [v.sub(row, weight) for row in rows[group : group + GROUP]]
                scales = [v.spread(v.load_one(v.at(v.pointer(inverse), entry))) for entry in entries]
                bases = [v.mul(v.magnitude(d), scale) for d, scale in zip(differences, scales, strict=True)]
                with b.if_then(exceed(v, bases, least)):
                    raised = power(v, bases, exponent, whole)
                    total = v.load(slope)
                    for i, entry in enumerate(entries):
                        g = v.spread(v.load_one(v.at(v.pointer(grad), entry)))
                        term = v.mul(g, v.signed(raised[i], differences[i]))
                        b.store(v.add(b.load(sums[group + i]), term), sums[group + i])
                        total = v.sub(total, term)
                    v.store(total, slope)
        add_rows(v, sums, dx, length, left)

    return write


def add_rows(v: Vectors, sums: list[Node], table: Node, length: Node, left: Node) -> None:
    """Append the addition of vectors to the rows of a table, as far as there are rows left."""
    for i, (total, row) in enumerate(zip(sums, rows_of(v, table, length, left, len(sums)), strict=True)):
        with v.builder.if_then(v.builder.icmp_signed("<", LONG(i), left)):
            v.store(v.add(v.load(row), v.builder.load(total)), row)


back_eighth = instructions(eighth_column)
back_powers, back_whole_powers = instructions(power_column(real_powers)), instructions(power_column(whole_powers))


@compiled_as_written
def back(
    first: int, last: int, x: Array, w: Array, grad: Array, inverse: Array, p: float, dx: Array, dw: Array
) -> None:
    """Add to dx, and write to dw, the gradients of the blocks of WIDE columns first..last.

    `grad` is that of u and `inverse` 1 / u; but if `inverse` is empty, p is 8 and `grad` g / u^7.
    """
    rows, length = x.shape
    whole = np.int64(p - 1)
    panel, slopes = np.zeros((PANEL, WIDE), np.float32), np.zeros((PANEL, WIDE), np.float32)
    grads, inverses = np.zeros((PANEL, KEPT), np.float32), np.zeros((PANEL, KEPT), np.float32)
    numbers = np.zeros(2, np.float32)
    numbers[0], numbers[1] = p - 1, min(2.0 ** (NEGLIGIBLE / (p - 1)), NEARLY_ONE)
    for start in range(first * WIDE, last * WIDE, WIDE):
        for o in range(0, len(w), PANEL):
            count = min(PANEL, len(w) - o)
            panel[:count] = w[o : o + count, start : start + WIDE]
            slopes[:] = 0
            for r in range(0, rows, KEPT):
                left = min(KEPT, rows - r)
                fill(grad, r, left, o, count, grads)
                if inverse.size:
                    fill(inverse, r, left, o, count, inverses)
                for at in range(0, WIDE, LANES):
                    place = 4 * (r * length + start + at)
                    given = (
                        x.ctypes.data + place,
                        dx.ctypes.data + place,
                        length,
                        left,
                        panel.ctypes.data + 4 * at,
                        slopes.ctypes.data + 4 * at,
                        grads.ctypes.data,
                    )
                    more = (inverses.ctypes.data, count, whole, numbers.ctypes.data)
                    if not inverse.size:
                        back_eighth((*given, count))
                    elif whole == p - 1 and whole:
                        back_whole_powers((*given, *more))
                    else:
                        back_powers((*given, *more))
            dw[o : o + count, start : start + WIDE] = slopes[:count]


@compiled_as_written
def fill(table: Array, r: int, left: int, o: int, count: int, out: Array) -> None:
    """Copy a block of a table, its columns as rows, with zeros where it has no rows left."""
    for k in range(count):
        for i in range(KEPT):
            out[k, i] = table[r + i, o + k] if i < left else np.float32(0)
