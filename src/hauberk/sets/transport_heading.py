"""Directions of steps that Wasserstein balls are attacked by."""

from typing import Literal

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from hauberk.concepts.radius import per_example
from hauberk.kernels.transport_grid import Grid
from hauberk.kernels.transport_support import worthiest

Heading = Literal["sign", "l2", "wasserstein"]


def stepped(
    z: Float[Tensor, "b *z"],
    gradient: Float[Tensor, "b *z"],
    length: Float[Tensor, "b"],
    heading: Heading,
    total: Float64[Tensor, "b"],
    grid: Grid,
) -> Float[Tensor, "b *z"]:
    """Return images after a step along the gradient, its signs, or the best transport.

    Args:
        z: the images.
        gradient: what they are worth.
        length: the step's Euclidean length, its length in each pixel, or its cost.
        heading: which of the three.
        total: the images' mass.
        grid: the geometry.
    """
    if heading == "wasserstein":
        mass = z.clamp(min=0).flatten(1).double() / total[:, None]
        best = worthiest(gradient.flatten(1).double(), mass, length.double(), grid)
        return (best * total[:, None]).to(z.dtype).view_as(z)
    if heading == "sign":
        return torch.addcmul(z, gradient.sign(), per_example(length, z))
    flat = gradient.flatten(1)
    flat = flat / flat.abs().amax(1, keepdim=True).clamp(min=torch.finfo(flat.dtype).tiny)
    along = flat / torch.linalg.vector_norm(flat, dim=1, keepdim=True).clamp(min=1)
    return z + per_example(length, z) * along.view_as(z)
