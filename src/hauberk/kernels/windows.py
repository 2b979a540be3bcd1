"""Moves of image windows in one compiled pass over memory, where torch takes dozens."""

import torch
from jaxtyping import Float, Float32
from torch import Tensor

from hauberk.kernels.rows import arrays


def swap(
    z: Float[Tensor, "b c h w"],
    start: Float[Tensor, "b c h w"],
    radius: Float[Tensor, "b"],
    within: tuple[float, float],
    bump: Float[Tensor, "side side"],
    drawn: Float[Tensor, "b numbers"],
    *,
    euclidean: bool,
    cancelled: float,
) -> Float[Tensor, "b c h w"]:
    """Return z after a proposal of the Square attack in the l_2 (else l_1) norm, in balls of these radii.

    The twin of `SquareWindows.plain_proposal`, for CPU tensors if loops are compiled. Sums run in float64.
    """
    from hauberk.kernels import compiled_windows

    out = torch.empty_like(start, memory_format=torch.contiguous_format)
    points, shape, numbers = arrays(z, start, radius), arrays(bump), arrays(drawn)
    compiled_windows.swap(*points, *within, euclidean, cancelled, *shape, *numbers, out.numpy())
    return out


def fill(
    z: Float[Tensor, "b c h w"],
    lower: Float[Tensor, "b c h w"],
    upper: Float[Tensor, "b c h w"],
    side: int,
    drawn: Float32[Tensor, "b numbers"],
) -> Float[Tensor, "b c h w"]:
    """Return z after a proposal of the Square attack in the l_inf norm, in these boxes.

    The twin of `Square.plain_proposal`, for CPU tensors if loops are compiled.
    """
    from hauberk.kernels import compiled_windows

    out = torch.empty_like(lower, memory_format=torch.contiguous_format)
    compiled_windows.fill(*arrays(z, lower, upper), side, *arrays(drawn), out.numpy())
    return out
