"""The plain twin of `lp_distance`: torch's own operations, for every device and precision, in blocks of w's rows."""

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK_BYTES = 2**26
LEAST = 1e-30
"""A number below every distance of interest, in place of a divisor 0."""


def forward(x: Tensor, w: Tensor, p: Tensor, places: bool) -> tuple[Tensor, Tensor]:
    """Return the distances, and at p = inf the places of the maxima, as `lp_distance.forward` says."""
    u = x.new_empty(len(x), len(w))
    where = torch.empty(len(x), len(w), dtype=torch.int32, device=x.device)
    for rows in blocks(x, w):
        difference = x[:, None] - w[rows]
        size = difference.abs()
        largest, index = size.max(2) if size.numel() else (size.sum(2), None)
        safe = largest.clamp(min=LEAST)
        total = (size / safe[..., None]).pow(torch.where(p.isinf(), 1, p)).sum(2)
        finite = largest * total.pow(1 / p)
        u[:, rows] = torch.where(p.isinf(), largest, torch.where(largest > 0, finite, largest))
        if index is not None:
            ahead = difference.gather(2, index[..., None])[..., 0] > 0
            where[:, rows] = torch.where(ahead, index, ~index).int()
    return u, where


def backward(x: Tensor, w: Tensor, p: Tensor, u: Tensor, where: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients in x and w."""
    dx, dw = torch.zeros_like(x), torch.zeros_like(w)
    for rows in blocks(x, w):
        difference = x[:, None] - w[rows]
        share = difference.abs() / u[:, rows].clamp(min=LEAST)[..., None]
        power = share.pow(torch.where(p.isinf(), 1, p - 1)) * difference.sign()
        index = where[:, rows].long()
        index, sign = torch.where(index < 0, ~index, index), torch.where(index < 0, -1, 1).to(x.dtype)
        single = torch.zeros_like(power).scatter_(2, index[..., None], sign[..., None])
        slope = torch.where(p.isinf(), single, power) * grad[:, rows, None]
        dx += slope.sum(1)
        dw[rows] = -slope.sum(0)
    return dx, dw


def blocks(x: Tensor, w: Tensor) -> Iterator[slice]:
    """Return ranges of w's rows, so that differences from all of x take BLOCK_BYTES at most."""
    length = max(BLOCK_BYTES // max(x.numel() * x.element_size(), 1), 1)
    return (slice(first, first + length) for first in range(0, len(w), length))
