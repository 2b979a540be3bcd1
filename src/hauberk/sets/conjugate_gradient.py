"""Directions of steepest ascent where lengths are measured by features."""

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.radius import per_example
from hauberk.layers.perceptual_features import Features

STEPS = 5
"""The number of conjugate gradient steps, as published."""


def solved(
    features: Features, z: Float[Tensor, "b *z"], gradient: Float[Tensor, "b *z"], unit: Float[Tensor, "b"]
) -> tuple[Float[Tensor, "b *z"], Float[Tensor, "b"]]:
    """Return v near (J^T J)^-1 gradient, its largest entry 1, and |J v|, for the features' Jacobian J at z.

    Products with J are differences of features at points so far apart that rounding takes equal shares of both, and
    products with its transpose are gradients. Where features do not feel the gradient, v is the gradient itself.

    Args:
        features: the map from images to features.
        z: the images.
        gradient: the gradients, finite.
        unit: the width of the range of images.
    """
    z = z.detach().requires_grad_()
    here = features(z)
    fixed, tiny = here.detach(), torch.finfo(z.dtype).tiny
    precision = max(torch.finfo(dtype).eps for dtype in (z.dtype, features.precision or z.dtype))
    shift = unit * (precision * z.shape[1:].numel()) ** 0.5

    def felt(move: Float[Tensor, "b *z"]) -> Float[Tensor, "b n"]:
        """Return J times a move."""
        by = shift / torch.linalg.vector_norm(move.flatten(1), dim=1).clamp(min=tiny)
        with torch.no_grad():
            return (features(z + per_example(by, z) * move) - fixed) / by[:, None].to(fixed)

    largest = gradient.flatten(1).abs().amax(1)
    gradient = left = heading = gradient / per_example(largest.clamp(min=tiny), z)
    square = first = squared(left)
    v, reach = torch.zeros_like(z), torch.zeros_like(fixed)
    for step in range(STEPS):
        seen = felt(heading)
        curvature = squared(seen).to(z.dtype)
        going = (square > precision * first) & (curvature > 0) & curvature.isfinite()
        by = torch.where(going, square / curvature, 0)
        v, reach = v + per_example(by, z) * heading, reach + by[:, None].to(fixed) * seen
        if step + 1 == STEPS:
            break
        (back,) = torch.autograd.grad(here, z, seen, retain_graph=True)
        left = left - per_example(by, z) * back
        rest = squared(left)
        heading = left + per_example(torch.where(going, rest / square, 0), z) * heading
        square = torch.where(going, rest, 0)
    size = torch.linalg.vector_norm(reach, dim=1).to(z.dtype)
    largest = v.flatten(1).abs().amax(1)
    led = (size > 0) & size.isfinite() & largest.isfinite()
    v = torch.where(per_example(led, z), v / per_example(largest.clamp(min=tiny), z), gradient)
    return v, torch.where(led, size / largest.clamp(min=tiny), 0)


def squared(t: Float[Tensor, "b *t"]) -> Float[Tensor, "b"]:
    """Return the sum of squares of each example."""
    return t.flatten(1).square().sum(1)
