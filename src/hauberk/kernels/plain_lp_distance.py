"""The plain twin of `lp_distance` and `lp_reach`: torch's own operations, in blocks of w's rows."""

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK_BYTES = 2**26


def forward(first: Tensor, second: Tensor, w: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """Return ||max(first - w, w - second, 0)||_p and, for p = inf, the first i that attains it.

    Places are i where first_i - w_i is the larger of the two, ~i elsewhere.
    """
    u = first.new_empty(len(first), len(w))
    where = torch.empty(len(first), len(w), dtype=torch.int32, device=w.device)
    for rows in blocks(first, w):
        ahead, behind = first[:, None] - w[rows], w[rows] - second[:, None]
        size = torch.maximum(ahead, behind).clamp(min=0)
        if not size.numel():
            u[:, rows], where[:, rows] = 0, 0
            continue
        largest, index = size.max(2)
        tiny = torch.finfo(w.dtype).tiny
        share = size / largest.clamp(min=tiny)[..., None]
        total = share.pow(torch.where(p.isinf(), 1, p)).sum(2)
        u[:, rows] = torch.where(p.isinf() | (largest < tiny), largest, largest * total.pow(1 / p))
        forwards = (ahead > behind).gather(2, index[..., None])[..., 0]
        where[:, rows] = torch.where(forwards, index, ~index).int()
    return u, where


def backward(
    first: Tensor, second: Tensor, w: Tensor, p: Tensor, u: Tensor, where: Tensor, grad: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients in first, second and w."""
    found = [torch.zeros_like(first), torch.zeros_like(second), torch.zeros_like(w)]
    for rows in blocks(first, w):
        ahead, behind = first[:, None] - w[rows], w[rows] - second[:, None]
        size = torch.maximum(ahead, behind).clamp(min=0)
        share = size / u[:, rows].clamp(min=torch.finfo(w.dtype).tiny)[..., None]
        power = share.pow(torch.where(p.isinf(), 1, p - 1)) * (size > 0)
        index, forwards = where[:, rows].long(), ahead > behind
        attained = ((u[:, rows] != 0) | (first is second))[..., None]  # within a box nothing moves the least distance
        index = torch.where(index < 0, ~index, index)
        single = torch.zeros_like(power).scatter_(2, index[..., None], 1) * attained
        slope = torch.where(p.isinf(), single, power) * grad[:, rows, None]
        forth, back = torch.where(forwards, slope, 0), torch.where(forwards, 0, slope)
        found[0] += forth.sum(1)
        found[1] -= back.sum(1)
        found[2][rows] = (back - forth).sum(0)
    return found[0], found[1], found[2]


def blocks(x: Tensor, w: Tensor) -> Iterator[slice]:
    """Return ranges of w's rows, so that differences from all of x take BLOCK_BYTES at most."""
    length = max(BLOCK_BYTES // max(x.numel() * x.element_size(), 1), 1)
    return (slice(start, start + length) for start in range(0, len(w), length))
