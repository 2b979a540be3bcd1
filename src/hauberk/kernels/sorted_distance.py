"""Weighted sums of the largest distances of inputs from weights: the arithmetic of SortNet."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.kernels.lp_distance import matched, require_reverse_mode
from hauberk.kernels.plain_lp_distance import blocks
from hauberk.kernels.rows import COMPILED, arrays
from hauberk.kernels.threads import in_threads

NOWHERE = -(2**31)
"""In place of an input, where there are fewer distances than shares."""


def shares_of(keep: float, terms: int) -> list[float]:
    """Return the shares q (1 - q)^(k - 1) of the largest distances, q = keep, divided by the sum of the first `terms`.

    Source: Zhang, Jiang, He & Wang 2022 (Rethinking Lipschitz neural networks), section 5.
    """
    given = [keep * (1 - keep) ** k for k in range(terms if keep < 1 else 1)]
    return [share / sum(given) for share in given]


def sorted_distance(
    first: Float[Tensor, "..."], second: Float[Tensor, "..."], w: Float[Tensor, "out in"], shares: list[float]
) -> Float[Tensor, "..."]:
    """Return sum_k shares_k d_(k) for every row of w.

    The d_(1) >= d_(2) >= ... are max(first - w, w - second, 0), sorted: |x - w| if first = second = x; with a box's
    bounds, the least or largest over the box, as in `lp_reach`.

    Costs a comparison per distance, as most are smaller than the ones found; keeps an input for each share and result,
    4 bytes each, and scatters to them backward.
    """
    return torch.ops.hauberk.sorted_distance(first, second, w, shares)


LIBRARY = torch.library.Library("hauberk", "FRAGMENT")
LIBRARY.define("sorted_distance(Tensor first, Tensor second, Tensor w, float[] shares) -> Tensor")


def below(first: Tensor, second: Tensor, w: Tensor, shares: list[float]) -> Tensor:
    """Return the sums, without gradient."""
    first, second = matched(first, w), matched(second, w)
    sums, _ = forward(first.flatten(0, -2), second.flatten(0, -2), w, shares)
    return sums.view(*first.shape[:-1], len(w))


def differentiable(first: Tensor, second: Tensor, w: Tensor, shares: list[float]) -> Tensor:
    """Return the sums, with gradient if one is wanted."""
    first, second = matched(first, w), matched(second, w)
    require_reverse_mode(first, second, w)
    if torch.is_grad_enabled() and any(t.requires_grad for t in (first, second, w)):
        return Sorted.apply(first.flatten(0, -2), second.flatten(0, -2), w, shares).view(*first.shape[:-1], len(w))
    with torch._C._AutoDispatchBelowAutograd():
        return torch.ops.hauberk.sorted_distance(first, second, w, shares)


def shaped(first: Tensor, second: Tensor, w: Tensor, shares: list[float]) -> Tensor:
    """Return an empty result, for tracing."""
    return matched(first, w).new_empty(*first.shape[:-1], w.shape[0])


LIBRARY.impl("sorted_distance", below, "CompositeExplicitAutograd")
LIBRARY.impl("sorted_distance", differentiable, "Autograd")
LIBRARY.impl("sorted_distance", shaped, "Meta")


class Sorted(torch.autograd.Function):
    """The sums, with their gradient, which takes the order for constant."""

    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor, w: Tensor, shares: list[float]) -> Tensor:
        sums, places = forward(first, second, w, shares)
        ctx.save_for_backward(places)
        ctx.shares, ctx.shapes = shares, (first.shape, w.shape)
        return sums

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        (places,) = ctx.saved_tensors
        return *scattered(places, grad, ctx.shares, *ctx.shapes), None


def forward(
    first: Float[Tensor, "b in"], second: Float[Tensor, "b in"], w: Float[Tensor, "out in"], shares: list[float]
) -> tuple[Float[Tensor, "b out"], Int[Tensor, "b out k"]]:
    """Return the sums, and the inputs of the distances: i where first - w is the larger side, else ~i."""
    if not len(first):
        return first.new_empty(0, len(w)), torch.empty(0, len(w), len(shares), dtype=torch.int32)
    if first.dtype == torch.float32 and first.device.type == "cpu" and COMPILED and first.shape[1]:
        return compiled(first, second, w, shares)
    sums, places = [], []
    k = min(len(shares), w.shape[1])
    for rows in blocks(first, w):
        ahead, behind = first[:, None] - w[rows], w[rows] - second[:, None]
        found, index = torch.maximum(ahead, behind).clamp(min=0).topk(k, 2)
        sums.append(found @ found.new_tensor(shares[:k]))
        index = torch.where((ahead > behind).gather(2, index), index, ~index)
        places.append(torch.where(found > 0, index, NOWHERE).int())
    return torch.cat(sums, 1), torch.cat(places, 1)


def compiled(first: Tensor, second: Tensor, w: Tensor, shares: list[float]) -> tuple[Tensor, Tensor]:
    """Return the same by compiled loops."""
    from hauberk.kernels import compiled_sorted_distance as loops
    from hauberk.kernels.cpu_lp_distance import memory, padded

    single = first is second
    first, w = padded(first), padded(w)
    tables = arrays(first, first if single else padded(second), w, torch.tensor(shares))
    sums, places = first.new_empty(len(first), len(w)), torch.empty(len(first), len(w), len(shares), dtype=torch.int32)
    in_threads(loops.sort_largest, len(w), *tables, *memory(sums, places))
    return sums, places


def scattered(
    places: Int[Tensor, "b out k"], grad: Float[Tensor, "b out"], shares: list[float], x: torch.Size, w: torch.Size
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients in first, second and w."""
    shape = places.shape
    slope = grad[..., None] * grad.new_tensor(shares[: shape[2]])
    slope = slope.masked_fill(places == NOWHERE, 0)
    index = torch.where(places < 0, ~places, places).long().clamp(max=x[1] - 1)
    forth, back = slope.masked_fill(places < 0, 0), slope.masked_fill(places >= 0, 0)
    first, second = (grad.new_zeros(x).scatter_add_(1, index.flatten(1), t.flatten(1)) for t in (forth, -back))
    by_row = (t.transpose(0, 1).flatten(1) for t in (index, back - forth))
    return first, second, grad.new_zeros(w).scatter_add_(1, *by_row)
