"""Words of 64 random bits, as a function of a number."""

from torch import Tensor

GOLDEN = -7046029254386353131  # 2^64 / golden ratio, as a signed 64-bit integer
SPREAD = -3335678366873096957  # between streams: no small multiples of it and of GOLDEN add up to zero
MIX_1, MIX_2 = -4658895280553007687, -7723592293110705685
WORD, SIGN = (1 << 64) - 1, 1 << 63
LOW_33, LOW_34, LOW_37 = (1 << 33) - 1, (1 << 34) - 1, (1 << 37) - 1


def mixed(x: Tensor) -> Tensor:
    """Return a bijective scramble of 64-bit integers; shifts are logical. Source: Steele et al. 2014 (SplitMix64)."""
    x = (x ^ ((x >> 30) & LOW_34)) * MIX_1
    x = (x ^ ((x >> 27) & LOW_37)) * MIX_2
    return x ^ ((x >> 31) & LOW_33)


def mixed_number(x: int) -> int:
    """Return the same scramble of a Python integer, as a signed 64-bit integer."""
    x &= WORD
    x = (x ^ (x >> 30)) * MIX_1 & WORD
    x = (x ^ (x >> 27)) * MIX_2 & WORD
    return signed(x ^ (x >> 31))


def signed(word: int) -> int:
    """Return the signed 64-bit integer with the lower 64 bits of a number."""
    return ((word & WORD) ^ SIGN) - SIGN
