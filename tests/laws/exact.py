"""Exact minima of small networks over boxes, in rational arithmetic."""

from fractions import Fraction
from itertools import combinations

from torch import Tensor, nn

from hauberk.concepts.box import Box


def least(module: nn.Sequential, box: Box, row: Tensor, offset: float) -> Fraction:
    """Return the minimum of <row, logits> + offset for two inputs and one hidden layer of ReLUs over a single box.

    The network is linear between the hinges' lines, so that the minimum lies where two lines meet, of hinges or sides.
    """
    first, last = ([rationals(t) for t in layer.parameters()] for layer in (module[0], module[2]))
    weights, biases = first
    weight = [sum(c * w[j] for c, w in zip(rationals(row), last[0], strict=True)) for j in range(len(biases))]
    constant = sum(c * b for c, b in zip(rationals(row), last[1], strict=True)) + Fraction(offset)
    low, high = rationals(box.lower[0]), rationals(box.upper[0])
    lines = [(w, -b) for w, b in zip(weights, biases, strict=True)]
    lines += [(axis, end[i]) for i, axis in enumerate(([1, 0], [0, 1])) for end in (low, high)]
    found = []
    for ((a, b), e), ((c, d), f) in combinations(lines, 2):
        if (size := a * d - b * c) == 0:
            continue
        x = [(e * d - b * f) / size, (a * f - e * c) / size]
        if all(start <= v <= end for start, v, end in zip(low, x, high, strict=True)):
            hidden = [
                max(sum(p * q for p, q in zip(w, x, strict=True)) + b, 0) for w, b in zip(weights, biases, strict=True)
            ]
            found.append(constant + sum(p * q for p, q in zip(weight, hidden, strict=True)))
    return min(found)


def rationals(t: Tensor) -> list:
    """Return the elements of a vector, or of each row of a matrix, as fractions."""
    return [rationals(row) for row in t] if t.dim() > 1 else [Fraction(v) for v in t.tolist()]
