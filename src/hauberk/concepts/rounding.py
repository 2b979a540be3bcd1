"""Error bounds for floating-point sums."""

import math

import torch


def rounding_factor(roundings: int, dtype: torch.dtype) -> float:
    """Return the largest error of a sum with n roundings, as a share of its computed sum of absolute terms.

    n roundings change a sum by at most gamma_n = n u / (1 - n u) times the sum of |terms|, with u the unit roundoff;
    that sum, computed the same way, may be too small by the same share: n u / (1 - 2 n u) allows for both.

    Source: Higham 2002, Accuracy and Stability of Numerical Algorithms, lemma 3.1; any order of summation: section 4.2.
    """
    nu = roundings * torch.finfo(dtype).eps / 2
    return nu / (1 - 2 * nu) if 2 * nu < 1 else math.inf
