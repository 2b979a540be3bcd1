"""The loops of `lp_distance` for numba; imported only where it is installed.

All take tables of float32 whose rows are padded to multiples of WIDE, and a range of their outer loop. A tile holds
ROWS rows of x by COLUMNS rows of w, an accumulator each; its vectors run along the inputs, so that nothing is
rearranged. Beyond the last row a tile repeats it.
"""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import cgutils

from hauberk.kernels.vectors import FLOAT, LANES, LONG, VECTOR, WORD, Vectors, instructions

Array = Any
Node = Any
ROWS, COLUMNS = (4, 4) if LANES == 16 else (2, 4)
CHUNK = 80 * LANES
X_BLOCK, W_BLOCK = 64, 32
KEPT = 8
GROUP = 2
WIDE = 4 * LANES
PANEL = 256
NEGLIGIBLE = -32.0
LARGEST, REACH, EIGHTH = range(3)
LOG2 = [0.126148466, -0.207421035, 0.21566986, -0.23892034, 0.28791832, -0.36070483, 0.48091061, -0.72134733, 1.442695]
EXP2 = [1.5469732e-4, 1.3400432e-3, 9.618026e-3, 5.5503272e-2, 0.24022651, 0.69314721, 1.0]


def rows_of(v: Vectors, table: Node, length: Node, left: Node, count: int) -> list[Node]:
    """Return pointers to `count` rows; those from `left` on are the last one."""
    last = v.builder.sub(left, LONG(1))
    inside = (v.smaller_integer(LONG(i), last) for i in range(count))
    return [v.at(v.pointer(table), v.builder.mul(length, row)) for row in inside]


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


def real_power(v: Vectors, t: Node, exponent: Node) -> Node:
    """Return t^exponent for t >= 0 by logarithm and exponential: to a few units in the last place, unless tiny."""
    b = v.builder
    bits = v.bits(t)
    whole = b.ashr(b.sub(bits, v.words(0x3F3504F3)), v.words(23))
    rest = v.sub(v.numbers(b.sub(bits, b.shl(whole, v.words(23)))), v.constant(1.0))
    logarithm = v.add(v.mul(rest, v.polynomial(rest, LOG2)), b.sitofp(whole, VECTOR))
    y = v.larger(v.mul(logarithm, exponent), v.constant(-126.0))
    shifted = v.builder.fadd(y, v.constant(12582912.0))
    rest = v.sub(y, v.builder.fsub(shifted, v.constant(12582912.0)))
    scale = b.shl(v.bits(shifted), v.words(23))
    return v.numbers(b.add(scale, v.bits(v.polynomial(rest, EXP2))))


def real_powers(v: Vectors, bases: list[Node], exponent: Node, whole: Node) -> list[Node]:
    """Return each base's real power."""
    return [real_power(v, base, exponent) for base in bases]


def whole_powers(v: Vectors, bases: list[Node], exponent: Node, whole: Node) -> list[Node]:
    """Return each base to the power `whole`, a positive integer, by repeated squaring."""
    b = v.builder
    totals = [v.slot(base) for base in bases]
    bits = b.sub(LONG(63), b.ctlz(whole, ir.Constant(ir.IntType(1), 1)))
    with cgutils.for_range(b, bits) as loop:
        for total in totals:
            b.store(v.mul(b.load(total), b.load(total)), total)
        bit = b.and_(b.lshr(whole, b.sub(b.sub(bits, LONG(1)), loop.index)), LONG(1))
        with b.if_then(b.icmp_signed("!=", bit, LONG(0))):
            for total, base in zip(totals, bases, strict=True):
                b.store(v.mul(b.load(total), base), total)
    return [b.load(total) for total in totals]


def exceed(v: Vectors, bases: list[Node], least: Node) -> Node:
    """Return whether any number is larger than `least`."""
    found = [v.builder.fcmp_ordered(">", base, least) for base in bases]
    return v.any(functools.reduce(v.builder.or_, found))


def powers(power: Callable[..., Node]) -> Callable[..., None]:
    """Return the code that sums (|x - w| * scale)^p over a pair of rows.

    Its `numbers` are the scale, p, the least base that counts, and the result.
    """

    def write(v: Vectors, x: Node, w: Node, count: Node, whole: Node, numbers: Node) -> None:
        b, given = v.builder, v.pointer(numbers)
        scale, exponent, least = (v.spread(v.load_one(v.at(given, i))) for i in range(3))
        total = v.slot(v.constant(0.0))
        with cgutils.for_range(b, b.sdiv(count, LONG(GROUP * LANES))) as loop:
            start = b.mul(loop.index, LONG(GROUP * LANES))
            places = [b.add(start, LONG(LANES * i)) for i in range(GROUP)]
            pairs = [(v.load(v.at(v.pointer(x), i)), v.load(v.at(v.pointer(w), i))) for i in places]
            bases = [v.mul(v.magnitude(v.sub(first, second)), scale) for first, second in pairs]
            with b.if_then(exceed(v, bases, least)):
                for term in power(v, bases, exponent, whole):
                    b.store(v.add(term, b.load(total)), total)
        b.store(v.across(v.add, b.load(total)), v.at(given, 3)).align = 4

    return write


def match(v: Vectors, x: Node, w: Node, numbers: Node, mask: Node) -> None:
    """Write a bit for each of LANES differences whose size is numbers[0]."""
    b = v.builder
    value = v.spread(v.load_one(v.pointer(numbers)))
    difference = v.magnitude(v.sub(v.load(v.pointer(x)), v.load(v.pointer(w))))
    found = b.bitcast(b.fcmp_ordered("==", difference, value), ir.IntType(LANES))
    b.store(b.zext(found, LONG), b.inttoptr(mask, LONG.as_pointer()))


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


tile_largest = instructions(tile(distances))
tile_reach = instructions(tile(reaches, paired=True))
tile_eighth = instructions(tile(eighth_powers))
gather_largest, gather_sum = instructions(gather(lambda v: v.larger)), instructions(gather(lambda v: v.add))
sum_powers, sum_whole_powers = instructions(powers(real_powers)), instructions(powers(whole_powers))
find = instructions(match)
back_eighth = instructions(eighth_column)
back_powers, back_whole_powers = instructions(power_column(real_powers)), instructions(power_column(whole_powers))


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
def locate(first: int, last: int, x: Array, w: Array, out: Array, where: Array) -> None:
    """Replace the chunks in `where` by the first input that attains the maximum: i if x is larger there, else ~i."""
    length = x.shape[1]
    mask = np.zeros(1, np.int64)
    value = np.zeros(1, np.float32)
    for o in range(first, last):
        for r in range(len(x)):
            i = where[r, o]
            value[0] = out[r, o]
            while True:
                find(
                    (
                        x.ctypes.data + 4 * (r * length + i),
                        w.ctypes.data + 4 * (o * length + i),
                        value.ctypes.data,
                        mask.ctypes.data,
                    )
                )
                if mask[0]:
                    break
                i += LANES
            bits = mask[0]
            while bits & 1 == 0:
                bits >>= 1
                i += 1
            where[r, o] = i if x[r, i] > w[o, i] else ~i


@njit(nogil=True, cache=True)
def scatter(first: int, last: int, where: Array, grad: Array, over_rows: bool, out: Array) -> None:
    """Add the signed gradients at the places in `where`, to rows first..last of x's or (not `over_rows`) of w's."""
    for k in range(first, last):
        for j in range(grad.shape[1] if over_rows else grad.shape[0]):
            r, o = (k, j) if over_rows else (j, k)
            i, g = where[r, o], grad[r, o]
            if i < 0:
                i, g = ~i, -g
            out[k, i] += g if over_rows else -g


@njit(nogil=True, cache=True)
def sums_of_powers(first: int, last: int, x: Array, w: Array, p: float, largest: Array, out: Array) -> None:
    """Write the sums over i of (|x_i - w_i| / largest)^p."""
    length, whole = x.shape[1], np.int64(p)
    numbers = np.zeros(4, np.float32)
    numbers[1], numbers[2] = p, 2.0 ** (NEGLIGIBLE / p)
    for block in range(first, last, 16):
        for r in range(len(x)):
            for o in range(block, min(block + 16, last)):
                numbers[0] = np.float32(1) / largest[r, o]
                given = (
                    x.ctypes.data + 4 * r * length,
                    w.ctypes.data + 4 * o * length,
                    length,
                    whole,
                    numbers.ctypes.data,
                )
                if whole == p:
                    sum_whole_powers(given)
                else:
                    sum_powers(given)
                out[r, o] = numbers[3]


@njit(nogil=True, cache=True)
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
    numbers[0], numbers[1] = p - 1, 2.0 ** (NEGLIGIBLE / max(p - 1, 1.0))
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


@njit(nogil=True, cache=True)
def fill(table: Array, r: int, left: int, o: int, count: int, out: Array) -> None:
    """Copy a block of a table, its columns as rows, with zeros where it has no rows left."""
    for k in range(count):
        for i in range(KEPT):
            out[k, i] = table[r + i, o + k] if i < left else np.float32(0)
