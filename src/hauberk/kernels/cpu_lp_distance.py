"""The CPU twin of `lp_distance`, in float32: compiled loops, shared by torch's number of threads."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hauberk.kernels import compiled_powers, compiled_slopes, plain_lp_distance
from hauberk.kernels import compiled_tiles as tiles
from hauberk.kernels.rows import arrays
from hauberk.kernels.threads import in_threads
from hauberk.kernels.vectors import WIDE

LEAST, MOST = 1e-32, 1e36
"""The sums of eighth powers that float32 holds to full precision."""


def forward(x: Tensor, w: Tensor, p: Tensor, places: bool) -> tuple[Tensor, Tensor]:
    """Return the distances, and at p = inf the places of the maxima, as `lp_distance.forward` says."""
    exponent = p.item()
    if exponent < 2:  # its powers fall too slowly for the loops to leave any out
        return plain_lp_distance.forward(x, x, w, p)
    x, w = padded(x), padded(w)
    u, none = x.new_empty(len(x), len(w)), torch.empty(0, 0, dtype=torch.int32)
    where = torch.empty(u.shape, dtype=torch.int32) if places and exponent == math.inf else none
    if exponent == 8:
        fold(tiles.EIGHTH, x, x, w, u, none)
        if u.min() > LEAST and u.max() < MOST:
            return u.pow_(1 / 8), none
    fold(tiles.LARGEST, x, x, w, u, where)
    if exponent == math.inf:
        if places:
            in_threads(tiles.locate, len(w), *arrays(x, w), *memory(u, where))
        return u, where
    total = torch.empty_like(u)
    in_threads(compiled_powers.sums_of_powers, len(w), *arrays(x, w), exponent, *memory(u, total))
    total.clamp_(min=1).pow_(1 / exponent)  # to the largest term, which is 1, rounding may have been unkind
    return torch.where(u >= compiled_powers.TINY, u * total, u), none


def backward(x: Tensor, w: Tensor, p: Tensor, u: Tensor, where: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients in x and w."""
    exponent, length = p.item(), x.shape[1]
    if exponent < 2 or not u.isfinite().all():
        first, second, dw = plain_lp_distance.backward(x, x, w, p, u, where, grad)
        return first + second, dw
    if exponent == math.inf:
        dx, dw = torch.zeros_like(x), torch.zeros_like(w)
        in_threads(tiles.scatter, len(x), *memory(where, grad), True, *memory(dx))
        in_threads(tiles.scatter, len(w), *memory(where, grad), False, *memory(dw))
        return dx, dw
    x, w = padded(x), padded(w)
    dx, dw = torch.zeros_like(x), torch.empty_like(w)
    inverse = torch.where(u >= compiled_powers.TINY, 1 / u, 0)
    if exponent == 8 and u.min() > LEAST ** (1 / 8) and u.max() < 1e4:
        grad, inverse = grad * inverse.pow_(7), inverse[:0]
    in_threads(compiled_slopes.back, x.shape[1] // WIDE, *arrays(x, w, grad, inverse), exponent, *memory(dx, dw))
    return dx[:, :length], dw[:, :length]


def reach(first: Tensor, second: Tensor, w: Tensor) -> Tensor:
    """Return the largest of first - w, w - second and 0 for every row of w; all numbers are finite."""
    first, second, w = padded(first), padded(second), padded(w)
    u, none = first.new_empty(len(first), len(w)), torch.empty(0, 0, dtype=torch.int32)
    fold(tiles.REACH, first, second, w, u, none)
    return u


def fold(kind: int, first: Tensor, second: Tensor, w: Tensor, u: Tensor, where: Tensor) -> None:
    """Write the maxima or sums that `kind` says to u, and the chunks of the maxima to `where` unless it is empty."""
    tables = (*arrays(first, second, w), *memory(u, where))
    in_threads(tiles.fold, len(w), kind, *tables, grain=tiles.COLUMNS)


def padded(rows: Tensor) -> Tensor:
    """Return rows whose length is a multiple of that of the loops' vectors, zeros being added."""
    missing = -rows.shape[1] % WIDE
    return F.pad(rows.detach(), (0, missing)) if missing else rows.detach().contiguous()


def memory(*tensors: Tensor) -> list[np.ndarray]:
    """Return the memory of contiguous tensors."""
    return [tensor.numpy() for tensor in tensors]
