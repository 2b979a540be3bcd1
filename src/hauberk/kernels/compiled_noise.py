"""The loops of `noise` and `unit_numbers` for numba; imported only where it is installed.

A row's numbers come from words `mixed(key + i * GOLDEN)`, as those of `concepts.noise`. Word i gives the numbers i and
half + i of the row. Every step is a loop of its own over a short table, which the compiler turns into vectors, and
rounds as written: rows must have the same bits whether a number is in a vector or left over.
"""
# pyright: reportMissingImports=false

import numpy as np

from hauberk.kernels.compiled_rows import Array, compiled_as_written

GOLDEN, MIX_1, MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S12, S27, S30, S31, S33, LOW = (
    np.uint64(12),
    np.uint64(27),
    np.uint64(30),
    np.uint64(31),
    np.uint64(33),
    np.uint64(0xFFFFFFFF),
)
TABLE = 512
F = np.float32
HALF, ONE, TWO, ZERO, STEP, LN2 = F(0.5), F(1), F(2), F(0), F(2.0**-31), F(0.6931471805599453)
TURN = F(np.pi * 2.0**-33)
ROOT_HALF, EXPONENT, EIGHTH = np.int32(0x3F3504F3), np.int32(23), np.uint32(0x20000000)
EIGHT, SINGLE, DOUBLE = np.uint32(8), F(2.0**-23), 2.0**-52
Q1, Q2, Q3, Q30 = np.uint32(1), np.uint32(2), np.uint32(3), np.uint32(30)


@compiled_as_written
def words(key: np.uint64, first: int, n: int, high: Array, low: Array) -> None:
    """Write the upper 31 and the lower 32 bits of n words."""
    for i in range(n):
        v = key + np.uint64(first + i + 1) * GOLDEN
        v = (v ^ (v >> S30)) * MIX_1
        v = (v ^ (v >> S27)) * MIX_2
        v = v ^ (v >> S31)
        low[i] = np.uint32(v & LOW)
        high[i] = np.uint32(v >> S33)


@compiled_as_written
def gaussian(first: int, last: int, x: Array, image: Array, keys: Array, scale: float, out: Array) -> None:
    """Write rows of x plus normal numbers: a Box-Muller pair from every word.

    The logarithm and the sine are polynomials, accurate to float32 (Moshier, Cephes).
    """
    d = out.shape[1]
    half = (d + 1) // 2
    size, high, low = np.empty(TABLE, F), np.empty(TABLE, np.uint32), np.empty(TABLE, np.uint32)
    bits, sigma = size.view(np.int32), F(scale)
    for r in range(first, last):
        row, drawn = x[image[r]], out[r]
        for start in range(0, half, TABLE):
            n = min(TABLE, half - start)
            words(np.uint64(keys[r]), start, n, high, low)
            for i in range(n):
                size[i] = (F(np.int32(high[i])) + HALF) * STEP
            for i in range(n):
                e = np.int32(bits[i] - ROOT_HALF) >> EXPONENT
                bits[i] -= e << EXPONENT
                high[i] = np.uint32(e)
            for i in range(n):
                m = size[i] - ONE
                z = m * m
                p = F(7.0376836292e-2) * m - F(1.1514610310e-1)
                p = (p * m + F(1.1676998740e-1)) * m - F(1.2420140846e-1)
                p = (p * m + F(1.4249322787e-1)) * m - F(1.6668057665e-1)
                p = (p * m + F(2.0000714765e-1)) * m - F(2.4999993993e-1)
                p = p * m + F(3.3333331174e-1)
                log = m * z * p - HALF * z + m + F(np.int32(high[i])) * LN2
                size[i] = np.sqrt(max(-TWO * log, ZERO)) * sigma
            for i in range(n):
                t = low[i]
                quarter = np.uint32((t + EIGHTH) >> Q30) & Q3
                f = F(np.int32(t << Q2)) * TURN
                z = f * f
                s = ((F(-1.9515295891e-4) * z + F(8.3321608736e-3)) * z - F(1.6666654611e-1)) * z * f + f
                c = ((F(2.4433157118e-5) * z - F(1.3887316255e-3)) * z + F(4.1666645683e-2)) * z * z - HALF * z + ONE
                odd = (quarter & Q1) != 0
                a, b = (s, c) if odd else (c, s)
                a = -a if (quarter + Q1) & Q2 else a
                b = -b if quarter >= Q2 else b
                drawn[start + i] = row[start + i] + size[i] * a
                size[i] *= b
            for i in range(min(n, d - half - start)):
                drawn[half + start + i] = row[half + start + i] + size[i]


@compiled_as_written
def uniform(first: int, last: int, x: Array, image: Array, keys: Array, scale: float, out: Array) -> None:
    """Write rows of x plus numbers uniform between -scale and scale."""
    d = out.shape[1]
    half = (d + 1) // 2
    high, low = np.empty(TABLE, np.uint32), np.empty(TABLE, np.uint32)
    reach = F(scale)
    for r in range(first, last):
        row, drawn = x[image[r]], out[r]
        for start in range(0, half, TABLE):
            n = min(TABLE, half - start)
            words(np.uint64(keys[r]), start, n, high, low)
            for i in range(n):
                u = (F(np.int32(high[i])) + HALF) * STEP * TWO - ONE
                drawn[start + i] = row[start + i] + reach * u
            for i in range(min(n, d - half - start)):
                u = (F(np.int32(low[i] >> Q1)) + HALF) * STEP * TWO - ONE
                drawn[half + start + i] = row[half + start + i] + reach * u


@compiled_as_written
def unit_singles(first: int, last: int, keys: Array, out: Array) -> None:
    """Write numbers uniform between 0 and 1, of 23 bits each."""
    count = out.shape[1]
    high, low = np.empty(TABLE, np.uint32), np.empty(TABLE, np.uint32)
    for r in range(first, last):
        drawn = out[r]
        for start in range(0, count, TABLE):
            n = min(TABLE, count - start)
            words(np.uint64(keys[r]), start, n, high, low)
            for i in range(n):
                drawn[start + i] = (F(np.int32(high[i] >> EIGHT)) + HALF) * SINGLE


@compiled_as_written
def unit_doubles(first: int, last: int, keys: Array, out: Array) -> None:
    """Write numbers uniform between 0 and 1, of 52 bits each."""
    for r in range(first, last):
        for i in range(out.shape[1]):
            v = np.uint64(keys[r]) + np.uint64(i + 1) * GOLDEN
            v = (v ^ (v >> S30)) * MIX_1
            v = (v ^ (v >> S27)) * MIX_2
            v = v ^ (v >> S31)
            out[r, i] = (np.float64(np.int64(v >> S12)) + 0.5) * DOUBLE
