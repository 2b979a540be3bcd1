"""Exponentials and Wright's omega function of arrays for numba; imported only where it is installed.

numba calls the C library for every exponential unless Intel's SVML is at hand; these loops the compiler vectorises.
"""

import math

from hauberk.kernels.compiled_rows import Array, compiled_as_written

LEAST = -708.0
"""Exponentials of smaller numbers count as 0."""
HIGH = 0.693147180369123816490
LOW = 1.90821492927058770002e-10
"""The logarithm of 2 in two parts, of which the first has few digits."""


@compiled_as_written
def exponentials(values: Array, bits: Array, powers: Array) -> None:
    """Replace values, none above 0, by their exponentials, within two units in the last place.

    Args:
        values: the values, in one dimension.
        bits: room for as many whole numbers.
        powers: the same memory as floating-point numbers.
    """
    for i in range(values.size):
        x = max(values[i], LEAST)
        n = math.floor(x * 1.4426950408889634 + 0.5)
        r = (x - n * HIGH) - n * LOW
        bits[i] = (int(n) + 1023) << 52
        p = 1.6059043836821613e-10
        p = p * r + 2.08767569878681e-09
        p = p * r + 2.505210838544172e-08
        p = p * r + 2.755731922398589e-07
        p = p * r + 2.7557319223985893e-06
        p = p * r + 2.48015873015873e-05
        p = p * r + 0.0001984126984126984
        p = p * r + 0.001388888888888889
        p = p * r + 0.008333333333333333
        p = p * r + 0.041666666666666664
        p = p * r + 0.16666666666666666
        p = p * r + 0.5
        p = p * r + 1.0
        p = p * r + 1.0
        values[i] = p if values[i] >= LEAST else 0.0
    for i in range(values.size):
        values[i] *= powers[i]
