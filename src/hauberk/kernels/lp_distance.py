"""l_p distances between rows, the arithmetic of l_inf-distance networks: a matrix product with |x - w|^p for x * w.

No tensor of size batch * out * in is made. Three twins compute the same: loops for CPUs where numba is installed,
Triton's kernels on CUDA devices, both for float32, and torch's own operations for everything else.
"""

from importlib.util import find_spec
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import forward_ad

from hauberk.errors import ShapeError, UnsupportedOpError
from hauberk.kernels import plain_lp_distance as plain
from hauberk.kernels.rows import COMPILED

TRITON = find_spec("triton") is not None
Pair = tuple[Tensor, Tensor]


def lp_distance(x: Float[Tensor, "..."], w: Float[Tensor, "out in"], p: Float[Tensor, ""]) -> Float[Tensor, "..."]:
    """Return the l_p distance of every row of x from every row of w.

    u = m * (sum_i (|x_i - w_i| / m)^p)^(1/p), m being the largest |x_i - w_i|: no power overflows. The gradient in x_i
    is sign(x_i - w_i) * (|x_i - w_i| / u)^(p - 1); at p = inf it is the sign at the first i that attains the maximum,
    and a sign of 0 counts as -1. Where u is 0 and p finite, the gradient is 0. It can be differentiated once.

    On devices p is read by the kernels alone: nothing waits for it. Costs 2 * b * out * in operations forward, at p =
    inf b * out backward (the places of the maxima are kept, 4 bytes each), and else twice the forward cost.

    Raises:
        ShapeError: x has no batch, or rows of another length than w's.

    Source: Zhang et al. 2021, section 5.
    """
    return torch.ops.hauberk.lp_distance(x, w, p)


LIBRARY = torch.library.Library("hauberk", "FRAGMENT")
LIBRARY.define("lp_distance(Tensor x, Tensor w, Tensor p) -> Tensor")


def below(x: Tensor, w: Tensor, p: Tensor) -> Tensor:
    """Return the distances, without gradient."""
    x = matched(x, w)
    return forward(x.flatten(0, -2), w, p, places=False)[0].view(*x.shape[:-1], len(w))


def differentiable(x: Tensor, w: Tensor, p: Tensor) -> Tensor:
    """Return the distances, with gradient if one is wanted."""
    x = matched(x, w)
    require_reverse_mode(x, w)
    if torch.is_grad_enabled() and (x.requires_grad or w.requires_grad):
        return Distance.apply(x.flatten(0, -2), w, p).view(*x.shape[:-1], len(w))
    with torch._C._AutoDispatchBelowAutograd():
        return torch.ops.hauberk.lp_distance(x, w, p)


def shaped(x: Tensor, w: Tensor, p: Tensor) -> Tensor:
    """Return an empty result, for tracing."""
    x = matched(x, w)
    return x.new_empty(*x.shape[:-1], w.shape[0], dtype=w.dtype)


def matched(x: Tensor, w: Tensor) -> Tensor:
    """Return x in w's precision, which layers below may have left under autocast.

    Raises:
        ShapeError: x has no batch, or rows of another length than w's.
    """
    if x.ndim < 2 or x.shape[-1] != w.shape[1]:
        raise ShapeError(
            f"neurons of {w.shape[1]} inputs cannot take {tuple(x.shape)}: (b, ..., {w.shape[1]}) is needed."
        )
    return x.to(w.dtype)


def require_reverse_mode(*tensors: Tensor) -> None:
    """Raise if a tensor carries a forward-mode tangent, which would be lost.

    Raises:
        UnsupportedOpError: one does.
    """
    if forward_ad._current_level >= 0 and any(forward_ad.unpack_dual(t).tangent is not None for t in tensors):
        raise UnsupportedOpError("distances have gradients, but no forward-mode derivatives: use torch.autograd.grad.")


LIBRARY.impl("lp_distance", below, "CompositeExplicitAutograd")
LIBRARY.impl("lp_distance", differentiable, "Autograd")
LIBRARY.impl("lp_distance", shaped, "Meta")


class Distance(torch.autograd.Function):
    """The distances of rows, with their gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, p: Tensor) -> Tensor:
        u, where = forward(x, w, p, places=True)
        ctx.save_for_backward(x, w, p, u, where)
        return u

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        x, w, p, u, where = ctx.saved_tensors
        return *backward(x, w, p, u, where, grad), None


class Plain:
    """The plain twin, for points: boxes of one point."""

    @staticmethod
    def forward(x: Tensor, w: Tensor, p: Tensor, places: bool) -> Pair:
        """Return the distances and the places of the maxima."""
        return plain.forward(x, x, w, p)

    @staticmethod
    def backward(x: Tensor, w: Tensor, p: Tensor, u: Tensor, where: Tensor, grad: Tensor) -> Pair:
        """Return the gradients in x and w."""
        first, second, dw = plain.backward(x, x, w, p, u, where, grad)
        return first + second, dw


def forward(x: Float[Tensor, "b in"], w: Float[Tensor, "out in"], p: Tensor, *, places: bool) -> Pair:
    """Return the distances; and, if `places` are wanted and p is inf, those of the maxima: i, or ~i where x <= w."""
    return twin(x, w).forward(x, w, p, places)


def backward(x: Tensor, w: Tensor, p: Tensor, u: Tensor, where: Int[Tensor, "b out"], grad: Tensor) -> Pair:
    """Return the gradients in x and w, given that in u."""
    return twin(x, w).backward(x, w, p, u, where, grad.contiguous())


def twin(x: Tensor, w: Tensor) -> Any:
    """Return the module that computes for tensors like these."""
    if x.dtype == w.dtype == torch.float32 and x.numel() and w.numel():
        if x.device.type == "cpu" and COMPILED:
            from hauberk.kernels import cpu_lp_distance

            return cpu_lp_distance
        if x.device.type == "cuda" and TRITON:
            from hauberk.kernels import triton_lp_distance

            return triton_lp_distance
    return Plain
