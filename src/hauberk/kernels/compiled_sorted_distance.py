"""The loop of `sorted_distance` for numba; imported only where it is installed."""
# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir

from hauberk.kernels.compiled_rows import Array, compiled_as_written
from hauberk.kernels.vectors import LANES, LONG, WIDE, Vectors, instructions

Node = Any


def compare(count: int) -> Callable[..., None]:
    """Return code that compares distances with a limit, `count` vectors of them, and writes a bit for each lane."""

    def write(v: Vectors, first: Node, second: Node, w: Node, limit: Node, mask: Node) -> None:
        b, found = v.builder, None
        least = v.spread(v.load_one(v.pointer(limit)))
        for i in range(count):
            x, x2, weight = (v.load(v.at(v.pointer(table), LANES * i)) for table in (first, second, w))
            larger = b.fcmp_unordered(">", v.larger(v.sub(x, weight), v.sub(weight, x2)), least)
            found = larger if found is None else b.or_(found, larger)
        b.store(b.zext(b.bitcast(found, ir.IntType(LANES)), LONG), b.inttoptr(mask, LONG.as_pointer()))

    return write


exceeding, any_exceeding = instructions(compare(1)), instructions(compare(WIDE // LANES))


@compiled_as_written
def sort_largest(
    begin: int, end: int, first: Array, second: Array, w: Array, shares: Array, sums: Array, places: Array
) -> None:
    """Write the sums and places of `sorted_distance.forward` for w's rows begin..end."""
    rows, length, terms = len(first), first.shape[1], len(shares)
    best, mask, skipped = np.empty(terms, np.float32), np.zeros(1, np.int64), False
    for o in range(begin, end):
        for r in range(rows):
            best[:] = 0
            places[r, o, :] = -(2**31)
            limit, found = best.ctypes.data + 4 * (terms - 1), mask.ctypes.data
            for i in range(0, length, LANES):
                left, right = 4 * (r * length + i), w.ctypes.data + 4 * (o * length + i)
                if i % WIDE == 0:
                    any_exceeding((first.ctypes.data + left, second.ctypes.data + left, right, limit, found))
                    skipped = mask[0] == 0
                if skipped:
                    continue
                exceeding((first.ctypes.data + left, second.ctypes.data + left, right, limit, found))
                bits, j = mask[0], i
                while bits:
                    if bits & 1:
                        ahead, behind = first[r, j] - w[o, j], w[o, j] - second[r, j]
                        distance = ahead if ahead > behind else behind
                        k = terms - 1
                        if distance > best[k] or distance != distance:
                            while k > 0 and not best[k - 1] >= distance:
                                best[k], places[r, o, k] = best[k - 1], places[r, o, k - 1]
                                k -= 1
                            best[k], places[r, o, k] = distance, j if ahead > behind else ~j
                    bits >>= 1
                    j += 1
            total = np.float32(0)
            for k in range(terms):
                total += shares[k] * best[k]
            sums[r, o] = total
