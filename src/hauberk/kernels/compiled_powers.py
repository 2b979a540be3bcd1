"""Sums of real and of whole powers of distances, for numba; tables are as in `compiled_tiles`."""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from hauberk.kernels.compiled_rows import Array, compiled_as_written
from hauberk.kernels.vectors import LANES, LONG, VECTOR, Vectors, instructions

Node = Any
GROUP = 2
"""The number of vectors whose powers are computed together, or not at all if all are negligible."""
TINY, NEARLY_ONE = 1.1754944e-38, 0.999
NEGLIGIBLE = -32.0
"""The binary logarithm of a power that counts for nothing, next to one that is 1."""
LOG2 = [0.126148466, -0.207421035, 0.21566986, -0.23892034, 0.28791832, -0.36070483, 0.48091061, -0.72134733, 1.442695]
EXP2 = [1.5469732e-4, 1.3400432e-3, 9.618026e-3, 5.5503272e-2, 0.24022651, 0.69314721, 1.0]


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


sum_powers, sum_whole_powers = instructions(powers(real_powers)), instructions(powers(whole_powers))


@compiled_as_written
def sums_of_powers(first: int, last: int, x: Array, w: Array, p: float, largest: Array, out: Array) -> None:
    """Write the sums over i of (|x_i - w_i| / largest)^p."""
    length, whole = x.shape[1], np.int64(p)
    numbers = np.zeros(4, np.float32)
    numbers[1], numbers[2] = p, min(2.0 ** (NEGLIGIBLE / p), NEARLY_ONE)
    for block in range(first, last, 16):
        for r in range(len(x)):
            for o in range(block, min(block + 16, last)):
                numbers[0] = np.float32(1) / max(largest[r, o], TINY)
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
