"""The loop of `sorted_distance` for numba; imported only where it is installed."""
# pyright: reportMissingImports=false

from typing import Any

import numpy as np
from llvmlite import ir

from hauberk.kernels.compiled_rows import Array, compiled_as_written
from hauberk.kernels.vectors import LANES, LONG, Vectors, instructions

Node = Any


def compare(v: Vectors, first: Node, second: Node, w: Node, limit: Node, mask: Node) -> None:
    """Append the comparison of LANES distances with a limit, and the writing of a bit for each that is larger."""
    b = v.builder
    weight = v.load(v.pointer(w))
    distance = v.larger(v.sub(v.load(v.pointer(first)), weight), v.sub(weight, v.load(v.pointer(second))))
    found = b.bitcast(b.fcmp_unordered(">", distance, v.spread(v.load_one(v.pointer(limit)))), ir.IntType(LANES))
    b.store(b.zext(found, LONG), b.inttoptr(mask, LONG.as_pointer()))


exceeding = instructions(compare)


@compiled_as_written
def sort_largest(
    begin: int, end: int, first: Array, second: Array, w: Array, shares: Array, sums: Array, places: Array
) -> None:
    """Write the sums and places of `sorted_distance.forward` for w's rows begin..end."""
    rows, length, terms = len(first), first.shape[1], len(shares)
    best, mask = np.empty(terms, np.float32), np.zeros(1, np.int64)
    for o in range(begin, end):
        for r in range(rows):
            best[:] = 0
            places[r, o, :] = -(2**31)
            for i in range(0, length, LANES):
                at = 4 * (r * length + i)
                exceeding(
                    (
                        first.ctypes.data + at,
                        second.ctypes.data + at,
                        w.ctypes.data + 4 * (o * length + i),
                        best.ctypes.data + 4 * (terms - 1),
                        mask.ctypes.data,
                    )
                )
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
