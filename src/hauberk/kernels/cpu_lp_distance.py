"""The CPU twin of `lp_distance`, in float32: compiled loops, shared by torch's number of threads."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from hauberk.kernels import compiled_lp_distance as loops
from hauberk.kernels.rows import arrays
from hauberk.kernels.threads import in_threads

LEAST, MOST = 1e-32, 1e36
"""The sums of eighth powers that float32 holds to full precision."""


def forward(x: Tensor, w: Tensor, p: Tensor, places: bool) -> tuple[Tensor, Tensor]:
    """Return the distances, and at p = inf the places of the maxima, as `lp_distance.forward` says."""
    exponent = p.item()
    x, w = padded(x), padded(w)
    u, none = x.new_empty(len(x), len(w)), torch.empty(0, 0, dtype=torch.int32)
    where = torch.empty(u.shape, dtype=torch.int32) if places and exponent == math.inf else none
    if exponent == 8:
        in_threads(lambda i, j: loops.fold(loops.EIGHTH, *arrays(x, x, w), i, j, *results(u, none)), len(w), loops.COLUMNS)
        if u.min() > LEAST and u.max() < MOST:
            return u.pow_(1 / 8), none
    in_threads(lambda i, j: loops.fold(loops.LARGEST, *arrays(x, x, w), i, j, *results(u, where)), len(w), loops.COLUMNS)
    if exponent == math.inf:
        if places:
            in_threads(lambda i, j: loops.locate(*arrays(x, w), i, j, *results(u, where)), len(w))
        return u, where
    total = torch.empty_like(u)
    in_threads(lambda i, j: loops.sums_of_powers(*arrays(x, w), exponent, i, j, *results(u, total)), len(w))
    return torch.where(u > 0, u * total.pow_(1 / exponent), u), none


def backward(x: Tensor, w: Tensor, p: Tensor, u: Tensor, where: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients in x and w."""
    exponent, length = p.item(), x.shape[1]
    if exponent == math.inf:
        dx, dw = torch.zeros_like(x), torch.zeros_like(w)
        given = (where.numpy(), grad.numpy())
        in_threads(lambda i, j: loops.scatter(*given, i, j, True, dx.numpy()), len(x))
        in_threads(lambda i, j: loops.scatter(*given, i, j, False, dw.numpy()), len(w))
        return dx, dw
    x, w = padded(x), padded(w)
    dx, dw = torch.zeros_like(x), torch.empty_like(w)
    inverse = torch.where(u > 0, 1 / u, 0)
    if exponent == 8 and u.min() > 1e-4 and u.max() < 1e4:
        grad, inverse = grad * inverse.pow_(7), inverse[:0]
    tables = arrays(x, w, grad, inverse)
    in_threads(lambda i, j: loops.back(*tables, exponent, i, j, *results(dx, dw)), x.shape[1] // loops.WIDE)
    return dx[:, :length], dw[:, :length]


def reach(first: Tensor, second: Tensor, w: Tensor) -> Tensor:
    """Return the largest of first - w, w - second and 0 for every row of w; all numbers are finite."""
    first, second, w = padded(first), padded(second), padded(w)
    u, none = first.new_empty(len(first), len(w)), torch.empty(0, 0, dtype=torch.int32)
    tables = arrays(first, second, w)
    in_threads(lambda i, j: loops.fold(loops.REACH, *tables, i, j, *results(u, none)), len(w), loops.COLUMNS)
    return u


def padded(rows: Tensor) -> Tensor:
    """Return rows whose length is a multiple of that of the loops' vectors, zeros being added."""
    rows = rows.detach()
    return F.pad(rows, (0, -rows.shape[1] % loops.WIDE)).contiguous()


def results(*tensors: Tensor) -> list:
    """Return tensors' memory to write to."""
    return [tensor.numpy() for tensor in tensors]
