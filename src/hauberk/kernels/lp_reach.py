"""l_p distances of boxes from points: the least and the largest over a box, and where they are attained."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.kernels import plain_lp_distance as plain
from hauberk.kernels.rows import COMPILED


def lp_reach(
    first: Float[Tensor, "*b in"], second: Float[Tensor, "*b in"], w: Float[Tensor, "out in"], p: Float[Tensor, ""]
) -> Float[Tensor, "*b out"]:
    """Return ||max(first - w, w - second, 0)||_p for every row of w.

    With a box's lower and upper bounds this is its least distance from w, with upper and lower ones its largest. Costs
    2 * b * out * in operations.
    """
    flat = (first.flatten(0, -2), second.flatten(0, -2), w, p)
    differentiated = torch.is_grad_enabled() and any(t.requires_grad for t in flat)
    u = Reach.apply(*flat) if differentiated else forward(*flat)
    return u.view(*first.shape[:-1], len(w))


def forward(first: Tensor, second: Tensor, w: Tensor, p: Tensor) -> Float[Tensor, "b out"]:
    """Return the distances, without gradient."""
    single = first.dtype == second.dtype == w.dtype == torch.float32 and first.device.type == "cpu"
    if single and COMPILED and first.numel() and w.numel() and p.isinf():
        from hauberk.kernels import cpu_lp_distance

        if first.isfinite().all() and second.isfinite().all() and w.isfinite().all():
            return cpu_lp_distance.reach(first, second, w)
    return plain.forward(first, second, w, p)[0]


class Reach(torch.autograd.Function):
    """The distances of boxes, with their gradient."""

    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor, w: Tensor, p: Tensor) -> Tensor:
        u, where = plain.forward(first, second, w, p)
        ctx.save_for_backward(first, second, w, p, u, where)
        return u

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        first, second, w, p, u, where = ctx.saved_tensors
        return *plain.backward(first, second, w, p, u, where, grad), None


@torch.no_grad()
def extremes(
    lower: Float[Tensor, "*b in"], upper: Float[Tensor, "*b in"], w: Float[Tensor, "out in"], count: int
) -> tuple[Int[Tensor, "*b out"], Int[Tensor, "*b out k"]]:
    """Return, for each row of w, the input i with the largest least |z_i - w_i|, and those with the largest ones.

    Where zero lies inside, the least counts as minus the distance to the nearer end. Of the largest ones come `count`,
    in order, or as many as there are inputs.
    """
    low, high = lower.flatten(0, -2), upper.flatten(0, -2)
    near, far = [], []
    for rows in plain.blocks(low, w):
        after, before = low[:, None] - w[rows], w[rows] - high[:, None]
        near.append(torch.maximum(after, before).argmax(2))
        far.append(torch.maximum(-after, -before).topk(min(count, w.shape[1]), 2).indices)
    batch = lower.shape[:-1]
    return torch.cat(near, 1).view(*batch, len(w)), torch.cat(far, 1).view(*batch, len(w), -1)
