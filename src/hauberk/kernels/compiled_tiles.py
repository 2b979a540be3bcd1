"""Loops over tiles of two tables, for numba: the largest distances, sums of eighth powers, and gradients of the former.

Tables are float32 and have rows padded to multiples of WIDE. A tile holds ROWS rows of x by COLUMNS rows of w, a vector
each; vectors run along the inputs, so that nothing is rearranged. Beyond the last row a tile repeats it.
"""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from hauberk.kernels.compiled_rows import Array, compiled_as_written
from hauberk.kernels.vectors import FLOAT, LANES, LONG, WIDE, WORD, Vectors, instructions, rows_of

Node = Any
ROWS, COLUMNS = (4, 4) if LANES == 16 else (2, 4)
CHUNK = 20 * WIDE
X_BLOCK, W_BLOCK = 64, 32
LARGEST, REACH, EIGHTH = range(3)


def tile(term: Callable[..., Node], paired: bool = False) -> Callable[..., None]:
    """Return the code of a tile that folds `term`(total, first, second) over a chunk, into a vector per pair of rows.

    `first` lists the vector of x, and that of x2 if `paired`; `second` is that of w. Where a total grows, `marks` gets
    the chunk's number, if there are any.
    """

    def write(
        v: Vectors,
        x: Node,
        x2: Node,
        x_left: Node,
        w: Node,
        w_left: Node,
        length: Node,
        count: Node,
        state: Node,
        marks: Node,
        chunk: Node,
    ) -> None:
        b = v.builder
        states = [v.at(v.pointer(state), LANES * i) for i in range(ROWS * COLUMNS)]
        totals = [v.slot(v.load(place)) for place in states]
        tables = [rows_of(v, t, length, x_left, ROWS) for t in ((x, x2) if paired else (x,))]
        columns = rows_of(v, w, length, w_left, COLUMNS)
        with cgutils.for_range(b, b.sdiv(count, LONG(LANES))) as loop:
            place = b.mul(loop.index, LONG(LANES))
            seconds = [v.load(v.at(column, place)) for column in columns]
            for i in range(ROWS):
                firsts = [v.load(v.at(rows[i], place)) for rows in tables]
                for second, total in zip(seconds, totals[i * COLUMNS :], strict=False):
                    b.store(term(v, b.load(total), firsts, second), total)
        with b.if_then(b.icmp_signed("!=", marks, LONG(0))):
            number = v.spread(b.bitcast(b.trunc(chunk, WORD), FLOAT))
            for i, (total, place) in enumerate(zip(totals, states, strict=True)):
                mark = v.at(v.pointer(marks), LANES * i)
                grown = b.fcmp_ordered(">", b.load(total), v.load(place))
                v.store(b.select(grown, number, v.load(mark)), mark)
        for total, place in zip(totals, states, strict=True):
            v.store(b.load(total), place)

    return write


def gather(combine: Callable[[Vectors], Callable[[Node, Node], Node]]) -> Callable[..., None]:
    """Return the code that combines a pair's vector to a number, with the first chunk that attains it."""

    def write(v: Vectors, state: Node, marks: Node, number: Node, chunk: Node) -> None:
        b = v.builder
        vector = v.load(v.pointer(state))
        found = v.across(combine(v), vector)
        b.store(found, v.pointer(number)).align = 4
        with b.if_then(b.icmp_signed("!=", marks, LONG(0))):
            attained = b.fcmp_ordered("==", vector, v.spread(found))
            chunks = b.select(attained, v.bits(v.load(v.pointer(marks))), v.words(2**31 - 1))
            least = v.across(lambda p, q: b.select(b.icmp_signed("<", p, q), p, q), chunks)
            b.store(b.bitcast(least, FLOAT), v.pointer(chunk)).align = 4

    return write


def distances(v: Vectors, total: Node, first: list[Node], second: Node) -> Node:
    """Append total = max(total, |x - w|)."""
    return v.larger_bits(v.magnitude(v.sub(first[0], second)), total)


def reaches(v: Vectors, total: Node, first: list[Node], second: Node) -> Node:
    """Append total = max(total, x - w, w - x2)."""
    return v.larger_bits(v.larger_bits(v.sub(first[0], second), v.sub(second, first[1])), total)


def eighth_powers(v: Vectors, total: Node, first: list[Node], second: Node) -> Node:
    """Append total + (x - w)^8."""
    difference = v.sub(first[0], second)
    square = v.mul(difference, difference)
    fourth = v.mul(square, square)
    return v.add(v.mul(fourth, fourth), total)


def match(v: Vectors, x: Node, w: Node, numbers: Node, mask: Node) -> None:
    """Write a bit for each of LANES differences whose size is numbers[0]."""
    b = v.builder
    value = v.spread(v.load_one(v.pointer(numbers)))
    difference = v.magnitude(v.sub(v.load(v.pointer(x)), v.load(v.pointer(w))))
    found = b.bitcast(b.fcmp_ordered("==", difference, value), ir.IntType(LANES))
    b.store(b.zext(found, LONG), b.inttoptr(mask, LONG.as_pointer()))


tile_largest = instructions(tile(distances))
tile_reach = instructions(tile(reaches, paired=True))
tile_eighth = instructions(tile(eighth_powers))
gather_largest, gather_sum = instructions(gather(lambda v: v.larger_bits)), instructions(gather(lambda v: v.add))
find = instructions(match)


@compiled_as_written
def fold(first: int, last: int, kind: int, x: Array, x2: Array, w: Array, out: Array, where: Array) -> None:
    """Write, for w's rows first..last, the maxima or sums that `kind` says; and to `where` the chunks of the maxima."""
    rows, length = x.shape
    high, wide = X_BLOCK // ROWS, W_BLOCK // COLUMNS
    state = np.empty((high, wide, ROWS, COLUMNS, LANES), np.float32)
    marks = np.empty(state.shape if where.size else (0, 0, 0, 0, 0), np.int32)
    for r0 in range(0, rows, X_BLOCK):
        for o0 in range(first, last, W_BLOCK):
            state[:], marks[:] = 0, 0
            r1, o1 = min(r0 + X_BLOCK, rows), min(o0 + W_BLOCK, last)
            for start in range(0, length, CHUNK):
                count = min(CHUNK, length - start)
                for o in range(o0, o1, COLUMNS):
                    for r in range(r0, r1, ROWS):
                        at = ((r - r0) // ROWS * wide + (o - o0) // COLUMNS) * (4 * ROWS * COLUMNS * LANES)
                        place = 4 * (r * length + start)
                        mark = marks.ctypes.data + at if where.size else 0
                        tables = (x.ctypes.data + place, x2.ctypes.data + place, rows - r)
                        weights = (w.ctypes.data + 4 * (o * length + start), last - o, length, count)
                        given = tables + weights + (state.ctypes.data + at, mark, start)
                        if kind == LARGEST:
                            tile_largest(given)
                        elif kind == REACH:
                            tile_reach(given)
                        else:
                            tile_eighth(given)
            for r in range(r0, r1):
                for o in range(o0, o1):
                    i, j = r - r0, o - o0
                    at = ((i // ROWS * wide + j // COLUMNS) * ROWS + i % ROWS) * COLUMNS + j % COLUMNS
                    place, at = 4 * (r * out.shape[1] + o), 4 * LANES * at
                    mark = marks.ctypes.data + at if where.size else 0
                    found = (state.ctypes.data + at, mark, out.ctypes.data + place, where.ctypes.data + place)
                    if kind == EIGHTH:
                        gather_sum(found)
                    else:
                        gather_largest(found)


@compiled_as_written
def locate(first: int, last: int, x: Array, w: Array, out: Array, where: Array) -> None:
    """Replace the chunks in `where` by the first input that attains the maximum: i if x is larger there, else ~i.

    A maximum that is NaN is attained nowhere, which gives ~0.
    """
    length, mask, value = x.shape[1], np.zeros(1, np.int64), np.zeros(1, np.float32)
    for o in range(first, last):
        for r in range(len(x)):
            value[0], mask[0], i = out[r, o], 0, np.int64(where[r, o])
            while i < length:
                left, right = x.ctypes.data + 4 * (r * length + i), w.ctypes.data + 4 * (o * length + i)
                find((left, right, value.ctypes.data, mask.ctypes.data))
                if mask[0]:
                    break
                i += LANES
            i = i if mask[0] else 0
            bits = mask[0]
            while bits and bits & 1 == 0:
                bits >>= 1
                i += 1
            where[r, o] = i if x[r, i] > w[o, i] else ~i


@compiled_as_written
def scatter(first: int, last: int, where: Array, grad: Array, over_rows: bool, out: Array) -> None:
    """Add the signed gradients at the places in `where`, to rows first..last of x's or (not `over_rows`) of w's."""
    for k in range(first, last):
        for j in range(grad.shape[1] if over_rows else grad.shape[0]):
            r, o = (k, j) if over_rows else (j, k)
            i, g = where[r, o], grad[r, o]
            if i < 0:
                i, g = ~i, -g
            out[k, i] += g if over_rows else -g
